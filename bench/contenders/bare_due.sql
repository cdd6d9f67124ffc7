-- Tables like the ledger's, with only the columns that closing a cycle needs: what the set-based statements of
-- bare_maintain.sql write to. One row an account, one lot of allowance, monthly cycles.
--
-- psql variables: accounts, due (the end of the first cycle).

CREATE SCHEMA due;

CREATE TABLE due.accounts (
    account         text COLLATE "C" PRIMARY KEY,
    next_event_at   timestamptz NOT NULL,
    cycle_start     timestamptz NOT NULL,
    cycle           integer NOT NULL,
    lots            integer NOT NULL,
    entry           bigint  NOT NULL,
    cycle_allowance numeric NOT NULL,
    balance         numeric NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX ON due.accounts (next_event_at);

CREATE TABLE due.entries (
    account         text COLLATE "C" NOT NULL,
    entry           bigint      NOT NULL,
    recorded_at     timestamptz NOT NULL DEFAULT now(),
    effective_at    timestamptz NOT NULL,
    operation       text COLLATE "C" NOT NULL,
    lot             integer     NOT NULL,
    amount          numeric     NOT NULL,
    balance         numeric     NOT NULL,
    PRIMARY KEY (account, entry)
);

CREATE TABLE due.lots (
    account         text COLLATE "C" NOT NULL,
    lot             integer NOT NULL,
    open            boolean NOT NULL,
    expires_at      timestamptz NOT NULL,
    amount          numeric NOT NULL,
    remaining       numeric NOT NULL,
    PRIMARY KEY (account, lot)
) WITH (fillfactor = 80);
CREATE INDEX ON due.lots (account, expires_at, lot) WHERE open;

CREATE TABLE due.cycles (
    account         text COLLATE "C" NOT NULL,
    cycle           integer NOT NULL,
    cycle_start     timestamptz NOT NULL,
    cycle_end       timestamptz NOT NULL,
    granted         numeric NOT NULL,
    expired         numeric NOT NULL,
    PRIMARY KEY (account, cycle)
);

CREATE TABLE due.events (
    account         text COLLATE "C" NOT NULL,
    event           bigint  NOT NULL,
    type            text    NOT NULL,
    payload         jsonb   NOT NULL,
    entry           bigint  NOT NULL,
    occurred_at     timestamptz NOT NULL,
    acknowledged_at timestamptz,
    PRIMARY KEY (account, event)
);
CREATE INDEX ON due.events (account, event) WHERE acknowledged_at IS NULL;
CREATE INDEX ON due.events (occurred_at) WHERE acknowledged_at IS NULL;

INSERT INTO due.accounts
SELECT 'acct-' || g, :'due'::timestamptz, now(), 1, 1, 2, 1000000, 1000000 FROM generate_series(1, :accounts) g;
INSERT INTO due.lots
SELECT account, 1, true, next_event_at, cycle_allowance, cycle_allowance FROM due.accounts;
