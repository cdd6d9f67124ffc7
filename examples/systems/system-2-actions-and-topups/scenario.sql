-- Some months of a few customers. Runs after setup.sql, in a database in which it has not run before.
\set QUIET on
\pset footer off
\pset null -
SET timezone = 'UTC';

\echo
\echo == 1. Plans, and what actions cost ==
\echo
\echo Every plan includes AI, the trial, too, and a higher one includes more:
SELECT plan, allowance, trial_period, coalesce(metadata ->> 'price', 'agreed') AS usd_per_month
FROM credits_plans ORDER BY rank;
SELECT count(*) AS plans, bool_and(allowance > 0) AS all_include_ai FROM credits_plans;

\echo Three kinds of action draw credits:
SELECT feature, credits AS credits_each FROM credits_rates ORDER BY feature;

\echo
\echo == 2. A trial of 14 days, without a credit card ==
-- Harbour Dental signs up. The account first, then the plan; no payment is named anywhere.
SET credits_ledger.now = '2026-03-02 09:00';
SELECT account, available FROM credits_open_account('harbour');
SELECT operation, amount, from_allowance, from_credits, available FROM credits_subscribe('harbour', 'trial', 'signup');

\echo Each action at its price: 100 − 1 − 1 − 25 = 73:
SELECT operation, amount, available FROM credits_charge('harbour', 'reply', 1, 'trial-msg-1');
SELECT operation, amount, available FROM credits_charge('harbour', 'command', 1, 'trial-cmd-1');
SELECT operation, amount, available FROM credits_charge('harbour', 'knowledge_sync', 1, 'trial-sync-1');
SELECT lot, kind, amount, remaining, price, expires_at FROM credits_grants WHERE account = 'harbour';

\echo The 14 days are over on 16 March at 09:00, whether or not anything runs:
SET credits_ledger.now = '2026-03-16 08:59:59';
SELECT as_of, available FROM credits_balance('harbour');
SET credits_ledger.now = '2026-03-16 09:00';
SELECT as_of, available FROM credits_balance('harbour');
\set ON_ERROR_STOP off
SELECT * FROM credits_charge('harbour', 'reply', 1, 'trial-msg-2');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on

\echo
\echo == 3. A plan: the allowance of a month ==
-- Six hours later they subscribe. That begins a cycle of their own.
SET credits_ledger.now = '2026-03-16 15:00';
SELECT operation, amount, from_allowance, available FROM credits_subscribe('harbour', 'starter', 'subscription-1');
SELECT cycle_start, cycle_end, allowance, credits FROM credits_balance('harbour');

\echo
\echo == 4. One pool for all channels and contacts ==
SET credits_ledger.now = '2026-03-17 10:00';
\echo A reply by email, a draft for a text message, a reply in the web chat, a command by a member of the team:
SELECT amount, available FROM credits_charge('harbour', 'reply', 1, 'msg-1', resource => 'email/contact-17');
SELECT amount, available FROM credits_charge('harbour', 'reply', 1, 'msg-2', resource => 'sms/contact-8',
                                             metadata => '{"state": "draft"}');
SELECT amount, available FROM credits_charge('harbour', 'reply', 1, 'msg-3', resource => 'webchat/contact-17');
SELECT amount, available FROM credits_charge('harbour', 'command', 1, 'cmd-1', actor => 'dana');
\echo Where they went can be told, although nobody had to divide them up beforehand:
SELECT split_part(resource, '/', 1) AS channel, count(*) AS replies, -sum(amount) AS credits
FROM credits_history WHERE account = 'harbour' AND feature = 'reply' AND resource IS NOT NULL
GROUP BY channel ORDER BY channel;
\echo The assistant reads the website and its questions and answers again:
SELECT amount, available FROM credits_charge('harbour', 'knowledge_sync', 1, 'sync-1', resource => 'website');
\echo The draft is sent. It is the same message with the same key, so it costs nothing more (471 below):
SELECT amount, replayed FROM credits_charge('harbour', 'reply', 1, 'msg-2', resource => 'sms/contact-8',
                                            metadata => '{"state": "sent"}');

\echo
\echo == 5. Where a customer sees what is left ==
SELECT available AS credits_left, allowance AS allowance_left, allowance_granted AS allowance_of_month,
       credits AS topups_left, used AS used_this_month, cycle_end AS resets_at
FROM credits_balance('harbour');

\echo
\echo == 6. Running low: it goes on to the last credit ==
SET credits_ledger.now = '2026-04-10 12:00';
SELECT count(*) AS replies, sum(r.amount) AS credits, min(r.available) AS available
FROM generate_series(1, 455) AS n CROSS JOIN LATERAL credits_charge('harbour', 'reply', 1, 'april-' || n) AS r;
\echo 16 are left: too few for a sync, enough for replies.
SELECT accepted, refused, amount, available
FROM credits_charge('harbour', 'knowledge_sync', 1, 'sync-2', on_insufficient => 'refuse');
SELECT accepted, refused, amount, available
FROM credits_charge('harbour', 'reply', 1, 'msg-4', on_insufficient => 'refuse');
SELECT count(*) AS replies, min(r.available) AS available
FROM generate_series(456, 470) AS n CROSS JOIN LATERAL credits_charge('harbour', 'reply', 1, 'april-' || n) AS r;

\echo
\echo == 7. Nothing left: AI pauses, the rest of the product does not ==
\echo A message comes in. It is stored; its reply waits:
WITH charge AS (
    SELECT * FROM credits_charge('harbour', 'reply', 1, 'msg-5', resource => 'email/contact-30',
                                 on_insufficient => 'refuse')
)
INSERT INTO app.inbox
SELECT 'msg-5', account, 'email', 'Are you open on Sunday?', CASE WHEN accepted THEN 'sent' ELSE 'waiting' END
FROM charge
RETURNING message, body, reply;
\echo A sync pauses, too. Where nothing else is said a refusal is an error, with figures for the screen:
\set ON_ERROR_STOP off
SELECT * FROM credits_charge('harbour', 'knowledge_sync', 1, 'sync-3');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on

\echo
\echo == 8. A top-up: AI goes on at once, the plan stays ==
SET credits_ledger.now = '2026-04-10 12:30';
\echo The packs for sale, and how far each goes:
SELECT p.pack, p.credits, p.price AS usd, trunc(p.credits / reply.credits) AS replies,
       trunc(p.credits / sync.credits) AS or_syncs
FROM app.topup_packs p
JOIN credits_rates reply ON reply.feature = 'reply'
JOIN credits_rates sync ON sync.feature = 'knowledge_sync'
ORDER BY p.credits;
\echo The small one will do:
SELECT operation, amount, from_credits, available
FROM app.topup_packs p CROSS JOIN LATERAL credits_grant(
    'harbour', p.credits, 'checkout-1', kind => 'purchase', price => p.price, currency => p.currency,
    payment_ref => 'payment-1', metadata => jsonb_build_object('pack', p.pack)) r
WHERE p.pack = 'small';
\echo The reply that waited, by the same call with the same key:
WITH charge AS (
    SELECT * FROM credits_charge('harbour', 'reply', 1, 'msg-5', resource => 'email/contact-30',
                                 on_insufficient => 'refuse')
)
UPDATE app.inbox SET reply = 'sent' FROM charge WHERE inbox.message = 'msg-5' AND charge.accepted
RETURNING inbox.message, inbox.reply, charge.from_allowance, charge.from_credits, charge.available;
\echo The payment provider tells of the payment twice; it is credited once:
SELECT operation, amount, available, replayed
FROM app.topup_packs p CROSS JOIN LATERAL credits_grant(
    'harbour', p.credits, 'checkout-1', kind => 'purchase', price => p.price, currency => p.currency,
    payment_ref => 'payment-1', metadata => jsonb_build_object('pack', p.pack)) r
WHERE p.pack = 'small';
\echo A pack can be bought at any time, before it runs out, too:
SELECT operation, amount, available
FROM app.topup_packs p CROSS JOIN LATERAL credits_grant(
    'harbour', p.credits, 'checkout-2', kind => 'purchase', price => p.price, currency => p.currency,
    payment_ref => 'payment-2', metadata => jsonb_build_object('pack', p.pack)) r
WHERE p.pack = 'small';
SELECT plan, pending_plan, pending_at FROM credits_subscriptions WHERE account = 'harbour';

\echo
\echo == 9. The next cycle: a fresh allowance, used before top-ups ==
SET credits_ledger.now = '2026-04-16 15:00';
SELECT cycle_start, cycle_end, allowance, credits, available FROM credits_balance('harbour');
SELECT amount, from_allowance, from_credits FROM credits_charge('harbour', 'knowledge_sync', 1, 'sync-4');
SELECT count(*) AS replies, sum(r.from_allowance) AS from_allowance, sum(r.from_credits) AS from_credits,
       min(r.allowance) AS allowance_left
FROM generate_series(471, 940) AS n CROSS JOIN LATERAL credits_charge('harbour', 'reply', 1, 'april-' || n) AS r;
\echo 5 of the allowance are left. What would a sync take? The 5, and only then a pack, the older first:
SELECT kind, takes, remaining_after, expires_at FROM credits_explain_debit('harbour', 25, 'knowledge_sync');
SELECT amount, from_allowance, from_credits, allowance, credits
FROM credits_charge('harbour', 'knowledge_sync', 1, 'sync-5');

\echo
\echo == 10. An allowance does not add up: each month begins afresh ==
\echo A quiet month: 100 replies, so 400 of the 500 are left at its end and are gone after it:
SET credits_ledger.now = '2026-05-20 09:00';
SELECT count(*) AS replies, min(r.allowance) AS allowance, min(r.credits) AS topups
FROM generate_series(1, 100) AS n CROSS JOIN LATERAL credits_charge('harbour', 'reply', 1, 'may-' || n) AS r;
SET credits_ledger.now = '2026-06-16 15:00';
SELECT cycles_closed, expired, rolled_over, granted, allowance, credits FROM credits_reset_cycle('harbour');
SELECT cycle_start, cycle_end, granted, used, rolled_over, expired
FROM credits_cycles WHERE account = 'harbour' ORDER BY cycle;

\echo
\echo == 11. Without a top-up: paused until the reset ==
SET credits_ledger.now = '2026-06-20 08:00';
SELECT account FROM credits_open_account('quayside');
SELECT amount, available FROM credits_subscribe('quayside', 'starter', 'subscription-1');
SET credits_ledger.now = '2026-07-10 08:00';
SELECT count(*) AS syncs, min(r.available) AS available
FROM generate_series(1, 20) AS n CROSS JOIN LATERAL credits_charge('quayside', 'knowledge_sync', 1, 'sync-' || n) AS r;
SET credits_ledger.now = '2026-07-20 07:59:59';
SELECT accepted, refused, available
FROM credits_charge('quayside', 'reply', 1, 'msg-1', on_insufficient => 'refuse');
\echo A second later the month is over. Nobody has to run anything; the same call goes through:
SET credits_ledger.now = '2026-07-20 08:00';
SELECT accepted, refused, from_allowance, available
FROM credits_charge('quayside', 'reply', 1, 'msg-1', on_insufficient => 'refuse');

\echo
\echo == 12. Every plan: its own allowance, fresh each cycle ==
SET credits_ledger.now = '2026-08-01 00:00';
SELECT count(*) AS opened
FROM (SELECT plan FROM credits_plans WHERE NOT trial ORDER BY rank) AS p
CROSS JOIN LATERAL credits_open_account('on-' || p.plan) AS account;
SELECT count(*) AS subscribed
FROM (SELECT plan FROM credits_plans WHERE NOT trial ORDER BY rank) AS p
CROSS JOIN LATERAL credits_subscribe('on-' || p.plan, p.plan, 'subscription-1') AS receipt;
SET credits_ledger.now = '2026-08-15 00:00';
SELECT p.plan, charge.amount AS used, charge.allowance AS allowance_left
FROM (SELECT plan FROM credits_plans WHERE NOT trial ORDER BY rank) AS p
CROSS JOIN LATERAL credits_charge('on-' || p.plan, 'knowledge_sync', 4, 'august-syncs') AS charge;
SET credits_ledger.now = '2026-09-01 00:00';
SELECT s.plan, a.cycle_start, a.allowance
FROM credits_accounts a JOIN credits_subscriptions s USING (account) JOIN credits_plans p USING (plan)
WHERE a.account LIKE 'on-%' ORDER BY p.rank;

\echo
\echo == 13. Phone usage is no matter of credits ==
SET credits_ledger.now = '2026-07-21 08:00';
INSERT INTO app.phone_usage VALUES ('quayside', 'call minutes', 12, 0.168), ('quayside', 'texts', 30, 0.237);
SELECT kind, quantity, carrier_cost, billed FROM app.phone_usage WHERE account = 'quayside' ORDER BY kind;
\echo Quayside has as many credits as after its reply:
SELECT available FROM credits_balance('quayside');
\echo What asks for credits by mistake gets none:
\set ON_ERROR_STOP off
SELECT * FROM credits_charge('quayside', 'phone_call', 12, 'call-1');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM credits_charge('quayside', 'text_message', 30, 'texts-1');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on

\echo
\echo == 14. Top-ups never expire ==
\echo Two years later, 24 allowances have come and gone. The packs are still there:
SET credits_ledger.now = '2028-06-16 15:00';
SELECT as_of, allowance, credits FROM credits_balance('harbour');
SELECT metadata ->> 'pack' AS pack, amount, remaining, expires_at, status
FROM credits_grants WHERE account = 'harbour' AND kind = 'purchase' ORDER BY lot;

\echo
\echo == 15. A top-up in the trial, and a plan before the trial is over ==
SET credits_ledger.now = '2026-05-04 09:00';
SELECT account FROM credits_open_account('lakeside');
SELECT operation, amount, available FROM credits_subscribe('lakeside', 'trial', 'signup');
\echo Lakeside buys a pack on the first day. The trial is used before it:
SELECT operation, amount, available
FROM app.topup_packs p CROSS JOIN LATERAL credits_grant(
    'lakeside', p.credits, 'checkout-1', kind => 'purchase', price => p.price, currency => p.currency,
    payment_ref => 'payment-3', metadata => jsonb_build_object('pack', p.pack)) r
WHERE p.pack = 'small';
SELECT amount, available FROM credits_charge('lakeside', 'knowledge_sync', 3, 'sync-1');
SELECT lot, kind, amount, remaining, expires_at FROM credits_grants WHERE account = 'lakeside' ORDER BY lot;
\echo On the sixth day they take a plan. The 25 that are left of the trial are gone, the pack stays:
SET credits_ledger.now = '2026-05-09 12:00';
SELECT operation, amount, allowance, credits, available FROM credits_subscribe('lakeside', 'starter', 'subscription-1');
SELECT entry, operation, kind, plan, amount, balance FROM credits_history WHERE account = 'lakeside' ORDER BY entry;
\echo A second trial would bring nothing:
BEGIN;
SELECT operation, amount, available FROM credits_subscribe('lakeside', 'trial', 'signup-again');
ROLLBACK;
\echo 28 syncs use up the allowance, and then the pack. Now everything pauses:
SELECT amount, from_allowance, from_credits, available FROM credits_charge('lakeside', 'knowledge_sync', 28, 'sync-2');
SELECT accepted, refused FROM credits_charge('lakeside', 'reply', 1, 'msg-1', on_insufficient => 'refuse');
SELECT accepted, refused FROM credits_charge('lakeside', 'knowledge_sync', 1, 'sync-3', on_insufficient => 'refuse');
\echo A month after the plan began there is an allowance again. The pack was bought once and does not come again:
SET credits_ledger.now = '2026-06-09 12:00';
SELECT accepted, refused, allowance, credits
FROM credits_charge('lakeside', 'knowledge_sync', 1, 'sync-3', on_insufficient => 'refuse');

\echo
\echo == 16. The books ==
SELECT cycle_start::date, feature, operations, credits, from_allowance, from_credits
FROM credits_usage_by_cycle WHERE account = 'harbour' ORDER BY cycle, feature;
\echo Does everything add up? Each problem would be a row:
SELECT * FROM credits_verify();
