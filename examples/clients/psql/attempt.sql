-- One transaction, whose SQLSTATE is in :sqlstate afterwards; and, where that helps, the next attempt.
BEGIN;
-- A repeated transaction may find the job that it has committed before.
INSERT INTO jobs (job, account, credits) VALUES (:'job', :'account', :credits) ON CONFLICT (job) DO NOTHING;
\set sqlstate :SQLSTATE
\if :ERROR
\else
    -- Last, because it locks the account until the COMMIT.
    SELECT amount AS receipt_amount, balance AS receipt_balance,
           CASE WHEN replayed THEN ', replayed' ELSE '' END AS receipt_remark
    FROM credits_debit(account => :'account', amount => :credits, idempotency_key => :'job', feature => 'render') \gset
    \set sqlstate :SQLSTATE
\endif
-- Where a statement failed, this rolls back. It can fail itself, too.
COMMIT;
\if :ERROR
    \set sqlstate :SQLSTATE
\endif

-- Nothing was done in these cases, and the same call with the same key is right.
SELECT :'sqlstate' IN ('40001', '40P01', '55P03') AND :attempt < 6 AS again \gset
\if :again
    \warn attempt :attempt: :sqlstate
    SELECT pg_sleep(0.05 * 2 ^ :attempt), :attempt + 1 AS attempt \gset
    \ir attempt.sql
\endif
