-- The bare statement: the least that debits an account once per key and never past zero.
-- No lots, no cycles, no expiry, no receipt, no hash chain: what those cost is what the benchmark shows.
--
-- psql variables: accounts (how many to make, each with a balance of 10^9).

CREATE SCHEMA bare;

CREATE TABLE bare.accounts (
    account         text COLLATE "C" PRIMARY KEY,
    balance         numeric NOT NULL,
    entry           bigint  NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200,
        autovacuum_vacuum_cost_delay = 0);

CREATE TABLE bare.entries (
    account         text COLLATE "C" NOT NULL,
    entry           bigint      NOT NULL,
    recorded_at     timestamptz NOT NULL DEFAULT now(),
    amount          numeric     NOT NULL,
    balance         numeric     NOT NULL,
    idempotency_key text COLLATE "C" NOT NULL,
    PRIMARY KEY (account, entry),
    UNIQUE (account, idempotency_key)
);

INSERT INTO bare.accounts SELECT 'acct-' || g, 1000000000, 0 FROM generate_series(1, :accounts) g;
