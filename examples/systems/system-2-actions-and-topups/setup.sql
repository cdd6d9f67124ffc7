-- An assistant that answers a business's customers: what its operator defines, once, as data.
--
-- It can be run again, also with changed figures: a definition that is the same as before changes nothing, a changed
-- one counts from each customer's next cycle.
\set QUIET on
\pset footer off
\pset null -
SET client_min_messages = warning;

\echo
\echo == Setup: what the operator defines ==

-- Plans. The allowances are examples; the prices are kept for the invoice, the ledger does not read them.
SELECT count(*) AS plans_defined
FROM (VALUES
    ('trial',          100, 0,    0),
    ('starter',        500, 1,   65),
    ('professional',  2000, 2,  199),
    ('scale',         6000, 3,  399),
    ('enterprise',   20000, 4, NULL)    -- NULL: agreed with each customer
) AS p (plan, allowance, rank, price)
CROSS JOIN LATERAL credits_define_plan(
    p.plan, p.allowance, rank => p.rank,
    trial => p.plan = 'trial', trial_period => CASE p.plan WHEN 'trial' THEN interval '14 days' END,
    metadata => jsonb_build_object('price', p.price, 'currency', 'USD', 'per', 'month')
) AS defined;

-- What an action costs. Phone calls and texts have no rate, on purpose: they cannot draw credits by mistake.
SELECT count(*) AS rates_defined
FROM (VALUES ('reply', 1), ('command', 1), ('knowledge_sync', 25)) AS r (feature, credits)
CROSS JOIN LATERAL credits_define_rate(r.feature, r.credits) AS defined;

-- The application's own tables.
CREATE SCHEMA IF NOT EXISTS app;

-- What is for sale beside the plans. Sizes and prices are examples.
CREATE TABLE IF NOT EXISTS app.topup_packs (
    pack      text PRIMARY KEY,
    credits   numeric NOT NULL,
    price     numeric NOT NULL,
    currency  text NOT NULL
);
INSERT INTO app.topup_packs VALUES ('small', 200, 15, 'USD'), ('large', 1000, 60, 'USD') ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS app.inbox (
    message  text PRIMARY KEY,
    account  text NOT NULL,
    channel  text NOT NULL,
    body     text NOT NULL,
    reply    text NOT NULL              -- sent, or waiting for credits
);

-- Calls and texts on the customer's own number: billed at the carrier's cost, with nothing on top.
CREATE TABLE IF NOT EXISTS app.phone_usage (
    account       text NOT NULL,
    kind          text NOT NULL,
    quantity      numeric NOT NULL,
    carrier_cost  numeric NOT NULL,
    billed        numeric GENERATED ALWAYS AS (carrier_cost) STORED
);
