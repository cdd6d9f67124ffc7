-- Some weeks of a few customers. Runs after setup.sql, in a database in which it has not run before.
\set QUIET on
\pset footer off
\pset null -
SET timezone = 'UTC';
\set SHOW_CONTEXT never

\echo
\echo == 1. One credit, one cent ==
SELECT pack, credits, price AS usd, trim_scale(price / credits) AS usd_per_credit FROM credits_packs ORDER BY credits;
\echo AI operations draw credits. So their prices are credits, and dollars:
SELECT feature, credits AS credits_each, credits * 0.01 AS usd_each FROM credits_rates ORDER BY feature;

\echo
\echo == 2. Welcome credits: $100 at the first subscription ==
-- What the application does when the checkout of a subscription is through, in one transaction.
SET credits_ledger.now = '2026-03-02 09:00';
BEGIN;
INSERT INTO app.customers VALUES ('alder', 49, 3, 15, 'pm_alder');
SELECT available FROM credits_open_account('alder');
SELECT operation, amount, available
FROM credits_grant('alder', 10000, 'welcome', kind => 'welcome');
COMMIT;
\echo They are there in the same second:
SELECT amount, available FROM credits_charge('alder', 'email_draft', 1, 'draft-1');
\echo The webhook comes twice. Nothing more is granted:
SELECT amount, available, replayed FROM credits_grant('alder', 10000, 'welcome', kind => 'welcome');
SELECT available FROM credits_balance('alder');
\echo Who leaves and comes back subscribes a second time, with the same key:
SET credits_ledger.now = '2026-03-02 10:00';
SELECT amount, replayed FROM credits_grant('alder', 10000, 'welcome', kind => 'welcome');
SELECT count(*) AS welcome_grants, sum(amount) AS credits FROM credits_grants
WHERE account = 'alder' AND kind = 'welcome';

\echo
\echo == 3. Usage in real time ==
SET credits_ledger.now = '2026-03-03 09:00';
\echo The assistant researches a lead and drafts an email:
SELECT amount, available, available * 0.01 AS usd
FROM credits_charge('alder', 'lead_research', 1, 'lead-17', actor => 'dana');
SELECT amount, available, available * 0.01 AS usd
FROM credits_charge('alder', 'email_draft', 1, 'draft-2', actor => 'dana');
\echo 250 contacts are classified; name, company and title are extracted from 60; a call is summed up:
SELECT amount, available, available * 0.01 AS usd
FROM credits_charge('alder', 'contact_classification', 250, 'import-1');
SELECT amount, available, available * 0.01 AS usd
FROM credits_charge('alder', 'name_extraction', 60, 'inbox-1');
SELECT amount, available, available * 0.01 AS usd
FROM credits_charge('alder', 'call_summary', 1, 'call-1', actor => 'ben');
\echo Settings > Billing shows the same, later on the same day, too:
SET credits_ledger.now = '2026-03-03 17:00';
SELECT amount FROM credits_charge('alder', 'lead_research', 10, 'leads-2', actor => 'ben');
SELECT available, available * 0.01 AS usd FROM credits_balance('alder');

\echo
\echo == 4. Setting up auto-reload ==
SET credits_ledger.now = '2026-03-04 09:00';
\echo Toggled on, with the defaults: below $20, reload $100:
SELECT * FROM app.set_auto_reload('alder');
\echo With $91.55 left nothing is charged:
SELECT count(*) AS requests FROM credits_recharges;
\echo What is not among the options is refused:
\set ON_ERROR_STOP off
\set VERBOSITY terse
SELECT * FROM app.set_auto_reload('alder', threshold_usd => 30);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM app.set_auto_reload('alder', reload_usd => 75);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
\set VERBOSITY default
\echo So is auto-reload without a card on file:
INSERT INTO app.customers VALUES ('aspen', 49, 1, 15, NULL);
SELECT available FROM credits_open_account('aspen');
SELECT * FROM app.set_auto_reload('aspen');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on
\echo What was saved before holds:
SELECT account, threshold, pack, payment_method, enabled, status FROM credits_auto_recharges ORDER BY account;

\echo
\echo == 5. Below the threshold: the card is charged, credits are added ==
SET credits_ledger.now = '2026-03-05 09:00';
\echo At $20 exactly nothing happens:
SELECT amount, available FROM credits_charge('alder', 'contact_classification', 7155, 'import-2');
SELECT count(*) AS requests FROM credits_recharges;
\echo One credit less is below it. The charge that takes it asks for a reload, in its own transaction:
SELECT amount, available FROM credits_charge('alder', 'contact_classification', 1, 'contact-1');
SELECT recharge, status, quantity, credits, price, currency FROM credits_recharges WHERE account = 'alder';
\echo More is used before anybody has charged the card. There is still one request:
SELECT amount, available FROM credits_charge('alder', 'lead_research', 20, 'leads-3', actor => 'dana');
SELECT count(*) AS requests FROM credits_recharges WHERE account = 'alder';
\echo A worker claims the request, charges the card, and says so. A second worker finds nothing to do:
SELECT account, recharge, attempt, pack, quantity, credits, price, currency, payment_method
FROM credits_claim_recharges();
SELECT count(*) AS for_a_second_worker FROM credits_claim_recharges();
SELECT operation, amount, available, replayed FROM credits_complete_recharge('alder', 1, 'pi_alder_1');
\echo The worker dies before it notes that it is done, and says it again. Credits are added once:
SELECT operation, amount, available, replayed FROM credits_complete_recharge('alder', 1, 'pi_alder_1');
SELECT available, available * 0.01 AS usd FROM credits_balance('alder');
SELECT recharge, status, price, payment_ref, requested_at, settled_at FROM credits_recharges
WHERE account = 'alder';

\echo
\echo == 6. Every threshold and every reload amount ==
SET credits_ledger.now = '2026-03-06 09:00';
INSERT INTO app.customers
SELECT format('on-%s-%s', t, r), 49, 1, 15, format('pm_%s_%s', t, r)
FROM unnest(ARRAY[10, 20, 50]) t, unnest(ARRAY[50, 100, 200, 500]) r;
SELECT count(*) AS granted, sum(g.amount) AS credits
FROM app.customers c CROSS JOIN LATERAL credits_grant(c.account, 10000, 'welcome', kind => 'welcome') g
WHERE c.account LIKE 'on-%';
SELECT count(*) AS set_up, bool_and(s.enabled) AS enabled
FROM unnest(ARRAY[10, 20, 50]) t, unnest(ARRAY[50, 100, 200, 500]) r
CROSS JOIN LATERAL app.set_auto_reload(format('on-%s-%s', t, r), t, r) s;
\echo Each is drawn down to its threshold, to the cent:
SELECT s.threshold, count(*) AS accounts, min(d.available) AS least, max(d.available) AS most
FROM credits_auto_recharges s CROSS JOIN LATERAL credits_charge(
    s.account, 'contact_classification', 10000 - s.threshold, 'import-1') d
WHERE s.account LIKE 'on-%' GROUP BY s.threshold ORDER BY s.threshold;
SELECT count(*) AS requests FROM credits_recharges WHERE account LIKE 'on-%';
\echo And one credit further:
SELECT count(*) AS charges
FROM credits_auto_recharges s CROSS JOIN LATERAL credits_charge(s.account, 'contact_classification', 1, 'contact-1') d
WHERE s.account LIKE 'on-%';
CREATE TEMPORARY TABLE claimed AS SELECT * FROM credits_claim_recharges(20);
SELECT count(*) AS paid
FROM claimed c CROSS JOIN LATERAL credits_complete_recharge(c.account, c.recharge, 'pi_' || c.account) r;
SELECT f.threshold_usd, f.reload_usd, r.price AS charged, a.available, a.available * 0.01 AS usd
FROM app.auto_reload f JOIN credits_recharges r USING (account) JOIN credits_accounts a USING (account)
WHERE account LIKE 'on-%' ORDER BY f.threshold_usd, f.reload_usd;

\echo
\echo == 7. $0 without auto-reload: AI pauses, until credits are added by hand ==
SET credits_ledger.now = '2026-03-09 09:00';
INSERT INTO app.customers VALUES ('birch', 49, 2, 15, 'pm_birch');
SELECT available FROM credits_open_account('birch');
SELECT amount, available FROM credits_grant('birch', 10000, 'welcome', kind => 'welcome');
SET credits_ledger.now = '2026-03-20 09:00';
\echo Research is asked for until there is nothing left:
SELECT amount, available FROM credits_charge('birch', 'lead_research', 250, 'leads-1');
\echo Every AI feature pauses:
SELECT r.feature, c.accepted, c.refused, c.available
FROM (SELECT feature FROM credits_rates ORDER BY feature) r
CROSS JOIN LATERAL credits_charge('birch', r.feature, 1, 'at-zero-' || r.feature, on_insufficient => 'refuse') c;
\echo The application is told, and shows a banner for as long as it is so:
SELECT event, type, payload ->> 'available' AS available FROM credits_events WHERE account = 'birch' ORDER BY event;
SELECT state, state = 'exhausted' AS banner FROM credits_forecast('birch');
\echo Nothing is charged by itself:
SELECT count(*) AS requests FROM credits_recharges WHERE account = 'birch';
\echo An amount is added by hand. The credits are there at once, and the feature that paused goes on:
SET credits_ledger.now = '2026-03-20 10:00';
SELECT credits_check_purchase('birch', 'reload-50') AS credits_for_50_usd;
SELECT operation, amount, available FROM credits_purchase('birch', 'reload-50', 'pi_birch_1', 'checkout-1');
SELECT accepted, amount, available
FROM credits_charge('birch', 'lead_research', 1, 'at-zero-lead_research', on_insufficient => 'refuse');
SELECT type FROM credits_events WHERE account = 'birch' AND type = 'alert.cleared';
SELECT state, state = 'exhausted' AS banner FROM credits_forecast('birch');

\echo
\echo == 8. $0 with auto-reload: it goes on by itself ==
SET credits_ledger.now = '2026-03-09 09:00';
INSERT INTO app.customers VALUES ('cedar', 49, 2, 15, 'pm_cedar');
SELECT available FROM credits_open_account('cedar');
SELECT amount, available FROM credits_grant('cedar', 10000, 'welcome', kind => 'welcome');
SELECT threshold, pack, status FROM app.set_auto_reload('cedar', 10, 50);
SET credits_ledger.now = '2026-03-23 09:00';
\echo A single large job takes everything, down to $0:
SELECT amount, available FROM credits_charge('cedar', 'contact_classification', 10000, 'import-1');
SELECT accepted, refused FROM credits_charge('cedar', 'email_draft', 1, 'draft-1', on_insufficient => 'refuse');
\echo The threshold was passed on the way, so the card is charged without anybody asking:
SELECT account, recharge, credits, price, payment_method FROM credits_claim_recharges();
SELECT operation, amount, available FROM credits_complete_recharge('cedar', 1, 'pi_cedar_1');
SELECT accepted, amount, available
FROM credits_charge('cedar', 'email_draft', 1, 'draft-1', on_insufficient => 'refuse');
\echo Each time the balance drops below, it adds as much again:
SELECT amount, available FROM credits_charge('cedar', 'lead_research', 100, 'leads-1');
SELECT recharge, credits, price FROM credits_claim_recharges();
SELECT amount, available FROM credits_complete_recharge('cedar', 2, 'pi_cedar_2');

\echo
\echo == 9. A card that is declined ==
SET credits_ledger.now = '2026-03-24 09:00';
SELECT amount, available FROM credits_charge('cedar', 'lead_research', 130, 'leads-2');
CREATE TEMPORARY TABLE attempts AS
SELECT recharge, attempt, price, payment_idempotency_key AS key FROM credits_claim_recharges();
SELECT recharge, attempt, price FROM attempts;
SELECT status, last_error_code, next_attempt_at
FROM credits_fail_recharge('cedar', 3, 1, 'card_declined', 'Your card was declined.');
\echo Nothing was paid, so nothing is added. For an hour the card is left alone; then it is tried again:
SELECT available FROM credits_balance('cedar');
SELECT count(*) AS due FROM credits_claim_recharges();
SET credits_ledger.now = '2026-03-24 10:00';
INSERT INTO attempts SELECT recharge, attempt, price, payment_idempotency_key FROM credits_claim_recharges()
RETURNING recharge, attempt, price;
SELECT status, last_error_code, next_attempt_at
FROM credits_fail_recharge('cedar', 3, 2, 'card_declined', 'Your card was declined.');
\echo Six hours after the second failure comes the last attempt. The third stops auto-reload:
SET credits_ledger.now = '2026-03-24 16:00';
INSERT INTO attempts SELECT recharge, attempt, price, payment_idempotency_key FROM credits_claim_recharges()
RETURNING recharge, attempt, price;
SELECT status, last_error_code, next_attempt_at
FROM credits_fail_recharge('cedar', 3, 3, 'card_declined', 'Your card was declined.');
SELECT enabled, status, failures, last_error FROM credits_auto_recharges WHERE account = 'cedar';
\echo Each attempt had a payment key of its own, for a provider answers an old key with the old decline:
SELECT count(*) AS attempts, count(DISTINCT key) AS payment_keys FROM attempts;
SELECT event, type, payload ->> 'code' AS code FROM credits_events
WHERE account = 'cedar' AND type IN ('recharge.failed', 'recharge.suspended') ORDER BY event;
\echo What is left is used. Nothing is asked for any more:
SELECT amount, available FROM credits_charge('cedar', 'email_draft', 5, 'drafts-2');
SELECT recharge, status, attempts FROM credits_recharges WHERE account = 'cedar' ORDER BY recharge;
\echo The bank has put the card right. Resuming asks at once:
SET credits_ledger.now = '2026-03-25 09:00';
SELECT status, failures FROM credits_resume_auto_recharge('cedar');
SELECT recharge, attempt, price FROM credits_claim_recharges();
SELECT amount, available FROM credits_complete_recharge('cedar', 4, 'pi_cedar_4');

\echo
\echo == 10. Switching auto-reload off ==
SET credits_ledger.now = '2026-03-26 09:00';
SELECT enabled, status FROM app.set_auto_reload('cedar', 10, 50, switched_on => false);
SELECT amount, available FROM credits_charge('cedar', 'lead_research', 120, 'leads-3');
SELECT count(*) AS requests FROM credits_recharges WHERE account = 'cedar' AND status = 'open';

\echo
\echo == 11. The invoice ==
\echo April: the first month of Alder is over. Usage stands beside plan and seats:
SET credits_ledger.now = '2026-04-02 09:00';
SELECT cycles_closed FROM credits_reset_cycle('alder');
SELECT item, operations, credits, usd FROM app.invoice
WHERE account = 'alder' AND cycle_start = '2026-03-02 09:00' ORDER BY part, item;
\echo All AI of the month, in one figure:
SELECT sum(credits) AS credits, sum(usd) AS usd FROM app.invoice
WHERE account = 'alder' AND cycle_start = '2026-03-02 09:00' AND part = 3;
\echo The breakdown, by day:
SELECT day, feature, operations, quantity, credits, credits * 0.01 AS usd
FROM credits_usage_daily WHERE account = 'alder' ORDER BY day, feature, actor;
\echo What was paid for credits, beside it:
SELECT kind, amount AS credits, price AS usd, payment_ref FROM credits_grants WHERE account = 'alder' ORDER BY lot;

\echo
\echo == 12. The books ==
SELECT entry, effective_at, operation, kind, feature, amount, balance
FROM credits_history WHERE account = 'cedar' ORDER BY entry;
\echo Does everything add up? Each problem would be a row:
SELECT * FROM credits_verify();
