-- Gives the bare statement's tables a past: entries in the order in which they would have come, keys at random.
--
-- psql variables: accounts, entries (in all).

INSERT INTO bare.entries (account, entry, amount, balance, idempotency_key)
SELECT 'acct-' || 1 + g % :accounts, 1 + g / :accounts, -1, 999999999 - g / :accounts, gen_random_uuid()
  FROM generate_series(0, :entries - 1) g;

UPDATE bare.accounts SET entry = :entries / :accounts, balance = balance - :entries / :accounts;
