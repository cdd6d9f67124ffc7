-- AI features paid by credits of one US cent: what their operator defines, once, as data.
--
-- It can be run again, also with changed figures: a definition that is the same as before changes nothing, a changed
-- one counts from then on.
\set QUIET on
\pset footer off
\pset null -
SET client_min_messages = warning;

\echo
\echo == Setup: what the operator defines ==

-- What AI operations draw. How much is an example.
SELECT count(*) AS rates_defined
FROM (VALUES
    ('lead_research',          40),   -- the assistant
    ('email_draft',            10),   -- the assistant
    ('contact_classification',  1),
    ('name_extraction',         2),
    ('call_summary',           15)    -- any other operation: one more row
) AS r (feature, credits)
CROSS JOIN LATERAL credits_define_rate(r.feature, r.credits) AS defined;

-- What can be bought, by hand or by auto-reload: 100 credits for each dollar.
SELECT count(*) AS packs_defined
FROM (VALUES (50), (100), (200), (500)) AS p (usd)
CROSS JOIN LATERAL credits_define_pack('reload-' || p.usd, p.usd * 100, p.usd, 'USD') AS defined;

-- The application's own tables and functions.
CREATE SCHEMA IF NOT EXISTS app;

-- Who subscribed. Plan and seats are money on the invoice and bring no credits; the prices are examples.
CREATE TABLE IF NOT EXISTS app.customers (
    account     text PRIMARY KEY,
    plan_usd    numeric NOT NULL,
    seats       integer NOT NULL,
    seat_usd    numeric NOT NULL,
    card        text                  -- the payment provider's name of the card on file
);

-- What Settings > Billing > Auto-Reload offers.
CREATE TABLE IF NOT EXISTS app.auto_reload (
    account        text PRIMARY KEY REFERENCES app.customers,
    threshold_usd  integer NOT NULL CONSTRAINT threshold_offered CHECK (threshold_usd IN (10, 20, 50)),
    reload_usd     integer NOT NULL CONSTRAINT reload_offered CHECK (reload_usd IN (50, 100, 200, 500))
);

-- The form, saved: the constraints above check it, the ledger does the rest.
CREATE OR REPLACE FUNCTION app.set_auto_reload(
    account text, threshold_usd integer DEFAULT 20, reload_usd integer DEFAULT 100, switched_on boolean DEFAULT true
) RETURNS TABLE (threshold numeric, pack text, payment_method text, enabled boolean, status text)
BEGIN ATOMIC
    WITH form AS (
        INSERT INTO app.auto_reload VALUES ($1, $2, $3)
        ON CONFLICT ON CONSTRAINT auto_reload_pkey
        DO UPDATE SET threshold_usd = excluded.threshold_usd, reload_usd = excluded.reload_usd
        RETURNING *
    )
    SELECT s.threshold, s.pack, s.payment_method, s.enabled, s.status
    FROM form JOIN app.customers c ON c.account = form.account
    CROSS JOIN LATERAL credits_set_auto_recharge(
        form.account, form.threshold_usd * 100, 'reload-' || form.reload_usd,
        payment_method => c.card, enabled => $4) s;
END;

-- The month's invoice: plan, seats, and what AI was used, feature by feature.
CREATE OR REPLACE VIEW app.invoice AS
SELECT i.account, i.cycle_start, 3 AS part, i.feature AS item, i.operations, i.credits, i.credits * 0.01 AS usd
FROM credits_usage_by_cycle i
UNION ALL
SELECT c.account, y.cycle_start, 1, 'plan', NULL, NULL, c.plan_usd
FROM app.customers c JOIN credits_cycles y USING (account)
UNION ALL
SELECT c.account, y.cycle_start, 2, c.seats || ' seats', NULL, NULL, c.seats * c.seat_usd
FROM app.customers c JOIN credits_cycles y USING (account);
