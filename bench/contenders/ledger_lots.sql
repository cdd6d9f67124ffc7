-- credits_ledger with several lots in each account.
--
-- psql variables: accounts, lots (how many in each account), amount (of each lot).

CREATE EXTENSION IF NOT EXISTS credits_ledger;

SELECT count(*) FROM generate_series(1, :lots) AS lot, LATERAL credits_grant_many(
    ARRAY(SELECT 'acct-' || g FROM generate_series(1, :accounts) g),
    array_fill(:amount::numeric, ARRAY[:accounts]),
    ARRAY(SELECT 'lot-' || lot || '-' || g FROM generate_series(1, :accounts) g),
    'purchase');
