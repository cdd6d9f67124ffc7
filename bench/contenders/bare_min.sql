-- The bare statement without an order of entries: one index instead of two. It cannot show an account's history
-- without sorting it, nor prove that no entry is missing, so it is no ledger; it is the floor.
--
-- psql variables: accounts (how many to make, each with a balance of 10^9).

CREATE SCHEMA bare_min;

CREATE TABLE bare_min.accounts (
    account         text COLLATE "C" PRIMARY KEY,
    balance         numeric NOT NULL,
    entry           bigint  NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200,
        autovacuum_vacuum_cost_delay = 0);

CREATE TABLE bare_min.entries (
    account         text COLLATE "C" NOT NULL,
    entry           bigint      NOT NULL,
    recorded_at     timestamptz NOT NULL DEFAULT now(),
    amount          numeric     NOT NULL,
    balance         numeric     NOT NULL,
    idempotency_key text COLLATE "C" NOT NULL,
    UNIQUE (account, idempotency_key)
);

INSERT INTO bare_min.accounts SELECT 'acct-' || g, 1000000000, 0 FROM generate_series(1, :accounts) g;
