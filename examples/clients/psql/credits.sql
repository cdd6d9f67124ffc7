-- Credits from psql. Started by run.sh, which starts it again where the connection was lost: all of it can be repeated.
\set ON_ERROR_STOP on
\set QUIET on
\pset tuples_only on
\pset format unaligned

SELECT format('%s: %s', account, status) FROM credits_open_account(account => 'acme');

SELECT format('order-1: granted %s, balance %s', amount, balance) || CASE WHEN replayed THEN ', replayed' ELSE '' END
FROM credits_grant(account => 'acme', amount => 100, idempotency_key => 'order-1');

-- The second time stands for a caller who never saw the first answer. Nothing is taken twice.
\set account acme
\set job job-1
\set credits 12.345678
\ir run_job.sql
\ir run_job.sql

\set job job-2
\set credits 500
\ir run_job.sql

SELECT format('%s %s %s, balance %s', entry, operation, amount, balance)
FROM credits_history WHERE account = 'acme' ORDER BY entry;
-- job-2 was refused, and its row went with it.
SELECT 'jobs: ' || string_agg(job, ', ' ORDER BY job) FROM jobs;
SELECT 'available: ' || available FROM credits_balance('acme');
