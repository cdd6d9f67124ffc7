-- Some weeks of a few organizations. Runs after setup.sql, in a database in which it has not run before.
\set QUIET on
\pset footer off
\pset null -
SET timezone = 'UTC';
\set SHOW_CONTEXT never

\echo
\echo == 1. A monthly allowance of runs, and what is beyond it ==
SELECT feature, model, credits, per_units FROM credits_rates ORDER BY feature;
SET credits_ledger.now = '2026-05-01 00:00';
SELECT account FROM credits_open_account('quarry');
SELECT operation, amount, available FROM credits_subscribe('quarry', 'team', 'subscription-1');
INSERT INTO app.people VALUES ('quarry', 'olga', 'Owner'), ('quarry', 'adam', 'Admin'), ('quarry', 'mia', 'Member');
\echo 1,000 runs are part of the plan. They cost nothing, and need no credits:
SET credits_ledger.now = '2026-05-04 09:00';
SELECT accepted, amount, included, balance FROM credits_charge('quarry', 'rule_run', 400, 'batch-1', actor => 'mia');
SELECT accepted, amount, included, balance FROM credits_charge('quarry', 'rule_run', 600, 'batch-2', actor => 'mia');
\echo What would the next run cost? And is there credit for it?
SELECT credits_quote('quarry', 'rule_run', 1) AS credits;
SELECT accepted, refused FROM credits_charge('quarry', 'rule_run', 1, 'run-1001', on_insufficient => 'refuse');

\echo
\echo == 2. Buying credits ==
SET credits_ledger.now = '2026-05-05 09:00';
\echo At least $5:
\set ON_ERROR_STOP off
SELECT credits_check_purchase('quarry', 'credits', 4);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on
SELECT credits_check_purchase('quarry', 'credits', 5) AS for_5,
       credits_check_purchase('quarry', 'credits', 20) AS for_20;
\echo And whole dollars, because balances are whole credits. $7.50 is refused:
\set ON_ERROR_STOP off
\set VERBOSITY terse
INSERT INTO app.checkouts VALUES ('checkout-1', 'quarry', 7.50);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
\set VERBOSITY default
\set ON_ERROR_STOP on
INSERT INTO app.checkouts VALUES ('checkout-1', 'quarry', 20) RETURNING checkout, dollars;
\echo The payment provider says that $20 were paid. As many credits are added:
SELECT operation, amount, balance, replayed
FROM credits_purchase('quarry', 'credits', 'pi_1', 'checkout-1', price => 20);
\echo It says so twice; and the page after the checkout says it, too, under a key of its own. It was one payment:
SELECT operation, amount, balance, replayed
FROM credits_purchase('quarry', 'credits', 'pi_1', 'checkout-1', price => 20);
\set ON_ERROR_STOP off
SELECT * FROM credits_purchase('quarry', 'credits', 'pi_1', 'thank-you-page', price => 20);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on
SELECT count(*) AS purchases, sum(amount) AS credits, sum(price) AS usd FROM credits_grants WHERE account = 'quarry';

\echo
\echo == 3. Overage: one credit covers 100 runs ==
\echo Run 1001 takes a credit, by the call that was refused before. It covers runs 1002 to 1100, too. Run 1101 takes the
\echo next one:
SELECT accepted, amount, included, balance
FROM credits_charge('quarry', 'rule_run', 1, 'run-1001', on_insufficient => 'refuse');
SELECT amount, included, balance FROM credits_charge('quarry', 'rule_run', 1, 'run-1002');
SELECT count(*) AS runs, sum(r.amount) AS credits, min(r.balance) AS balance
FROM generate_series(1003, 1100) n CROSS JOIN LATERAL credits_charge('quarry', 'rule_run', 1, 'run-' || n) r;
SELECT amount, included, balance FROM credits_charge('quarry', 'rule_run', 1, 'run-1101');
\echo 250 runs at once: 99 are covered, 151 more take 2 credits, and 49 of those are left for later:
SELECT amount, included, balance FROM credits_charge('quarry', 'rule_run', 250, 'batch-3');
SELECT credits_quote('quarry', 'rule_run', 49) AS for_49, credits_quote('quarry', 'rule_run', 50) AS for_50;
\echo A retry with the same key takes nothing:
SELECT amount, balance, replayed FROM credits_charge('quarry', 'rule_run', 250, 'batch-3');
\echo Runs go on across the limit in one charge: of 1,200, the plan covers 1,000, and 200 take 2 credits:
SELECT account FROM credits_open_account('basalt');
SELECT operation, amount FROM credits_subscribe('basalt', 'team', 'subscription-1');
SELECT operation, amount, balance FROM credits_purchase('basalt', 'credits', 'pi_2', 'checkout-2', price => 5);
SELECT amount, included, balance FROM credits_charge('basalt', 'rule_run', 1200, 'batch-1');

\echo
\echo == 4. The next month ==
SET credits_ledger.now = '2026-06-01 00:00';
\echo 1,000 runs again. Credits stay, and so do the 49 runs that are paid:
SELECT amount, included, balance FROM credits_charge('quarry', 'rule_run', 1000, 'june-1');
SELECT amount, included, balance FROM credits_charge('quarry', 'rule_run', 49, 'june-2');
SELECT amount, included, balance FROM credits_charge('quarry', 'rule_run', 1, 'june-3');

\echo
\echo == 5. One balance for everything ==
SET credits_ledger.now = '2026-06-02 09:00';
\echo Another kind of use, a purchase, overage: always the same figure:
SELECT amount, balance FROM credits_charge('quarry', 'template_generation', 1, 'template-1', actor => 'adam');
SELECT amount, balance FROM credits_purchase('quarry', 'credits', 'pi_3', 'checkout-3', price => 5);
SELECT amount, balance FROM credits_charge('quarry', 'rule_run', 399, 'june-4', actor => 'mia');
SELECT balance, credits, available FROM credits_balance('quarry');

\echo
\echo == 6. Administrators only ==
SELECT person, role, app.database_role(organization, person) FROM app.people
WHERE organization = 'quarry' ORDER BY person;
SET credits_ledger.now = '2026-06-03 09:00';
\echo Mia, a member, may run rules and see the balance:
SELECT app.database_role('quarry', 'mia') AS database_role \gset
SET ROLE :database_role;
SELECT amount, balance FROM credits_charge('quarry', 'rule_run', 1, 'june-5', actor => 'mia');
SELECT balance FROM credits_balance('quarry');
\echo Not buy, save a card, change auto-recharge (through the form or around it), or see the credits view:
\set ON_ERROR_STOP off
SELECT * FROM credits_purchase('quarry', 'credits', 'pi_mia', 'checkout-mia', price => 50);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT credits_check_purchase('quarry', 'credits', 50);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
INSERT INTO app.payment_methods (organization, card) VALUES ('quarry', 'pm_mia');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM app.set_auto_recharge('quarry', 10, 25);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM credits_set_auto_recharge('quarry', 10, 'credits', payment_method => 'pm_mia');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM credits_resume_auto_recharge('quarry');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
SELECT * FROM app.credits_view;
\echo SQLSTATE :LAST_ERROR_SQLSTATE
RESET ROLE;
\echo Adam, an Admin, may buy. Nobody in an organization may change what things cost:
SELECT app.database_role('quarry', 'adam') AS database_role \gset
SET ROLE :database_role;
SELECT operation, amount, balance FROM credits_purchase('quarry', 'credits', 'pi_4', 'checkout-4', price => 6);
SELECT * FROM credits_define_rate('rule_run', 1, 1000, 'package');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
RESET ROLE;
\set ON_ERROR_STOP on
SELECT balance FROM credits_balance('quarry');

\echo
\echo == 7. A saved card comes before auto-recharge ==
SET credits_ledger.now = '2026-06-04 09:00';
\echo Olga, the Owner, wants 25 credits whenever 10 or fewer are left. There is no card yet:
SELECT app.database_role('quarry', 'olga') AS database_role \gset
SET ROLE :database_role;
\set ON_ERROR_STOP off
SELECT * FROM app.set_auto_recharge('quarry', 10, 25);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on
\echo She saves one. Nothing is charged for that:
INSERT INTO app.payment_methods (organization, card) VALUES ('quarry', 'pm_quarry_1') RETURNING card;
SELECT balance FROM credits_balance('quarry');
SELECT count(*) AS requests FROM credits_recharges;
\echo Now it can be turned on. More than 10 are left, so nothing is charged for that, either:
SELECT * FROM app.set_auto_recharge('quarry', 10, 25);
SELECT count(*) AS requests FROM credits_recharges;
RESET ROLE;

\echo
\echo == 8. At or below the threshold: one charge ==
SET credits_ledger.now = '2026-06-05 09:00';
\echo At 11 nothing happens:
SELECT amount, balance FROM credits_charge('quarry', 'template_generation', 4, 'templates-2');
SELECT amount, balance FROM credits_charge('quarry', 'rule_run', 100, 'june-6');
SELECT count(*) AS requests FROM credits_recharges WHERE account = 'quarry';
\echo At 10 the card is to be charged:
SELECT amount, balance FROM credits_charge('quarry', 'rule_run', 100, 'june-7');
SELECT recharge, status, pack, credits, price, currency FROM credits_recharges WHERE account = 'quarry';
\echo The balance stays low for a while, and is drawn on again and again. There is still one request:
SELECT count(*) AS charges, min(r.balance) AS balance
FROM generate_series(1, 3) n
CROSS JOIN LATERAL credits_charge('quarry', 'template_generation', 1, 'templates-3-' || n) r;
SELECT count(*) AS requests FROM credits_recharges WHERE account = 'quarry';
\echo A worker takes it and charges the card, off-session. Another finds nothing:
CREATE TEMPORARY TABLE first_worker AS SELECT * FROM credits_claim_recharges();
SELECT account, recharge, attempt, credits, price, payment_method FROM first_worker;
SELECT count(*) AS for_another_worker FROM credits_claim_recharges();
\echo The worker dies after charging. When its lease is over another takes the request, with the same payment key, for
\echo which the payment provider answers with the payment that it has made:
SET credits_ledger.now = '2026-06-05 09:05';
CREATE TEMPORARY TABLE second_worker AS SELECT * FROM credits_claim_recharges();
SELECT s.recharge, s.attempt, s.payment_idempotency_key = f.payment_idempotency_key AS same_key
FROM second_worker s JOIN first_worker f USING (account, recharge);
SELECT operation, amount, balance, replayed FROM credits_complete_recharge('quarry', 1, 'pi_5');
\echo The first comes back to life and completes it as well. The webhook reports the payment, too. It is credited once:
SELECT operation, amount, balance, replayed FROM credits_complete_recharge('quarry', 1, 'pi_5');
\set ON_ERROR_STOP off
SELECT * FROM credits_purchase('quarry', 'credits', 'pi_5', 'webhook-5', price => 25);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on
SELECT balance FROM credits_balance('quarry');
SELECT recharge, status, credits, price, attempts, payment_ref FROM credits_recharges WHERE account = 'quarry';

\echo
\echo == 9. A declined card: recorded, and told to administrators ==
SET credits_ledger.now = '2026-06-08 09:00';
SELECT amount, balance FROM credits_charge('quarry', 'template_generation', 10, 'templates-4');
SELECT recharge, attempt, price, payment_method FROM credits_claim_recharges();
SELECT status, attempts, last_error_code, last_error, next_attempt_at
FROM credits_fail_recharge('quarry', 2, 1, 'card_declined', 'Your card was declined.');
\echo No credits without a payment:
SELECT balance FROM credits_balance('quarry');
\echo The view has the error. A job reads the events, writes to whoever is an administrator, and acknowledges:
SELECT balance, card, auto_recharge, threshold, amount, status, last_error
FROM app.credits_view WHERE organization = 'quarry';
CREATE TEMPORARY TABLE events AS SELECT * FROM credits_claim_events();
INSERT INTO app.notices
SELECT e.account, e.event, p.person, e.payload ->> 'message'
FROM events e JOIN app.people p ON p.organization = e.account
WHERE e.type IN ('recharge.failed', 'recharge.suspended') AND p.role IN ('Owner', 'Admin');
SELECT bool_and(acknowledged) AS acknowledged
FROM (SELECT * FROM events ORDER BY account, event) e
CROSS JOIN LATERAL credits_ack_event(e.account, e.event) acknowledged;
SELECT person, notice FROM app.notices WHERE organization = 'quarry' ORDER BY event, person;

\echo
\echo == 10. A card that wants authentication: stopped until it is updated ==
\echo An hour later it is tried again. The bank wants somebody to confirm, and nobody is present:
SET credits_ledger.now = '2026-06-08 10:00';
SELECT recharge, attempt, price, payment_method FROM credits_claim_recharges();
SELECT status, last_error_code, last_error FROM credits_fail_recharge('quarry', 2, 2, 'authentication_required',
    'Your card requires authentication.', suspend => true);
SELECT type, payload ->> 'code' AS code FROM credits_events
WHERE account = 'quarry' AND type IN ('recharge.failed', 'recharge.suspended') ORDER BY event;
\echo Until then the balance is used, and no card is charged:
SELECT amount, balance FROM credits_charge('quarry', 'rule_run', 100, 'june-8');
SELECT count(*) AS open FROM credits_recharges WHERE account = 'quarry' AND status IN ('open', 'claimed');
\echo Olga sees what happened, and saves another card:
SELECT app.database_role('quarry', 'olga') AS database_role \gset
SET ROLE :database_role;
SELECT balance, card, auto_recharge, status, last_error FROM app.credits_view WHERE organization = 'quarry';
SELECT recorded_at, operation, feature, actor, amount, balance FROM credits_history
WHERE account = 'quarry' AND amount <> 0 ORDER BY entry DESC LIMIT 4;
INSERT INTO app.payment_methods (organization, card) VALUES ('quarry', 'pm_quarry_2');
SELECT * FROM app.set_auto_recharge('quarry', 10, 25);
RESET ROLE;
\echo It asks anew, with the new card:
SELECT recharge, attempt, price, payment_method FROM credits_claim_recharges();
SELECT operation, amount, balance FROM credits_complete_recharge('quarry', 3, 'pi_6');
SELECT recharge, status, price, attempts, last_error_code, payment_ref FROM credits_recharges
WHERE account = 'quarry' ORDER BY recharge;
SELECT balance, card, auto_recharge, status, last_error FROM app.credits_view WHERE organization = 'quarry';

\echo
\echo == 11. Off and on ==
SET credits_ledger.now = '2026-06-10 09:00';
SELECT amount, balance FROM credits_charge('quarry', 'template_generation', 12, 'templates-5');
SELECT recharge, status FROM credits_recharges WHERE account = 'quarry' AND recharge > 3;
\echo It is turned off before a worker comes. Then nothing is charged any more:
SELECT enabled, status FROM app.set_auto_recharge('quarry', 10, 25, switched_on => false);
SELECT count(*) AS to_charge FROM credits_claim_recharges();
SELECT recharge, status FROM credits_recharges WHERE account = 'quarry' AND recharge > 3;
SELECT amount, balance FROM credits_charge('quarry', 'template_generation', 1, 'template-6');
SELECT count(*) AS open FROM credits_recharges WHERE account = 'quarry' AND status = 'open';
\echo Turned on again, with other values. The balance is low already, so it asks at once:
SELECT threshold, pack, enabled, status FROM app.set_auto_recharge('quarry', 15, 40);
SELECT recharge, attempt, credits, price FROM credits_claim_recharges();
SELECT amount, balance FROM credits_complete_recharge('quarry', 5, 'pi_7');

\echo
\echo == 12. Where credits went ==
\echo Every change is in the history. The last column adds up the amounts by itself:
SELECT entry, recorded_at::date AS day, operation, feature, quantity, amount, balance,
       sum(amount) OVER (ORDER BY entry) AS added_up
FROM credits_history WHERE account = 'quarry' AND amount <> 0 ORDER BY entry;
SELECT balance FROM credits_balance('quarry');
\echo Whole credits, always:
SELECT count(*) AS changes, count(*) FILTER (WHERE amount <> trunc(amount) OR balance <> trunc(balance)) AS not_whole
FROM credits_history WHERE account = 'quarry';
\echo By month:
SELECT cycle_start::date AS month, feature, quantity AS units, included, credits
FROM credits_usage_by_cycle WHERE account = 'quarry' ORDER BY cycle, feature;
\echo What was paid is what was added:
SELECT count(*) AS payments, count(DISTINCT payment_ref) AS different, sum(price) AS usd, sum(amount) AS credits
FROM credits_grants WHERE account = 'quarry';

\echo
\echo == 13. The books ==
\echo Does everything add up? Each problem would be a row:
SELECT * FROM credits_verify();
