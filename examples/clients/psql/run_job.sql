-- Notes a job and takes its credits, with :job, :account and :credits. The job's own name is the key: it is known
-- before the first attempt.
\set ON_ERROR_STOP off
\set attempt 1
\ir attempt.sql

SELECT :'sqlstate' = '00000' AS done, :'sqlstate' = 'LC001' AS short \gset
\if :done
    \echo :job: debited :receipt_amount, balance :receipt_balance:receipt_remark
\elif :short
    -- psql has the SQLSTATE of an error, and not its DETAIL: this is where the shortfall can be read, too.
    SELECT format('%s: %s, %s credits are missing', :'job', :'sqlstate', takes)
    FROM credits_explain_debit(:'account', :credits, 'render') WHERE lot IS NULL;
\else
    \warn :job: :sqlstate after :attempt attempts
    \set ON_ERROR_STOP on
    DO $$ BEGIN RAISE 'the job was not run'; END $$;
\endif
\set ON_ERROR_STOP on
