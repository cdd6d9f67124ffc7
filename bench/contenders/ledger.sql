-- credits_ledger itself: accounts that are opened by a purchase, each with one lot of 10^9.
--
-- psql variables: accounts (how many to make).

CREATE EXTENSION IF NOT EXISTS credits_ledger;

SELECT count(*) FROM credits_grant_many(
    ARRAY(SELECT 'acct-' || g FROM generate_series(1, :accounts) g),
    array_fill(1000000000::numeric, ARRAY[:accounts]),
    ARRAY(SELECT 'setup-' || g FROM generate_series(1, :accounts) g),
    'purchase');
