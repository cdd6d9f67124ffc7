-- Some months of a few customers. Runs after setup.sql, in a database in which it has not run before.
\set QUIET on
\pset footer off
\pset null -
SET timezone = 'UTC';
\set SHOW_CONTEXT never

-- Stands for the worker that charges saved cards, so many times one after the other. Here every card has money.
CREATE FUNCTION pg_temp.charge_cards(times integer DEFAULT 1)
    RETURNS TABLE (account text, recharge bigint, pack text, tokens numeric, eur numeric, credits numeric)
    LANGUAGE plpgsql AS $$
DECLARE
    request record;
BEGIN
    FOR n IN 1 .. times LOOP
        FOR request IN SELECT * FROM credits_claim_recharges() LOOP
            RETURN QUERY
            SELECT request.account, request.recharge, request.pack, request.credits, request.price, r.credits
            FROM credits_complete_recharge(request.account, request.recharge,
                                           format('pi_%s_%s', request.account, request.recharge)) r;
        END LOOP;
    END LOOP;
END $$;

\echo
\echo == 1. Plans and packs ==
SELECT plan, allowance AS tokens_per_month, purchases AS may_buy, (metadata ->> 'price')::numeric AS eur
FROM credits_plans ORDER BY rank;
\echo The larger the pack, the more tokens for a euro:
SELECT pack, credits AS tokens, price AS eur, trim_scale(credits / price) AS tokens_per_eur
FROM credits_packs ORDER BY credits;

\echo
\echo == 2. Who may buy: all paid plans ==
SET credits_ledger.now = '2026-03-01 00:00';
SELECT count(*) AS opened
FROM credits_plans p CROSS JOIN LATERAL credits_open_account('on-' || p.plan) AS account;
SELECT p.plan, s.amount AS tokens
FROM (SELECT plan FROM credits_plans ORDER BY rank) p
CROSS JOIN LATERAL credits_subscribe('on-' || p.plan, p.plan, 'subscription-1') s;
\echo Before the checkout the application asks. Every paid plan, every pack:
SELECT s.plan, p.pack, credits_check_purchase(s.account, p.pack) AS tokens
FROM credits_subscriptions s JOIN credits_plans USING (plan) CROSS JOIN credits_packs p
WHERE s.plan <> 'free' ORDER BY rank, p.credits;
\echo On the free plan there is no checkout:
\set ON_ERROR_STOP off
SELECT credits_check_purchase('on-free', 'starter');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on
\echo Nor does auto-recharge buy anything for it, with no tokens left at all:
SELECT amount, available FROM credits_debit('on-free', 50000, 'op-1', feature => 'enrichment');
SELECT enabled, status FROM app.set_auto_recharge('on-free', 'starter', 100000, 'pm_free');
SELECT accepted, refused FROM credits_debit('on-free', 1, 'op-2', on_insufficient => 'refuse');
SELECT count(*) AS requests FROM credits_recharges WHERE account = 'on-free';
SELECT enabled FROM app.set_auto_recharge('on-free', 'starter', 100000, 'pm_free', switched_on => false);
\echo They upgrade. Now the checkout opens, and the purchase is credited:
SET credits_ledger.now = '2026-03-02 09:00';
SELECT operation, amount, available FROM credits_change_plan('on-free', 'free', 'solo', 'upgrade');
SELECT credits_check_purchase('on-free', 'starter') AS tokens;
SELECT operation, amount, allowance, credits FROM credits_purchase('on-free', 'starter', 'pi_free_1', 'checkout-1');

\echo
\echo == 3. The plan first, then credits ==
SET credits_ledger.now = '2026-03-01 08:00';
SELECT account FROM credits_open_account('lumen');
SELECT amount, available FROM credits_subscribe('lumen', 'team', 'subscription-1');
\echo A pack is bought on the first day, long before it is needed:
SELECT operation, amount, allowance, credits, available
FROM credits_purchase('lumen', 'standard', 'pi_lumen_1', 'checkout-1');
SET credits_ledger.now = '2026-03-10 09:00';
\echo As long as there are tokens of the month, only they are drawn:
SELECT amount, from_allowance, from_credits, allowance, credits
FROM credits_debit('lumen', 1500000, 'op-1', feature => 'enrichment', resource => 'project-7/session-1');
\echo 700,000 more than exhaust them. The operation goes on, and credits bear the rest by themselves:
SELECT kind, takes, remaining_after FROM credits_explain_debit('lumen', 700000, 'enrichment');
SELECT amount, from_allowance, from_credits, allowance, credits
FROM credits_debit('lumen', 700000, 'op-2', feature => 'enrichment', resource => 'project-7/session-2');
\echo From now on all comes from credits:
SELECT amount, from_allowance, from_credits, allowance, credits
FROM credits_debit('lumen', 50000, 'op-3', feature => 'hygiene', resource => 'project-8/session-3');

\echo
\echo == 4. A failed operation: its credits return ==
SET credits_ledger.now = '2026-03-10 09:05';
\echo The hygiene run has failed. What it took comes back, from where it was taken, and once:
SELECT operation, amount, from_credits, credits, refers_to, replayed
FROM credits_refund('lumen', 'op-3', 'op-3-failed', reason => 'run failed');
SELECT amount, credits, replayed FROM credits_refund('lumen', 'op-3', 'op-3-failed', reason => 'run failed');
\echo A second run goes through:
SELECT amount, from_credits, credits
FROM credits_debit('lumen', 60000, 'op-4', feature => 'hygiene', resource => 'project-8/session-4');

\echo
\echo == 5. Monthly tokens end with the month, credits never ==
SET credits_ledger.now = '2026-04-01 08:00';
SELECT allowance, credits FROM credits_balance('lumen');
\echo In April nothing is used. Its 2,000,000 are gone in May, and no more than 2,000,000 are there; the pack stays:
SET credits_ledger.now = '2026-05-01 08:00';
SELECT cycles_closed, expired, rolled_over, granted, allowance, credits FROM credits_reset_cycle('lumen');
\echo Three years later:
SELECT as_of, allowance, credits FROM credits_balance_at('lumen', '2029-05-01 08:00');
SELECT kind, amount, remaining, expires_at, price, currency FROM credits_grants
WHERE account = 'lumen' AND kind = 'purchase';

\echo
\echo == 6. Auto-recharge ==
SET credits_ledger.now = '2026-05-02 09:00';
\echo Pack Standard, below 500,000; a monthly limit that nobody typed is EUR 50:
SELECT * FROM app.set_auto_recharge('lumen', 'standard', 500000, 'pm_lumen');
\echo The tokens of the month are no credits. All 2,000,000 of them go, and nothing is bought:
SELECT amount, from_allowance, allowance, credits
FROM credits_debit('lumen', 2000000, 'op-5', feature => 'enrichment', resource => 'project-7/session-5');
SELECT count(*) AS requests FROM credits_recharges WHERE account = 'lumen';
\echo Nor at 500,000 exactly:
SELECT amount, from_credits, credits
FROM credits_debit('lumen', 1740000, 'op-6', feature => 'enrichment', resource => 'project-7/session-6');
SELECT count(*) AS requests FROM credits_recharges WHERE account = 'lumen';
\echo A token less, and the selected pack is bought with the saved card:
SELECT amount, from_credits, credits
FROM credits_debit('lumen', 1, 'op-7', feature => 'scoring', resource => 'project-7/session-6');
SELECT recharge, attempt, pack, quantity, credits, price, currency, payment_method FROM credits_claim_recharges();
SELECT operation, amount, credits FROM credits_complete_recharge('lumen', 1, 'pi_lumen_2');
\echo So a large operation is not interrupted:
SELECT accepted, amount, from_credits, credits
FROM credits_debit('lumen', 2000000, 'op-8', feature => 'enrichment', resource => 'project-9/session-7',
                   on_insufficient => 'refuse');

\echo
\echo == 7. The monthly spending limit ==
-- Orbit's calendar is that of Berlin, in winter and in summer.
SET credits_ledger.now = '2026-03-31 22:00';
SELECT account FROM credits_open_account('orbit', time_zone => 'Europe/Berlin');
SELECT amount, available FROM credits_subscribe('orbit', 'solo', 'subscription-1');
SELECT amount, credits FROM credits_purchase('orbit', 'standard', 'pi_orbit_first', 'checkout-1');
SELECT pack, threshold, monthly_limit FROM app.set_auto_recharge('orbit', 'standard', 500000, 'pm_orbit');
SET credits_ledger.now = '2026-04-06 09:00';
SELECT amount, allowance, credits FROM credits_debit('orbit', 500000, 'op-0');
\echo Five times everything is used, and five times a pack of EUR 10 is bought:
SELECT amount, credits FROM credits_debit('orbit', 2500000, 'op-1');
SELECT recharge, eur, credits FROM pg_temp.charge_cards();
SELECT amount, credits FROM credits_debit('orbit', 2500000, 'op-2');
SELECT recharge, eur, credits FROM pg_temp.charge_cards();
SELECT amount, credits FROM credits_debit('orbit', 2500000, 'op-3');
SELECT recharge, eur, credits FROM pg_temp.charge_cards();
SELECT amount, credits FROM credits_debit('orbit', 2500000, 'op-4');
SELECT recharge, eur, credits FROM pg_temp.charge_cards();
SELECT amount, credits FROM credits_debit('orbit', 2100000, 'op-5');
SELECT recharge, eur, credits FROM pg_temp.charge_cards();
SELECT count(*) AS recharges, sum(price) AS eur_in_april FROM credits_recharges WHERE account = 'orbit';
\echo The sixth would make EUR 60. It is not asked for; the application is told once, however often it would have been:
SET credits_ledger.now = '2026-04-20 09:00';
SELECT amount, credits FROM credits_debit('orbit', 2500000, 'op-6');
SELECT amount, credits FROM credits_debit('orbit', 100000, 'op-7');
SELECT accepted, refused, credits FROM credits_debit('orbit', 2500000, 'op-8', on_insufficient => 'refuse');
SELECT count(*) AS recharges FROM credits_recharges WHERE account = 'orbit';
SELECT type, payload ->> 'price' AS price, payload ->> 'spent' AS spent, payload ->> 'monthly_limit' AS monthly_limit
FROM credits_events WHERE account = 'orbit' AND type = 'recharge.capped';
\echo The limit is for what is bought by itself. By hand one may buy more, and it takes no room from the limit:
SELECT amount, credits FROM credits_purchase('orbit', 'starter', 'pi_orbit_hand', 'checkout-2');
SELECT amount, credits FROM credits_debit('orbit', 1200000, 'op-9');
\echo In Berlin it is April until 22:00 UTC. A second before there is no room, then there is:
SET credits_ledger.now = '2026-04-30 21:59:59';
SELECT amount, allowance, credits FROM credits_debit('orbit', 1000, 'op-10');
SELECT count(*) AS recharges FROM credits_recharges WHERE account = 'orbit';
SET credits_ledger.now = '2026-04-30 22:00';
SELECT amount, from_allowance, from_credits, credits FROM credits_debit('orbit', 501000, 'op-11');
SELECT recharge, status, price, requested_at AT TIME ZONE 'Europe/Berlin' AS in_berlin FROM credits_recharges
WHERE account = 'orbit' AND status = 'open';
SELECT recharge, eur, credits FROM pg_temp.charge_cards();
\echo A limit that is lowered counts at once. Of 15, 10 are spent; another 10 does not fit, whatever the threshold:
SELECT pack, threshold, monthly_limit FROM app.set_auto_recharge('orbit', 'standard', 5000000, 'pm_orbit', 15);
SELECT count(*) AS recharges, sum(price) AS eur_in_may FROM credits_recharges
WHERE account = 'orbit' AND requested_at >= '2026-04-30 22:00';
SELECT occurred_at, payload ->> 'spent' AS spent, payload ->> 'monthly_limit' AS monthly_limit
FROM credits_events WHERE account = 'orbit' AND type = 'recharge.capped' ORDER BY event;

\echo
\echo == 8. Every pack under the default limit ==
SET credits_ledger.now = '2026-06-01 00:00';
SELECT count(*) AS opened
FROM credits_packs p CROSS JOIN LATERAL credits_open_account('buys-' || p.pack) AS account;
SELECT count(*) AS subscribed
FROM credits_packs p CROSS JOIN LATERAL credits_subscribe('buys-' || p.pack, 'solo', 'subscription-1') s;
\echo Thresholds that no pack reaches make each of them buy for as long as it may:
SELECT count(*) AS set_up
FROM credits_packs p CROSS JOIN LATERAL app.set_auto_recharge('buys-' || p.pack, p.pack, 99000000, 'pm_' || p.pack) s;
SELECT count(*) AS bought, sum(eur) AS eur FROM pg_temp.charge_cards(20);
SELECT r.account, count(*) AS recharges, sum(r.price) AS eur, sum(r.credits) AS tokens,
       (SELECT count(*) FROM credits_events e WHERE e.account = r.account AND e.type = 'recharge.capped') AS capped
FROM credits_recharges r WHERE r.account LIKE 'buys-%' AND r.status = 'completed' GROUP BY r.account ORDER BY tokens;

\echo
\echo == 9. A declined card, another card, the switch ==
SET credits_ledger.now = '2026-06-10 09:00';
SELECT amount, credits
FROM credits_debit('lumen', 2700000, 'op-9', feature => 'enrichment', resource => 'project-9/session-8');
SELECT recharge, attempt, price, payment_method FROM credits_claim_recharges();
\echo The card has expired. No later attempt will mend that, so auto-recharge stops at once:
SELECT status, last_error_code, last_error
FROM credits_fail_recharge('lumen', 2, 1, 'expired_card', 'Your card has expired.', suspend => true);
SELECT pack, threshold, monthly_limit, status, last_error FROM credits_auto_recharges WHERE account = 'lumen';
SELECT amount, credits
FROM credits_debit('lumen', 100000, 'op-10', feature => 'scoring', resource => 'project-9/session-9');
SELECT count(*) AS open FROM credits_recharges WHERE account = 'lumen' AND status = 'open';
\echo Another card is saved. That resumes it, and asks anew:
SELECT status FROM app.set_auto_recharge('lumen', 'standard', 500000, 'pm_lumen_2');
SELECT recharge, attempt, price, payment_method FROM credits_claim_recharges();
SELECT operation, amount, credits FROM credits_complete_recharge('lumen', 3, 'pi_lumen_3');
\echo Switched off, the next request is not made:
SELECT enabled, status FROM app.set_auto_recharge('lumen', 'standard', 500000, 'pm_lumen_2', switched_on => false);
SELECT amount, credits
FROM credits_debit('lumen', 2200000, 'op-11', feature => 'enrichment', resource => 'project-9/session-10');
SELECT recharge, status, price, last_error_code FROM credits_recharges WHERE account = 'lumen' ORDER BY recharge;

\echo
\echo == 10. Balance and transactions ==
\echo Under Settings > Billing:
SELECT allowance AS plan_tokens, credits, cycle_end AS plan_resets_at FROM credits_balance('lumen');
SELECT type, how, amount, plan, credits, "timestamp", operation, resource FROM app.transactions
WHERE account = 'lumen' ORDER BY entry;
\echo GET /api/billing/credits:
SELECT jsonb_pretty(app.get_billing_credits('lumen'));

\echo
\echo == 11. Is it time for a larger plan? ==
\echo Consumption month by month, and what credits bore of it:
SELECT cycle_start::date, feature, operations, credits AS tokens, from_allowance AS plan, from_credits AS credits
FROM credits_usage_by_cycle WHERE account = 'lumen' ORDER BY cycle, feature;
\echo At the price of pack Standard, the credits used in each month were worth:
SELECT cycle_start::date AS month, sum(u.from_credits) AS credits,
       round(sum(u.from_credits) * p.price / p.credits, 2) AS eur
FROM credits_usage_by_cycle u, credits_packs p
WHERE u.account = 'lumen' AND p.pack = 'standard' GROUP BY month, p.price, p.credits ORDER BY month;
\echo In May and June the larger plan would have covered them, for EUR 10 more:
SELECT plan, allowance AS tokens_per_month, (metadata ->> 'price')::numeric AS eur FROM credits_plans
WHERE plan IN ('team', 'agency') ORDER BY rank;
SELECT amount, allowance FROM credits_change_plan('lumen', 'team', 'agency', 'upgrade');

\echo
\echo == 12. The books ==
\echo Does everything add up? Each problem would be a row:
SELECT * FROM credits_verify();
