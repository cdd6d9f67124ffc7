-- Jobs that are charged as they are inserted: the application's tables, the triggers, and who may what.
--
-- Run it as a superuser, or as the owner of the ledger who may create roles. It can be run again.
\set QUIET on
\pset footer off
\pset null -
SET client_min_messages = warning;

\echo
\echo == Setup: prices, tables, triggers, roles ==

-- What an operator defines: prices of features.
SELECT rate.feature, rate.credits, rate.per_units
FROM (VALUES ('chat', 1, 1000), ('image', 4, 1)) AS p (feature, credits, per_units)
CROSS JOIN LATERAL credits_define_rate(p.feature, p.credits, p.per_units) AS rate;

CREATE SCHEMA IF NOT EXISTS app;

-- Several customers may draw on one account.
CREATE TABLE IF NOT EXISTS app.customers (
    customer  text PRIMARY KEY,
    account   text NOT NULL
);

-- Which feature a model is charged as. Units are tokens for chat, pictures for image.
CREATE TABLE IF NOT EXISTS app.models (
    model    text PRIMARY KEY,
    feature  text NOT NULL
);

INSERT INTO app.models VALUES ('talk-small', 'chat'), ('talk-large', 'chat'), ('sketch', 'image'), ('photo', 'image')
ON CONFLICT DO NOTHING;

-- The job's id is made where the job is made, so that the same insert can be sent again.
CREATE TABLE IF NOT EXISTS app.jobs (
    job       uuid PRIMARY KEY,
    customer  text NOT NULL REFERENCES app.customers,
    model     text NOT NULL REFERENCES app.models,
    units     int  NOT NULL CHECK (units > 0),
    note      text
);

-- Which entry of the ledger paid for a job. A row stays when its job is deleted: no job is charged twice under one id.
CREATE TABLE IF NOT EXISTS app.charges (
    job      uuid PRIMARY KEY,
    account  text COLLATE "C" NOT NULL,
    entry    bigint,                        -- NULL: the feature was free
    FOREIGN KEY (account, entry) REFERENCES credits_ledger.entries (account, entry)
);

-- The application inserts jobs as `jobs_writer`, which has no access to the ledger. The triggers act as `jobs_charger`,
-- as which nobody can log in.
DO $$
BEGIN
    IF to_regrole('jobs_writer') IS NULL THEN
        CREATE ROLE jobs_writer LOGIN;
    END IF;
    IF to_regrole('jobs_charger') IS NULL THEN
        CREATE ROLE jobs_charger NOLOGIN;
    END IF;
END $$;

-- For each statement and not for each row: the accounts are charged in the order of their names, whatever the order of
-- the rows, so that statements about the same accounts do not deadlock. AFTER: rows that ON CONFLICT leaves out are not
-- charged. The credits_* functions are in `public`: another schema has to be named here.
CREATE OR REPLACE FUNCTION app.charge_jobs() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    made record;
BEGIN
    FOR made IN
        SELECT i.job, c.account, m.feature, i.units
        FROM inserted i JOIN app.customers c USING (customer) JOIN app.models m USING (model)
        ORDER BY c.account COLLATE "C", i.job
    LOOP
        INSERT INTO app.charges (job, account, entry)
        SELECT made.job, made.account, receipt.entry
        FROM public.credits_charge(made.account, made.feature, made.units, 'job-' || made.job,
                                   resource => made.job::text) AS receipt;
    END LOOP;
    RETURN NULL;
END $$;

-- What was refunded by hand before, in whole, is not in the way (LC007).
CREATE OR REPLACE FUNCTION app.refund_jobs() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone record;
BEGIN
    FOR gone IN
        SELECT c.job, c.account FROM deleted d JOIN app.charges c USING (job)
        WHERE c.entry IS NOT NULL
        ORDER BY c.account, c.job
    LOOP
        BEGIN
            PERFORM public.credits_refund(gone.account, 'job-' || gone.job, 'job-' || gone.job || '-deleted',
                                          reason => 'job deleted');
        EXCEPTION WHEN SQLSTATE 'LC007' THEN
            NULL;
        END;
    END LOOP;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION app.keep_charged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE 'job % is charged: customer, model and units stay', OLD.job
        USING ERRCODE = 'check_violation', HINT = 'Delete the job, which refunds it, and insert another.';
END $$;

CREATE OR REPLACE TRIGGER charge AFTER INSERT ON app.jobs
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION app.charge_jobs();
CREATE OR REPLACE TRIGGER refund AFTER DELETE ON app.jobs
    REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION app.refund_jobs();
CREATE OR REPLACE TRIGGER keep BEFORE UPDATE ON app.jobs FOR EACH ROW
    WHEN ((OLD.job, OLD.customer, OLD.model, OLD.units) IS DISTINCT FROM (NEW.job, NEW.customer, NEW.model, NEW.units))
    EXECUTE FUNCTION app.keep_charged();

-- Nobody else may put a function that spends on a table of their own.
REVOKE EXECUTE ON FUNCTION app.charge_jobs, app.refund_jobs FROM PUBLIC;
ALTER FUNCTION app.charge_jobs OWNER TO jobs_charger;
ALTER FUNCTION app.refund_jobs OWNER TO jobs_charger;

SELECT credits_allow('jobs_charger', 'spend') AS given \gset
GRANT USAGE ON SCHEMA app TO jobs_charger, jobs_writer;
GRANT SELECT ON app.customers, app.models TO jobs_charger, jobs_writer;
GRANT SELECT, INSERT ON app.charges TO jobs_charger;
GRANT SELECT, INSERT, DELETE, UPDATE (note) ON app.jobs TO jobs_writer;
