-- AI tokens by the month, and packs of tokens for more: what their operator defines, once, as data.
--
-- It can be run again, also with changed figures: a definition that is the same as before changes nothing, a changed
-- one counts from each customer's next cycle.
\set QUIET on
\pset footer off
\pset null -
SET client_min_messages = warning;

\echo
\echo == Setup: what the operator defines ==

-- Plans: tokens per month, and whether packs may be bought beside them. Names, tokens and prices are examples.
SELECT count(*) AS plans_defined
FROM (VALUES
    ('free',     50000, 0,  0, false),
    ('solo',    500000, 1,  9, true),
    ('team',   2000000, 2, 19, true),
    ('agency', 9000000, 3, 29, true)
) AS p (plan, tokens, rank, price, may_buy)
CROSS JOIN LATERAL credits_define_plan(
    p.plan, p.tokens, rank => p.rank, purchases => p.may_buy,
    metadata => jsonb_build_object('price', p.price, 'currency', 'EUR', 'per', 'month')
) AS defined;

-- Packs of tokens. One credit is one token.
SELECT count(*) AS packs_defined
FROM (VALUES ('starter', 1000000, 5), ('standard', 2500000, 10), ('plus', 7000000, 25), ('pro', 15000000, 50))
    AS p (pack, tokens, price)
CROSS JOIN LATERAL credits_define_pack(p.pack, p.tokens, p.price, 'EUR') AS defined;

-- The application's own functions.
CREATE SCHEMA IF NOT EXISTS app;

-- The form under Billing > Credits. Its balance is that of purchased tokens, and its monthly limit is EUR 50 where
-- nothing else is said.
CREATE OR REPLACE FUNCTION app.set_auto_recharge(
    account text, pack text, threshold numeric, card text, monthly_limit numeric DEFAULT 50,
    switched_on boolean DEFAULT true
) RETURNS TABLE (pack text, threshold numeric, monthly_limit numeric, enabled boolean, status text)
BEGIN ATOMIC
    SELECT s.pack, s.threshold, s.monthly_limit, s.enabled, s.status
    FROM credits_set_auto_recharge($1, $3, $2, measure => 'credits', monthly_limit => $5,
                                   payment_method => $4, enabled => $6) s;
END;

-- The transactions that a customer sees. A refund concerns what the deduction did that it gives back.
CREATE OR REPLACE VIEW app.transactions AS
SELECT
    h.account, h.entry,
    CASE
        WHEN h.operation IN ('purchase', 'recharge') THEN 'Purchase'
        WHEN h.operation = 'refund' THEN 'Refund'
        ELSE 'Deduction'
    END                                                         AS type,
    CASE h.operation WHEN 'purchase' THEN 'manual' WHEN 'recharge' THEN 'auto-recharge' END AS how,
    h.amount, h.from_allowance AS plan, h.from_credits AS credits,
    h.recorded_at                                               AS "timestamp",
    coalesce(h.feature, of.feature)                             AS operation,
    coalesce(h.resource, of.resource)                           AS resource
FROM credits_history h
LEFT JOIN credits_history of ON of.account = h.account AND of.entry = h.refers_to AND h.operation = 'refund'
WHERE h.operation IN ('purchase', 'recharge', 'debit', 'refund');

-- GET /api/billing/credits
CREATE OR REPLACE FUNCTION app.get_billing_credits(account text, newest integer DEFAULT 3) RETURNS jsonb
BEGIN ATOMIC
    SELECT jsonb_build_object(
        'balance', b.credits::text, 'plan_tokens_left', b.allowance::text, 'plan_resets_at', b.cycle_end,
        'transactions', (
            SELECT jsonb_agg(jsonb_build_object('type', t.type, 'amount', t.amount::text, 'timestamp', t."timestamp",
                                                'resource', t.resource) ORDER BY t.entry DESC)
            FROM (SELECT * FROM app.transactions t WHERE t.account = $1 ORDER BY t.entry DESC LIMIT $2) t))
    FROM credits_balance($1) b;
END;
