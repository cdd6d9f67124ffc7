-- What the programs find: the ledger, a table of the application's own, and a role for the application.
-- It can be run again.
CREATE EXTENSION IF NOT EXISTS credits_ledger;

-- A job and the debit that pays for it are one transaction: both are there, or neither.
CREATE TABLE IF NOT EXISTS jobs (
    job      text PRIMARY KEY,
    account  text NOT NULL,
    credits  numeric NOT NULL
);

SELECT 'CREATE ROLE app LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app') \gexec

-- billing opens accounts, grants and debits. The history needs analyst, which elsewhere might be another service's role.
SELECT credits_allow('app', 'billing') AS billing, credits_allow('app', 'analyst') AS analyst;
GRANT SELECT, INSERT ON jobs TO app;
