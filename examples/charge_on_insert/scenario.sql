-- A day of two customers. Runs after setup.sql, in a database in which it has not run before.
\set QUIET on
\pset footer off
\pset null -
SET timezone = 'UTC';
\set SHOW_CONTEXT never

\echo
\echo == 1. Three customers, two accounts ==
SET credits_ledger.now = '2026-03-01 09:00';
SELECT account, available FROM credits_grant('acme', 40, 'order-1');
SELECT account, available FROM credits_open_account('umbra', allowance => 12.5);
-- Two of the three customers draw on one account.
INSERT INTO app.customers VALUES ('acme-north', 'acme'), ('acme-south', 'acme'), ('umbra', 'umbra');

\echo
\echo == 2. A job is charged as it is inserted ==
-- What the application does, it does as this role from here on.
SET ROLE jobs_writer;
INSERT INTO app.jobs VALUES ('00000000-0000-4000-8000-000000000001', 'acme-north', 'sketch', 2);
RESET ROLE;
SELECT operation, feature, quantity, amount, balance, resource FROM credits_history WHERE operation = 'charge';

\echo
\echo == 3. No credits, no row ==
\echo Of three jobs the last is too many, so there is none of them, and nothing was charged:
SET ROLE jobs_writer;
\set ON_ERROR_STOP off
INSERT INTO app.jobs VALUES
    ('00000000-0000-4000-8000-000000000002', 'umbra', 'photo', 1),
    ('00000000-0000-4000-8000-000000000003', 'umbra', 'photo', 2),
    ('00000000-0000-4000-8000-000000000004', 'umbra', 'photo', 1);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on
RESET ROLE;
SELECT account, available FROM credits_accounts ORDER BY account;
SELECT count(*) AS jobs FROM app.jobs;

\echo
\echo == 4. Many rows ==
SET ROLE jobs_writer;
INSERT INTO app.jobs VALUES
    ('00000000-0000-4000-8000-000000000005', 'umbra', 'talk-small', 2500),
    ('00000000-0000-4000-8000-000000000006', 'acme-south', 'talk-large', 3100),
    ('00000000-0000-4000-8000-000000000007', 'umbra', 'photo', 1);
\echo COPY is an insert like any other:
COPY app.jobs (job, customer, model, units) FROM STDIN;
00000000-0000-4000-8000-000000000008	acme-north	talk-large	700
00000000-0000-4000-8000-000000000009	acme-south	sketch	1
\.
\echo Of these two, the first is there already. Only the second is inserted, and charged:
INSERT INTO app.jobs VALUES
    ('00000000-0000-4000-8000-000000000009', 'acme-south', 'sketch', 1),
    ('00000000-0000-4000-8000-000000000010', 'acme-north', 'photo', 1)
ON CONFLICT DO NOTHING RETURNING job, model;
RESET ROLE;
SELECT account, available FROM credits_accounts ORDER BY account;

\echo
\echo == 5. The same insert again ==
SET ROLE jobs_writer;
\set ON_ERROR_STOP off
INSERT INTO app.jobs VALUES ('00000000-0000-4000-8000-000000000010', 'acme-north', 'photo', 1);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on
RESET ROLE;
SELECT account, available FROM credits_accounts WHERE account = 'acme';

\echo
\echo == 6. What was charged stays ==
SET ROLE jobs_writer;
UPDATE app.jobs SET note = 'for the fair' WHERE job = '00000000-0000-4000-8000-000000000010' RETURNING note;
\set ON_ERROR_STOP off
UPDATE app.jobs SET units = 100 WHERE job = '00000000-0000-4000-8000-000000000010';
\echo SQLSTATE :LAST_ERROR_SQLSTATE
\echo Not by the owner of the table either:
RESET ROLE;
UPDATE app.jobs SET units = 100 WHERE job = '00000000-0000-4000-8000-000000000010';
\echo SQLSTATE :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on

\echo
\echo == 7. A deleted job is refunded ==
SET ROLE jobs_writer;
DELETE FROM app.jobs WHERE job = '00000000-0000-4000-8000-000000000007' RETURNING customer, model;
RESET ROLE;
SELECT entry, operation, feature, quantity, amount, balance, refers_to, reason
FROM credits_history WHERE account = 'umbra' AND operation IN ('charge', 'refund') ORDER BY entry;
\echo Its id is used up, so that nobody gets a job that is charged for and refunded:
SET ROLE jobs_writer;
\set ON_ERROR_STOP off
INSERT INTO app.jobs VALUES ('00000000-0000-4000-8000-000000000007', 'umbra', 'photo', 1);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on
RESET ROLE;

\echo
\echo == 8. The application spends by inserting, and in no other way ==
SET ROLE jobs_writer;
\set ON_ERROR_STOP off
SELECT * FROM credits_debit('umbra', 1, 'mine');
\echo SQLSTATE :LAST_ERROR_SQLSTATE
CREATE TEMP TABLE mine (job uuid);
CREATE TRIGGER charge AFTER INSERT ON mine
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION app.charge_jobs();
\echo SQLSTATE :LAST_ERROR_SQLSTATE
DELETE FROM app.charges;
\echo SQLSTATE :LAST_ERROR_SQLSTATE
TRUNCATE app.jobs;
\echo SQLSTATE :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on
RESET ROLE;

\echo
\echo == 9. The entry behind each job ==
SELECT right(c.job::text, 2) AS job, j.customer, j.model, h.account, h.entry, h.operation, h.amount
FROM app.charges c
LEFT JOIN app.jobs j USING (job)
JOIN credits_history h ON h.account = c.account AND h.entry = c.entry
ORDER BY c.job;
\echo No row can name an entry that is not there:
\set ON_ERROR_STOP off
INSERT INTO app.charges VALUES ('00000000-0000-4000-8000-000000000011', 'acme', 99);
\echo SQLSTATE :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on

\echo
\echo == 10. What each customer, model and feature has cost ==
\echo Something that was no job belongs to the account alone:
SELECT operation, amount, balance FROM credits_debit('acme', 0.000001, 'correction-1', feature => 'chat');
CREATE VIEW app.costs AS
SELECT
    h.account,
    h.cycle,
    h.feature,
    j.customer,
    j.model,
    count(*) FILTER (WHERE h.operation <> 'refund') AS operations,
    -sum(h.amount)                                  AS credits
FROM credits_history h
-- A refund is about the entry that it refers to.
LEFT JOIN app.charges c
    ON c.account = h.account AND c.entry = CASE WHEN h.operation = 'refund' THEN h.refers_to ELSE h.entry END
LEFT JOIN app.jobs j USING (job)
WHERE h.operation IN ('debit', 'charge', 'capture', 'refund')
GROUP BY h.account, h.cycle, h.feature, j.customer, j.model;
SELECT account, customer, feature, model, operations, credits FROM app.costs ORDER BY 1, 2, 3, 4;
\echo They add up, to the last decimal:
SELECT account, cycle, feature, sum(costs.credits) AS costs, usage.credits AS usage,
       sum(costs.credits) = usage.credits AS equal
FROM app.costs JOIN credits_usage_by_cycle usage USING (account, cycle, feature)
GROUP BY account, cycle, feature, usage.credits ORDER BY 1, 2, 3;
