-- The ledger that a good engineer writes by hand in PL/pgSQL: lots with a burn order and an expiry, idempotency
-- keys that refuse another amount, allocations, a numbered history. It is tuned as the extension's tables are:
-- keys COLLATE "C", heap-only updates (no index on what a debit changes, room on the pages), the weaker row lock.
--
-- psql variables: accounts (how many to make, each with one lot of 10^9).

CREATE SCHEMA plp;

CREATE TABLE plp.accounts (
    account         text COLLATE "C" PRIMARY KEY,
    balance         numeric NOT NULL CHECK (balance >= 0),
    entry           bigint  NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200,
        autovacuum_vacuum_cost_delay = 0);

CREATE TABLE plp.lots (
    account         text COLLATE "C" NOT NULL,
    lot             integer NOT NULL,
    is_allowance    boolean NOT NULL,
    spent           boolean NOT NULL DEFAULT false,
    expires_at      timestamptz NOT NULL DEFAULT 'infinity',
    amount          numeric NOT NULL CHECK (amount > 0),
    remaining       numeric NOT NULL CHECK (remaining >= 0),
    PRIMARY KEY (account, lot)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200,
        autovacuum_vacuum_cost_delay = 0);

-- Allowance first, then what expires soonest. The predicate is a flag that seldom changes: one on `remaining`
-- would cost every debit an index entry.
CREATE INDEX lots_burn_order ON plp.lots (account, is_allowance DESC, expires_at, lot) WHERE NOT spent;

CREATE TABLE plp.entries (
    account         text COLLATE "C" NOT NULL,
    entry           bigint      NOT NULL,
    recorded_at     timestamptz NOT NULL,
    operation       text COLLATE "C" NOT NULL,
    amount          numeric     NOT NULL,
    balance         numeric     NOT NULL,
    lots            integer[]   NOT NULL,
    taken           numeric[]   NOT NULL,
    idempotency_key text COLLATE "C" NOT NULL,
    PRIMARY KEY (account, entry),
    UNIQUE (account, idempotency_key)
);

CREATE FUNCTION plp.debit(p_account text, p_amount numeric, p_key text) RETURNS numeric
LANGUAGE plpgsql AS $$
DECLARE
    v_balance numeric;
    v_entry   bigint;
    v_amount  numeric;
    v_left    numeric := p_amount;
    v_take    numeric;
    v_lot     record;
    v_lots    integer[] := '{}';
    v_taken   numeric[] := '{}';
BEGIN
    IF p_amount IS NULL OR p_amount <= 0 OR p_amount >= 1e14 THEN
        RAISE EXCEPTION 'invalid amount %', p_amount USING ERRCODE = '22023';
    END IF;

    -- Lock first; what is read afterwards has a newer snapshot than the wait for the lock.
    SELECT balance, entry INTO v_balance, v_entry FROM plp.accounts WHERE account = p_account FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'unknown account %', p_account USING ERRCODE = 'P0002';
    END IF;

    SELECT amount, balance INTO v_amount, v_balance
      FROM plp.entries WHERE account = p_account AND idempotency_key = p_key;
    IF FOUND THEN
        IF v_amount <> -p_amount THEN
            RAISE EXCEPTION 'key % was used for another amount', p_key USING ERRCODE = '23505';
        END IF;
        RETURN v_balance;
    END IF;

    FOR v_lot IN
        SELECT lot, remaining FROM plp.lots
         WHERE account = p_account AND NOT spent AND expires_at > clock_timestamp()
         ORDER BY is_allowance DESC, expires_at, lot
    LOOP
        v_take := least(v_left, v_lot.remaining);
        UPDATE plp.lots SET remaining = remaining - v_take, spent = (remaining = v_take)
         WHERE account = p_account AND lot = v_lot.lot;
        v_lots := v_lots || v_lot.lot;
        v_taken := v_taken || v_take;
        v_left := v_left - v_take;
        EXIT WHEN v_left = 0;
    END LOOP;
    IF v_left > 0 THEN
        RAISE EXCEPTION 'insufficient credits: % short', v_left USING ERRCODE = 'P0001';
    END IF;

    UPDATE plp.accounts SET balance = balance - p_amount, entry = entry + 1
     WHERE account = p_account RETURNING balance, entry INTO v_balance, v_entry;

    INSERT INTO plp.entries (account, entry, recorded_at, operation, amount, balance, lots, taken, idempotency_key)
    VALUES (p_account, v_entry, clock_timestamp(), 'debit', -p_amount, v_balance, v_lots, v_taken, p_key);

    RETURN v_balance;
END $$;

INSERT INTO plp.accounts SELECT 'acct-' || g, 1000000000, 0 FROM generate_series(1, :accounts) g;
INSERT INTO plp.lots (account, lot, is_allowance, amount, remaining)
SELECT 'acct-' || g, 1, false, 1000000000, 1000000000 FROM generate_series(1, :accounts) g;
