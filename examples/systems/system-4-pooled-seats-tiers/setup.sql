-- A CRM with AI features: what its operator defines, once, as data.
--
-- It can be run again, also with changed figures: a definition that is the same as before changes nothing, a changed
-- one counts from each customer's next cycle.
\set QUIET on
\pset footer off
\pset null -
SET client_min_messages = warning;

\echo
\echo == Setup: what the operator defines ==

-- The CRM's plans by family, a rank each. Credits are per user, up to a number of users: seat_cap.
SELECT count(*) AS seat_plans_defined
FROM (VALUES
    ('solo',         'entry',  1,  500,  1),
    ('base',         'entry',  1,  500,  1),
    ('starter',      'entry',  1,  500,  1),
    ('essentials',   'team',   2, 1000, 10),
    ('startup',      'team',   2, 1000, 10),
    ('basic',        'team',   2, 1000, 10),
    ('growth',       'growth', 3, 1500, 10),
    ('professional', 'growth', 3, 1500, 10),
    ('scale',        'scale',  4, 2000, 10),
    ('enterprise',   'scale',  4, 2000, 10),
    ('business',     'scale',  4, 2000, 10)
) AS p (plan, family, rank, credits_per_user, most_users)
CROSS JOIN LATERAL credits_define_plan(
    p.plan, p.credits_per_user, per_seat => true, seat_cap => p.most_users, rank => p.rank,
    metadata => jsonb_build_object('sells', 'crm', 'family', p.family)
) AS defined;

-- The trial: a fixed number, however many users. It lasts until it is converted.
SELECT count(*) AS trials_defined
FROM credits_define_plan('trial', 1000, trial => true, metadata => '{"sells": "crm", "family": "trial"}');

-- The credit tiers, which a customer adds to the CRM's plan.
SELECT count(*) AS tiers_defined
FROM (VALUES
    (1,     20,    1200),
    (2,     50,    3200),
    (3,    100,    7000),
    (4,    150,   11400),
    (5,    200,   16000),
    (6,    300,   25200),
    (7,    400,   36000),
    (8,    500,   47000),
    (9,    750,   72000),
    (10,  1000,  100000),
    (11,  1500,  150000),
    (12,  2000,  200000),
    (13,  2500,  250000),
    (14,  3000,  300000),
    (15,  5000,  500000),
    (16,  7500,  750000),
    (17, 10000, 1000000)
) AS t (tier, price, credits)
CROSS JOIN LATERAL credits_define_plan(
    'tier-' || t.tier, t.credits, rank => t.tier,
    metadata => jsonb_build_object('sells', 'credits', 'price', t.price, 'currency', 'USD', 'per', 'month')
) AS defined;

-- What draws credits. How much is an example.
SELECT count(*) AS rates_defined
FROM (VALUES
    ('voice_agent', 10, 60),   -- 10 credits a minute, by the second
    ('enrichment',   2,  1),   -- a field
    ('auto_update',  5,  1)    -- a call whose record it updates
) AS r (feature, credits, per_units)
CROSS JOIN LATERAL credits_define_rate(r.feature, r.credits, per_units => r.per_units) AS defined;

-- What never does. Calls, texts and the call assistant have no rate at all: they are telephony.
SELECT count(*) AS free_features_defined
FROM (VALUES
    ('notetaker'), ('chat'), ('search'), ('knowledge_sources'), ('lead_summary'), ('email_thread_summary'),
    ('rewrite'), ('smart_reply'), ('draft_assist'), ('suggested_actions')
) AS f (feature)
CROSS JOIN LATERAL credits_define_rate(f.feature, free => true) AS defined;

-- The application's own tables and views.
CREATE SCHEMA IF NOT EXISTS app;

-- Features that only plans from this rank up have; a trial has all.
CREATE TABLE IF NOT EXISTS app.feature_from_rank (
    feature  text PRIMARY KEY,
    rank     integer NOT NULL
);
INSERT INTO app.feature_from_rank VALUES
    ('lead_summary', 3), ('email_thread_summary', 3), ('rewrite', 3), ('smart_reply', 3), ('draft_assist', 3),
    ('suggested_actions', 3)
ON CONFLICT DO NOTHING;

-- To be called when an account's plan has changed.
CREATE OR REPLACE FUNCTION app.switch_features_by_plan(account text) RETURNS TABLE (feature text, enabled boolean)
BEGIN ATOMIC
    SELECT s.feature, s.enabled
    FROM app.feature_from_rank f
    CROSS JOIN LATERAL credits_set_feature($1, f.feature, EXISTS (
        SELECT FROM credits_subscriptions held JOIN credits_plans p USING (plan)
        WHERE held.account = $1 AND p.metadata ->> 'sells' = 'crm' AND (p.trial OR p.rank >= f.rank)
    )) s;
END;

-- Telephony is billed by itself, in money. One rate for calls, whoever makes them; an agent's calls were free until
-- the beta ended. The rates are examples.
CREATE TABLE IF NOT EXISTS app.telephony_rates (
    kind        text NOT NULL,         -- call, call_assistant (by the minute), sms (by the message)
    made_by     text NOT NULL,         -- person, agent
    valid_from  timestamptz NOT NULL,
    price       numeric NOT NULL,
    PRIMARY KEY (kind, made_by, valid_from)
);
INSERT INTO app.telephony_rates VALUES
    ('call',           'person', '-infinity',      0.02),
    ('call',           'agent',  '-infinity',      0.00),
    ('call',           'agent',  '2026-06-03 UTC', 0.02),
    ('call_assistant', 'person', '-infinity',      0.01),
    ('sms',            'person', '-infinity',      0.01)
ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS app.telephony_usage (
    account   text NOT NULL,
    at        timestamptz NOT NULL,
    kind      text NOT NULL,
    made_by   text NOT NULL,
    quantity  numeric NOT NULL
);

CREATE OR REPLACE VIEW app.telephony_bill AS
SELECT u.account, u.at, u.kind, u.made_by, u.quantity, round(u.quantity * r.price, 2) AS usd
FROM app.telephony_usage u
CROSS JOIN LATERAL (
    SELECT price FROM app.telephony_rates r
    WHERE r.kind = u.kind AND r.made_by = u.made_by AND r.valid_from <= u.at
    ORDER BY r.valid_from DESC LIMIT 1
) r;

-- Voice agents have no switch: a call is made where the agent is active and a workflow or a batch asks for it.
CREATE TABLE IF NOT EXISTS app.voice_agents (
    agent  text PRIMARY KEY,
    state  text NOT NULL               -- active, draft
);
CREATE TABLE IF NOT EXISTS app.calls_asked_for (
    agent     text NOT NULL REFERENCES app.voice_agents,
    asked_by  text NOT NULL,           -- a workflow's step, a batch
    lead      text NOT NULL
);
CREATE OR REPLACE VIEW app.calls_to_make AS
SELECT c.agent, c.asked_by, c.lead FROM app.calls_asked_for c JOIN app.voice_agents a USING (agent)
WHERE a.state = 'active';

-- Low and exhausted, until the ledger's own alerts do it. Exhausted: nothing is left of what once was. Low: 75% are
-- used, and at the pace of this cycle the rest does not last to its end. A pace is taken over an hour at least.
CREATE OR REPLACE VIEW app.credit_states AS
SELECT
    a.account, a.as_of, a.cycle, a.cycle_end, u.used, a.available,
    round(100 * u.used / nullif(u.used + a.available, 0), 1)    AS used_percent,
    round(u.used / u.days, 2)                                   AS burn_per_day,
    date_trunc('minute', p.runs_out_at)                         AS runs_out_at,
    coalesce(p.runs_out_at < a.cycle_end, false)                AS on_pace,
    CASE
        WHEN a.available = 0 AND EXISTS (SELECT FROM credits_grants g WHERE g.account = a.account) THEN 'exhausted'
        WHEN u.used >= 0.75 * (u.used + a.available) AND p.runs_out_at < a.cycle_end THEN 'low'
        ELSE 'ok'
    END                                                         AS state
FROM credits_accounts a
CROSS JOIN LATERAL (SELECT a.as_of - greatest(a.cycle_start, a.opened_at) AS past) c
CROSS JOIN LATERAL (
    SELECT greatest(a.used, 0) AS used, extract(epoch FROM greatest(c.past, '1 hour')) / 86400 AS days
) u
CROSS JOIN LATERAL (
    SELECT a.as_of + (a.available * u.days / nullif(u.used, 0))::float8 * interval '1 day' AS runs_out_at
) p;

-- What administrators were told, by mail and in the application: each state once in a cycle.
CREATE TABLE IF NOT EXISTS app.credit_notices (
    account  text NOT NULL,
    cycle    integer NOT NULL,
    state    text NOT NULL,
    PRIMARY KEY (account, cycle, state)
);
