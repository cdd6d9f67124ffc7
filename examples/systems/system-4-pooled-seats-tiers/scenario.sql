-- A summer of a few customers. Runs after setup.sql, in a database in which it has not run before.
--
-- Each account has its own time, which only goes forward. Where a section turns to another customer, the clock may go
-- back to when that customer's story begins.
\set QUIET on
\pset footer off
\pset null -
SET timezone = 'UTC';
SET credits_ledger.now = '2026-06-01 09:00';

\echo
\echo == 1. What the plans include ==
\echo Credits per user, up to a number of users:
SELECT metadata ->> 'family' AS family, string_agg(plan, ', ' ORDER BY plan) AS plans, allowance AS credits_per_user,
       seat_cap AS most_users, allowance * seat_cap AS most_credits
FROM credits_plans WHERE per_seat GROUP BY family, rank, allowance, seat_cap ORDER BY rank;
\echo Customers of 1, 3, 10 and 12 users on each of them, and what they get:
SELECT count(*) AS opened
FROM (SELECT plan FROM credits_plans WHERE per_seat ORDER BY plan) AS p
CROSS JOIN unnest(ARRAY[1, 3, 10, 12]) AS users
CROSS JOIN LATERAL credits_open_account(p.plan || '-' || users) AS account;
SELECT count(*) AS subscribed
FROM (SELECT plan FROM credits_plans WHERE per_seat ORDER BY plan) AS p
CROSS JOIN unnest(ARRAY[1, 3, 10, 12]) AS users
CROSS JOIN LATERAL credits_subscribe(p.plan || '-' || users, p.plan, 'crm', seats => users) AS receipt;
SELECT s.plan,
       sum(a.available) FILTER (WHERE s.seats = 1) AS "1 user",
       sum(a.available) FILTER (WHERE s.seats = 3) AS "3 users",
       sum(a.available) FILTER (WHERE s.seats = 10) AS "10 users",
       sum(a.available) FILTER (WHERE s.seats = 12) AS "12 users"
FROM credits_subscriptions s JOIN credits_accounts a USING (account) JOIN credits_plans p USING (plan)
WHERE p.per_seat GROUP BY s.plan, p.rank ORDER BY p.rank, s.plan;

\echo
\echo == 2. Credit tiers ==
SELECT plan, (metadata ->> 'price')::numeric AS usd_per_month, allowance AS credits,
       round((metadata ->> 'price')::numeric / allowance, 3) AS usd_per_credit
FROM credits_plans WHERE metadata ->> 'sells' = 'credits' ORDER BY rank;
\echo The larger the tier, the cheaper the credit, or as cheap; the largest at 60% of the smallest:
SELECT bool_and(per_credit <= coalesce(before, per_credit)) AS never_dearer,
       round(min(per_credit) / max(per_credit), 2) AS largest_to_smallest
FROM (SELECT per_credit, lag(per_credit) OVER (ORDER BY rank) AS before
      FROM (SELECT rank, (metadata ->> 'price')::numeric / allowance AS per_credit
            FROM credits_plans WHERE metadata ->> 'sells' = 'credits') t) t;
\echo A customer on each of them, and what they get:
SELECT count(*) AS opened
FROM credits_plans p CROSS JOIN LATERAL credits_open_account('on-' || p.plan) AS account
WHERE p.metadata ->> 'sells' = 'credits';
SELECT p.plan, receipt.amount, receipt.available
FROM (SELECT plan FROM credits_plans WHERE metadata ->> 'sells' = 'credits' ORDER BY rank) AS p
CROSS JOIN LATERAL credits_subscribe('on-' || p.plan, p.plan, 'tier') AS receipt;
\echo In July each has as much again, and not twice as much although nothing was used:
SET credits_ledger.now = '2026-07-01 09:00';
SELECT p.plan, a.cycle_start, a.available
FROM credits_accounts a JOIN credits_subscriptions s USING (account) JOIN credits_plans p USING (plan)
WHERE p.metadata ->> 'sells' = 'credits' ORDER BY p.rank;
SET credits_ledger.now = '2026-06-01 09:00';

\echo
\echo == 3. What draws credits, and what never does ==
SELECT feature, credits, per_units, free FROM credits_rates ORDER BY free, feature;
\echo Some features come with the growth plans and above. A customer of a smaller plan has them switched off:
SELECT feature, enabled FROM app.switch_features_by_plan('essentials-3') ORDER BY feature;
SELECT bool_and(enabled) AS all_enabled FROM app.switch_features_by_plan('growth-3');
\set ON_ERROR_STOP off
SELECT * FROM credits_charge('essentials-3', 'lead_summary', 1, 'summary-1');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on
\echo The free features of all plans on the smaller one, and all of them on the larger one. Nothing is drawn:
SELECT 'essentials-3' AS account, r.feature, c.accepted, c.amount, c.entry
FROM (SELECT feature FROM credits_rates WHERE free AND feature NOT IN (SELECT feature FROM app.feature_from_rank)
      ORDER BY feature) AS r
CROSS JOIN LATERAL credits_charge('essentials-3', r.feature, 1, 'free-' || r.feature) AS c;
SELECT 'growth-3' AS account, r.feature, c.accepted, c.amount, c.entry
FROM (SELECT feature FROM credits_rates WHERE free ORDER BY feature) AS r
CROSS JOIN LATERAL credits_charge('growth-3', r.feature, 1, 'free-' || r.feature) AS c;
SELECT account, available, used FROM credits_accounts WHERE account IN ('essentials-3', 'growth-3') ORDER BY account;
\echo How many of the ten come with each plan, and how many are refused:
SELECT bool_and(s.enabled = (p.rank >= 3)) AS switched_by_plan
FROM (SELECT plan, rank FROM credits_plans WHERE per_seat ORDER BY plan) AS p
CROSS JOIN LATERAL app.switch_features_by_plan(p.plan || '-3') AS s;
SELECT p.plan, count(*) FILTER (WHERE c.accepted) AS come_with_it,
       count(*) FILTER (WHERE c.refused = 'LC010') AS refused, sum(c.amount) AS credits
FROM (SELECT plan, rank FROM credits_plans WHERE per_seat ORDER BY rank, plan) AS p
CROSS JOIN (SELECT feature FROM credits_rates WHERE free) AS r
CROSS JOIN LATERAL credits_charge(p.plan || '-3', r.feature, 1, 'all-' || r.feature, on_insufficient => 'refuse') AS c
GROUP BY p.plan, p.rank ORDER BY p.rank, p.plan;

\echo
\echo == 4. A trial: 1,000 credits, whoever comes along ==
\echo Five users, and not 5,000:
SELECT account, status FROM credits_open_account('birch');
SELECT operation, amount, available FROM credits_subscribe('birch', 'trial', 'signup', seats => 5);
SELECT bool_and(enabled) AS all_features FROM app.switch_features_by_plan('birch');
\echo All three features that draw credits work: 10 minutes of calls, 100 fields, one update:
SELECT feature, quantity, amount, available
FROM (VALUES ('voice_agent', 600), ('enrichment', 100), ('auto_update', 1)) AS t (feature, quantity)
CROSS JOIN LATERAL credits_charge('birch', t.feature, t.quantity, 'try-' || t.feature) AS c;
\echo Used up, to the last credit:
SELECT amount, available FROM credits_charge('birch', 'enrichment', 345, 'list-1');
SELECT amount, available FROM credits_charge('birch', 'auto_update', 1, 'update-2');
SELECT accepted, refused, available
FROM credits_charge('birch', 'enrichment', 1, 'list-2', on_insufficient => 'refuse');
\echo At zero every free feature goes on:
SELECT r.feature, c.accepted, c.amount, c.available
FROM (SELECT feature FROM credits_rates WHERE free ORDER BY feature) AS r
CROSS JOIN LATERAL credits_charge('birch', r.feature, 1, 'free-' || r.feature) AS c;

\echo
\echo == 5. From a trial to a plan: what is left of the trial does not roll over ==
SET credits_ledger.now = '2026-06-01 09:00';
SELECT account, status FROM credits_open_account('maple');
SELECT amount, available FROM credits_subscribe('maple', 'trial', 'signup', seats => 4);
SELECT amount, available FROM credits_charge('maple', 'enrichment', 150, 'list-1');

\echo Maple upgrades on 10 June with 700 left. Its 4 users get 4 × 1,000, nothing on top, and a cycle of their own:
SET credits_ledger.now = '2026-06-10 00:00';
SELECT available FROM credits_balance('maple');
SELECT operation, amount, allowance, credits, available
FROM credits_change_plan('maple', 'trial', 'essentials', 'upgrade');
SELECT cycle_start, cycle_end, available FROM credits_balance('maple');
SELECT entry, operation, kind, amount, balance FROM credits_history WHERE account = 'maple' ORDER BY entry;
SELECT plan, seats FROM credits_subscriptions WHERE account = 'maple';

\echo
\echo == 6. A thank-you: 100,000 credits for the next two cycles ==
SET credits_ledger.now = '2026-06-01 09:00';
\echo Atlas has been a customer since 3 May: 8 users on growth. A month runs from the 3rd to the 3rd:
SELECT account, status FROM credits_open_account('atlas', debt_policy => 'forgive_at_reset');
SELECT operation, amount, available
FROM credits_subscribe('atlas', 'growth', 'crm', seats => 8, anchor => '2026-05-03 00:00');
SELECT bool_and(enabled) AS all_features FROM app.switch_features_by_plan('atlas');
\echo Promised on 1 June for the cycle that begins on 3 June. Nothing moves yet:
SELECT operation, available
FROM credits_grant('atlas', 100000, 'beta-thanks', kind => 'promo', effective_at => '2026-06-03 00:00',
                   expires_after_cycles => 2);
\echo A call by the voice agent on 2 June, 5 minutes: credits for the AI, telephony still free of charge:
SET credits_ledger.now = '2026-06-02 10:00';
BEGIN;
INSERT INTO app.telephony_usage VALUES ('atlas', '2026-06-02 10:00', 'call', 'agent', 5);
SELECT amount, available FROM credits_charge('atlas', 'voice_agent', 300, 'call-1', actor => 'agent/reception');
COMMIT;
SELECT at, kind, made_by, quantity AS minutes, usd FROM app.telephony_bill WHERE account = 'atlas';
\echo 3 June: the unused 11,950 are gone, 8 × 1,500 are new, and the gift is there:
SET credits_ledger.now = '2026-06-03 00:00';
SELECT cycle_start, cycle_end, allowance, credits, available FROM credits_balance('atlas');
SELECT kind, amount, status, effective_at, expires_at FROM credits_grants
WHERE account = 'atlas' AND kind = 'promo';

\echo
\echo == 7. One pool for all users ==
SET credits_ledger.now = '2026-06-05 10:00';
\echo Two people, and an agent who calls for 15 minutes and whose call updates a record, draw from one balance:
SELECT amount, available FROM credits_charge('atlas', 'enrichment', 500, 'list-1', actor => 'ana');
SELECT amount, available FROM credits_charge('atlas', 'enrichment', 250, 'list-2', actor => 'ben');
BEGIN;
INSERT INTO app.telephony_usage VALUES ('atlas', '2026-06-05 10:00', 'call', 'agent', 15);
SELECT amount, available FROM credits_charge('atlas', 'voice_agent', 900, 'call-2', actor => 'agent/reception');
COMMIT;
SELECT amount, available FROM credits_charge('atlas', 'auto_update', 1, 'call-2-update', actor => 'agent/reception');
\echo No user and no agent has a share or a limit, and the account has no cap:
SELECT count(*) AS budgets FROM credits_budgets;
SELECT actor, -sum(amount) AS drawn FROM credits_history
WHERE account = 'atlas' AND operation = 'charge' GROUP BY actor ORDER BY actor;

\echo
\echo == 8. Telephony is another bill ==
\echo People call and write, too. Since 3 June an agent pays the same rate as a person:
INSERT INTO app.telephony_usage VALUES
    ('atlas', '2026-06-05 11:00', 'call', 'person', 15),
    ('atlas', '2026-06-05 11:00', 'call_assistant', 'person', 15),
    ('atlas', '2026-06-05 11:30', 'sms', 'person', 40);
SELECT at, kind, made_by, quantity, usd FROM app.telephony_bill WHERE account = 'atlas' ORDER BY at, kind;
\echo None of it draws credits. What asks for them by mistake gets none:
SELECT available FROM credits_balance('atlas');
\set ON_ERROR_STOP off
SELECT * FROM credits_charge('atlas', 'call_assistant', 15, 'assistant-1');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM credits_charge('atlas', 'sms', 40, 'sms-1');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM credits_charge('atlas', 'call', 15, 'call-3');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on

\echo
\echo == 9. More users in mid-cycle ==
SET credits_ledger.now = '2026-06-12 14:00';
SELECT allowance, available FROM credits_balance('atlas');
\echo The 9th user brings 1,500 at once; said twice, once. The 10th, too. The 11th to 13th bring nothing:
SELECT amount, allowance, available, replayed FROM credits_set_seats('atlas', 'growth', 9, 'users-9');
SELECT amount, allowance, available, replayed FROM credits_set_seats('atlas', 'growth', 9, 'users-9');
SELECT amount, allowance, available, replayed FROM credits_set_seats('atlas', 'growth', 10, 'users-10');
SELECT amount, allowance, available, replayed FROM credits_set_seats('atlas', 'growth', 13, 'users-13');
SELECT cycle_end, allowance_granted FROM credits_balance('atlas');
\echo A fourth user for a customer of three on each kind of plan. The smallest includes one user only:
SELECT p.plan, receipt.amount, receipt.available
FROM (VALUES (1, 'solo'), (2, 'essentials'), (3, 'growth'), (4, 'scale')) AS p (family, plan)
CROSS JOIN LATERAL credits_set_seats(p.plan || '-3', p.plan, 4, 'users-4') AS receipt ORDER BY p.family;
\echo Users who leave take nothing with them before the next cycle, and who comes back then brings nothing:
SELECT amount, available FROM credits_set_seats('growth-3', 'growth', 2, 'users-2');
SELECT seats, pending_seats, pending_at FROM credits_subscriptions WHERE account = 'growth-3';
SELECT amount, available FROM credits_set_seats('growth-3', 'growth', 4, 'users-4-again');
SELECT amount, available FROM credits_set_seats('growth-3', 'growth', 2, 'users-2-again');
SET credits_ledger.now = '2026-07-01 09:00';
SELECT cycle_start, available FROM credits_balance('growth-3');

\echo
\echo == 10. A credit tier, on the dates of the CRM plan ==
SET credits_ledger.now = '2026-06-15 09:00';
SELECT operation, amount, allowance, available FROM credits_subscribe('atlas', 'tier-3', 'tier');
SELECT lot, plan, amount, remaining, expires_at FROM credits_grants
WHERE account = 'atlas' AND kind = 'allowance' AND status = 'active' ORDER BY lot;

\echo
\echo == 11. An upgrade: at once and in full ==
SET credits_ledger.now = '2026-06-20 09:00';
\echo The invoice is for the full price:
SELECT plan, metadata ->> 'price' AS usd FROM credits_plans WHERE plan = 'tier-5';
\echo All its credits are added, what is left of the old tier stays, the dates stay:
SELECT operation, amount, allowance, available FROM credits_change_plan('atlas', 'tier-3', 'tier-5', 'tier-up');
SELECT cycle_start, cycle_end, allowance_granted, available FROM credits_balance('atlas');

\echo
\echo == 12. A downgrade: from the next cycle ==
SET credits_ledger.now = '2026-06-25 09:00';
SELECT operation, amount, allowance, available FROM credits_change_plan('atlas', 'tier-5', 'tier-2', 'tier-down');
SELECT plan, seats, pending_plan, pending_at FROM credits_subscriptions WHERE account = 'atlas' ORDER BY plan;
\echo What they have can be used until then. A campaign takes the 36,345 of the plans first and then from the gift:
SET credits_ledger.now = '2026-06-28 09:00';
SELECT amount, from_allowance, from_credits, allowance, credits
FROM credits_charge('atlas', 'enrichment', 38000, 'campaign-1', actor => 'ana');
\echo 3 July: both plans begin anew on the same date, 10 × 1,500 and 3,200 of the smaller tier:
SET credits_ledger.now = '2026-07-03 00:00';
SELECT cycle_start, cycle_end, allowance, credits, available FROM credits_balance('atlas');
SELECT plan, amount, remaining, effective_at, expires_at FROM credits_grants
WHERE account = 'atlas' AND kind = 'allowance' AND status = 'active' ORDER BY plan;
\echo Another customer goes up, thinks better of it, and then better again. The larger tier is granted once:
SET credits_ledger.now = '2026-06-20 09:00';
SELECT amount, available FROM credits_change_plan('on-tier-1', 'tier-1', 'tier-2', 'up');
SELECT amount, available FROM credits_change_plan('on-tier-1', 'tier-2', 'tier-1', 'down', takes_effect => 'now');
SELECT amount, available FROM credits_change_plan('on-tier-1', 'tier-1', 'tier-2', 'up-again');
SELECT plan, pending_plan FROM credits_subscriptions WHERE account = 'on-tier-1';

\echo
\echo == 13. Three bills ==
\echo Atlas now pays for the CRM by its users, for telephony by its use, and for tiers by their prices:
SET credits_ledger.now = '2026-07-03 09:00';
SELECT cycles_closed, granted FROM credits_reset_cycle('atlas');
SELECT plan, seats FROM credits_subscriptions JOIN credits_plans USING (plan)
WHERE account = 'atlas' AND metadata ->> 'sells' = 'crm';
SELECT kind, made_by, sum(quantity) AS quantity, sum(usd) AS usd FROM app.telephony_bill
WHERE account = 'atlas' AND at >= '2026-06-03' AND at < '2026-07-03' GROUP BY kind, made_by ORDER BY kind, made_by;
SELECT h.effective_at, h.operation, h.plan, p.metadata ->> 'price' AS usd
FROM credits_history h JOIN credits_plans p USING (plan)
WHERE h.account = 'atlas' AND h.amount > 0 AND p.metadata ->> 'sells' = 'credits' ORDER BY h.entry;
\echo What the AI did for it, in credits:
SELECT cycle_start::date, feature, quantity, credits, from_allowance, from_credits
FROM credits_invoice_lines WHERE account = 'atlas' AND cycle_start = '2026-06-03' ORDER BY feature;

\echo
\echo == 14. Switches, and what has none ==
SET credits_ledger.now = '2026-07-04 09:00';
\echo Enrichment and automatic updates can be switched off, each by itself. Enrichment off: updates go on:
SELECT feature, enabled FROM credits_set_feature('atlas', 'enrichment', false);
\set ON_ERROR_STOP off
SELECT * FROM credits_charge('atlas', 'enrichment', 10, 'list-3', actor => 'ana');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on
SELECT amount, available FROM credits_charge('atlas', 'auto_update', 1, 'update-3', actor => 'ana');
\echo Enrichment on again, and the same list goes through. Updates off: enrichment goes on, updates draw nothing:
SELECT feature, enabled FROM credits_set_feature('atlas', 'enrichment', true);
SELECT feature, enabled FROM credits_set_feature('atlas', 'auto_update', false);
SELECT amount, available FROM credits_charge('atlas', 'enrichment', 10, 'list-3', actor => 'ana');
SELECT accepted, refused, amount, available
FROM credits_charge('atlas', 'auto_update', 1, 'update-4', actor => 'ana', on_insufficient => 'refuse');
SELECT feature, enabled FROM credits_set_feature('atlas', 'auto_update', true);
SELECT amount, available FROM credits_charge('atlas', 'auto_update', 1, 'update-4', actor => 'ana');
\echo A voice agent draws credits where it calls. It calls where it is active and somebody asks for calls:
INSERT INTO app.voice_agents VALUES ('reception', 'active');
INSERT INTO app.calls_asked_for VALUES ('reception', 'workflow', 'lead-1'), ('reception', 'batch', 'lead-2');
SELECT agent, asked_by, lead FROM app.calls_to_make ORDER BY lead;
\echo An agent that is a draft:
UPDATE app.voice_agents SET state = 'draft' WHERE agent = 'reception';
SELECT count(*) AS calls_to_make FROM app.calls_to_make;
\echo An agent without its step in the workflow, and no batch for now:
UPDATE app.voice_agents SET state = 'active' WHERE agent = 'reception';
DELETE FROM app.calls_asked_for WHERE asked_by = 'workflow';
SELECT agent, asked_by, lead FROM app.calls_to_make ORDER BY lead;
DELETE FROM app.calls_asked_for WHERE asked_by = 'batch';
SELECT count(*) AS calls_to_make FROM app.calls_to_make;

\echo
\echo == 15. Low: 75% used, and on pace to run out ==
SET credits_ledger.now = '2026-07-03 00:00';
SELECT account FROM credits_open_account('cedar', debt_policy => 'forgive_at_reset');
SELECT amount, available FROM credits_subscribe('cedar', 'growth', 'crm', seats => 2);
SELECT bool_and(enabled) AS all_features FROM app.switch_features_by_plan('cedar');
\echo 10 July: half is used in 7 days, the rest would last 7 more. That is too fast, but not yet 75%:
SET credits_ledger.now = '2026-07-10 00:00';
SELECT amount, available FROM credits_charge('cedar', 'enrichment', 750, 'list-1');
SELECT used_percent, burn_per_day, runs_out_at, cycle_end, on_pace, state
FROM app.credit_states WHERE account = 'cedar';
\echo 12 July: 75% in 9 days, the rest would last 3 more:
SET credits_ledger.now = '2026-07-12 00:00';
SELECT amount, available FROM credits_charge('cedar', 'enrichment', 375, 'list-2');
SELECT used_percent, burn_per_day, runs_out_at, cycle_end, on_pace, state
FROM app.credit_states WHERE account = 'cedar';
\echo A job looks again and again and tells administrators once:
INSERT INTO app.credit_notices
SELECT account, cycle, state FROM app.credit_states WHERE account = 'cedar' AND state <> 'ok'
ON CONFLICT DO NOTHING RETURNING account, state;
INSERT INTO app.credit_notices
SELECT account, cycle, state FROM app.credit_states WHERE account = 'cedar' AND state <> 'ok'
ON CONFLICT DO NOTHING RETURNING account, state;

\echo
\echo == 16. Exhausted: a call in progress is completed, then AI pauses ==
SET credits_ledger.now = '2026-07-14 10:00';
SELECT amount, available FROM credits_charge('cedar', 'enrichment', 365, 'list-3');
\echo There is something left, so a call may begin:
SELECT available > 0 AS may_begin FROM credits_balance('cedar');
\echo While it goes on somebody uses the last 20:
SET credits_ledger.now = '2026-07-14 10:04';
SELECT amount, available FROM credits_charge('cedar', 'enrichment', 10, 'list-4');
SELECT used_percent, state FROM app.credit_states WHERE account = 'cedar';
\echo The call takes its 9 minutes and is charged when it is over:
SET credits_ledger.now = '2026-07-14 10:09';
SELECT accepted, amount, from_allowance, overdraft, available, debt
FROM credits_charge('cedar', 'voice_agent', 540, 'call-1', on_insufficient => 'allow');
INSERT INTO app.credit_notices
SELECT account, cycle, state FROM app.credit_states WHERE account = 'cedar' AND state <> 'ok'
ON CONFLICT DO NOTHING RETURNING account, state;
\echo What draws credits pauses: no new call, no field, no update:
SELECT available > 0 AS may_begin FROM credits_balance('cedar');
SELECT accepted, refused FROM credits_charge('cedar', 'enrichment', 10, 'list-5', on_insufficient => 'refuse');
SELECT accepted, refused FROM credits_charge('cedar', 'auto_update', 1, 'call-1-update', on_insufficient => 'refuse');
\echo What is free goes on:
SELECT r.feature, c.accepted, c.amount
FROM (SELECT feature FROM credits_rates WHERE free ORDER BY feature) AS r
CROSS JOIN LATERAL credits_charge('cedar', r.feature, 1, 'free-' || r.feature) AS c;

\echo
\echo == 17. More credits: it goes on at once ==
SET credits_ledger.now = '2026-07-15 09:00';
SELECT operation, amount, available FROM credits_subscribe('cedar', 'tier-1', 'tier');
SELECT available > 0 AS may_begin FROM credits_balance('cedar');
SELECT accepted, amount, available
FROM credits_charge('cedar', 'enrichment', 10, 'list-5', on_insufficient => 'refuse');
SELECT accepted, amount, available
FROM credits_charge('cedar', 'auto_update', 1, 'call-1-update', on_insufficient => 'refuse');
SELECT used_percent, state FROM app.credit_states WHERE account = 'cedar';

\echo
\echo == 18. Seeing what was used ==
SET credits_ledger.now = '2026-07-20 09:00';
SELECT amount, from_allowance, from_credits, allowance, credits
FROM credits_charge('atlas', 'enrichment', 26000, 'campaign-2', actor => 'ben');
\echo What is left, and what each feature took in this cycle:
SELECT available, allowance, credits, cycle_end FROM credits_balance('atlas');
SELECT cycle_start::date, feature, operations, quantity, credits FROM credits_usage_by_cycle
WHERE account = 'atlas' AND cycle_start = '2026-07-03' ORDER BY feature;
\echo The same for a spreadsheet, by day and user, for all cycles:
COPY (SELECT day, feature, actor, operations, quantity, credits FROM credits_usage_daily
      WHERE account = 'atlas' ORDER BY day, feature, actor) TO STDOUT WITH (FORMAT csv, HEADER);

\echo
\echo == 19. 75% used, but in time: no warning ==
SET credits_ledger.now = '2026-07-03 00:00';
SELECT account FROM credits_open_account('fir');
SELECT amount, available FROM credits_subscribe('fir', 'essentials', 'crm', seats => 2);
SET credits_ledger.now = '2026-08-01 00:00';
SELECT amount, available FROM credits_charge('fir', 'enrichment', 800, 'list-1');
SELECT used_percent, burn_per_day, runs_out_at, cycle_end, on_pace, state
FROM app.credit_states WHERE account = 'fir';

\echo
\echo == 20. The end of the second cycle: the gift is over, a debt is written off ==
SET credits_ledger.now = '2026-08-02 23:59:59';
SELECT allowance, credits, available FROM credits_balance('atlas');
SET credits_ledger.now = '2026-08-03 00:00';
SELECT allowance, credits, available FROM credits_balance('atlas');
SELECT granted, available FROM credits_reset_cycle('atlas');
SELECT operation, kind, amount, effective_at FROM credits_history
WHERE account = 'atlas' AND operation = 'expire' AND kind = 'promo';
SELECT kind, amount, remaining, status FROM credits_grants WHERE account = 'atlas' AND kind = 'promo';
\echo Cedar owes nothing for the call that ran over its end:
SELECT expired, rolled_over, debt_forgiven, granted, available FROM credits_reset_cycle('cedar');

\echo
\echo == 21. Nothing rolls over: not of the plan, not of a tier, not after an upgrade ==
SET credits_ledger.now = '2026-08-10 09:00';
SELECT amount, allowance FROM credits_charge('atlas', 'enrichment', 2600, 'campaign-3', actor => 'ana');
\echo Another upgrade, from tier-2 to tier-4, of which nothing more is used:
SET credits_ledger.now = '2026-08-20 09:00';
SELECT amount, allowance FROM credits_change_plan('atlas', 'tier-2', 'tier-4', 'tier-up-again');
\echo 24,400 are left at the end, of the users, of the old tier and of the new one. All of it expires:
SET credits_ledger.now = '2026-09-03 00:00';
SELECT cycles_closed, expired, rolled_over, granted, allowance, available FROM credits_reset_cycle('atlas');
SELECT g.plan, a.amount, a.effective_at FROM credits_allocations a JOIN credits_grants g USING (account, lot)
WHERE a.account = 'atlas' AND a.operation = 'expire' AND a.effective_at = '2026-09-03' ORDER BY g.plan;
SELECT cycle_start::date, cycle_end::date, granted, used, rolled_over, expired
FROM credits_cycles WHERE account = 'atlas' ORDER BY cycle;
\echo An upgrade is possible at any time. Cedar takes one in the last hour of a cycle: all of it is there, for an hour:
SET credits_ledger.now = '2026-09-02 23:00';
SELECT amount, available FROM credits_change_plan('cedar', 'tier-1', 'tier-3', 'tier-up');
SELECT cycle_end FROM credits_balance('cedar');
SET credits_ledger.now = '2026-09-03 00:00';
SELECT cycles_closed, expired, rolled_over, granted, available FROM credits_reset_cycle('cedar');

\echo
\echo == 22. If the call assistant should cost credits one day ==
\echo A rate with a date in the future. Until then it is what it was:
SELECT feature, credits, effective_at, in_force
FROM credits_define_rate('call_assistant', 1, effective_at => '2026-10-01 00:00');
\set ON_ERROR_STOP off
SELECT * FROM credits_charge('atlas', 'call_assistant', 15, 'assistant-1');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on
SET credits_ledger.now = '2026-10-01 00:00';
SELECT amount, available FROM credits_charge('atlas', 'call_assistant', 15, 'assistant-1');

\echo
\echo == 23. The books ==
SELECT entry, effective_at, operation, kind, plan, amount, balance
FROM credits_history WHERE account = 'cedar' ORDER BY entry;
\echo Does everything add up? Each problem would be a row:
SELECT * FROM credits_verify();
