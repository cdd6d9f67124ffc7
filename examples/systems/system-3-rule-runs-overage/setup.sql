-- Runs of rule sets: included by the month, then by credits of one dollar. What the operator defines, once, as data.
--
-- It can be run again, also with changed figures: a definition that is the same as before changes nothing, a changed
-- one counts from each organization's next cycle.
\set QUIET on
\pset footer off
\pset null -
SET client_min_messages = warning;

\echo
\echo == Setup: what the operator defines ==

-- Plans: runs per month, no credits. Names and figures are examples.
SELECT count(*) AS plans_defined
FROM (VALUES ('free', 100, 0), ('team', 1000, 1), ('business', 10000, 2)) AS p (plan, runs, rank)
CROSS JOIN LATERAL credits_define_plan(p.plan, 0, rank => p.rank) AS defined
CROSS JOIN LATERAL credits_include(p.plan, 'rule_run', p.runs) AS included;

-- Overage: a credit covers 100 runs. Everything else that is metered has a whole price, too; this one is an example.
SELECT count(*) AS rates_defined
FROM (VALUES ('rule_run', 1, 100, 'package'), ('template_generation', 2, 1, 'per_unit'))
    AS r (feature, credits, per_units, model)
CROSS JOIN LATERAL credits_define_rate(r.feature, r.credits, r.per_units, r.model) AS defined;

-- A purchase of any amount from $5: as many credits as dollars.
SELECT pack, credits, price, currency, minimum_price
FROM credits_define_pack('credits', 1, 1, 'USD', minimum_price => 5);

-- The application connects as one of these. Roles belong to the whole server, so another database may have them.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['org_member', 'org_admin'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I', name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
END $$;
SELECT count(*) AS levels
FROM (VALUES ('org_member', 'spend'), ('org_admin', 'billing'), ('org_admin', 'analyst')) AS a (role, access)
CROSS JOIN LATERAL credits_allow(a.role::regrole, a.access) AS allowed;

-- The application's own tables and functions.
CREATE SCHEMA IF NOT EXISTS app;
GRANT USAGE ON SCHEMA app TO org_member, org_admin;

CREATE TABLE IF NOT EXISTS app.people (
    organization  text NOT NULL,
    person        text NOT NULL,
    role          text NOT NULL CHECK (role IN ('Owner', 'Admin', 'Member')),
    PRIMARY KEY (organization, person)
);

-- The database role under which a person's request is run.
CREATE OR REPLACE FUNCTION app.database_role(organization text, person text) RETURNS text
BEGIN ATOMIC
    SELECT CASE WHEN p.role IN ('Owner', 'Admin') THEN 'org_admin' ELSE 'org_member' END
    FROM app.people p WHERE p.organization = $1 AND p.person = $2;
END;

-- Cards that the payment provider keeps for off-session use; here only their names. The newest is the default.
CREATE TABLE IF NOT EXISTS app.payment_methods (
    organization  text NOT NULL,
    number        integer GENERATED ALWAYS AS IDENTITY,
    card          text NOT NULL,
    PRIMARY KEY (organization, number)
);
GRANT SELECT, INSERT ON app.payment_methods TO org_admin;

-- A checkout is for whole dollars, so that balances stay whole.
CREATE TABLE IF NOT EXISTS app.checkouts (
    checkout      text PRIMARY KEY,
    organization  text NOT NULL,
    dollars       numeric NOT NULL CONSTRAINT whole_dollars CHECK (dollars = trunc(dollars))
);
GRANT SELECT, INSERT ON app.checkouts TO org_admin;

-- The form: threshold and amount, both set by an administrator. An amount is sold as a pack of its own. Defining packs
-- is more than an administrator of an organization may do otherwise, hence SECURITY DEFINER.
CREATE OR REPLACE FUNCTION app.set_auto_recharge(
    organization text, threshold integer, amount integer, switched_on boolean DEFAULT true
) RETURNS TABLE (threshold numeric, trigger text, pack text, payment_method text, enabled boolean, status text)
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT credits_define_pack('recharge-' || $3, $3, $3, 'USD');
    SELECT s.threshold, s.trigger, s.pack, s.payment_method, s.enabled, s.status
    FROM credits_set_auto_recharge($1, $2, 'recharge-' || $3, trigger => 'at_or_below', measure => 'credits',
        payment_method => (SELECT m.card FROM app.payment_methods m WHERE m.organization = $1
                           ORDER BY m.number DESC LIMIT 1),
        enabled => $4) s;
END;
REVOKE ALL ON FUNCTION app.set_auto_recharge(text, integer, integer, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.set_auto_recharge(text, integer, integer, boolean) TO org_admin;

-- What administrators are told.
CREATE TABLE IF NOT EXISTS app.notices (
    organization  text NOT NULL,
    event         bigint NOT NULL,
    person        text NOT NULL,
    notice        text NOT NULL,
    PRIMARY KEY (organization, event, person)
);

-- The organization's credits view.
CREATE OR REPLACE VIEW app.credits_view AS
SELECT
    a.account AS organization, a.balance, m.card, s.enabled AS auto_recharge, s.threshold,
    p.credits AS amount, s.status, s.last_error
FROM credits_accounts a
LEFT JOIN credits_auto_recharges s USING (account)
LEFT JOIN credits_packs p USING (pack)
LEFT JOIN LATERAL (
    SELECT card FROM app.payment_methods m WHERE m.organization = a.account ORDER BY m.number DESC LIMIT 1
) m ON true;
GRANT SELECT ON app.credits_view TO org_admin;
