-- The script runs as a superuser, in a schema where others may have made functions and operators. With nothing but
-- pg_catalog to search, none of theirs can be meant by a name or an operator below: whatever the extension makes is
-- named with its schema.
SET LOCAL search_path TO pg_catalog, pg_temp;

-- Result types. They are composites with names of their own, so that callers in any language, and databases that
-- only forward calls, know their columns.

-- What every operation that writes the ledger returns.
CREATE TYPE @extschema@.credits_receipt AS (
    account          text,
    entry            bigint,
    operation        text,
    idempotency_key  text,
    accepted         boolean,
    refused          text,
    replayed         boolean,
    amount           numeric,
    from_allowance   numeric,
    from_credits     numeric,
    overdraft        numeric,
    balance          numeric,
    allowance        numeric,
    credits          numeric,
    held             numeric,
    debt             numeric,
    available        numeric,
    included         numeric,
    refers_to        bigint,
    recorded_at      timestamptz
);

-- What an account has, at one instant.
CREATE TYPE @extschema@.credits_account_balance AS (
    account            text,
    status             text,
    balance            numeric,
    allowance          numeric,
    credits            numeric,
    held               numeric,
    debt               numeric,
    available          numeric,
    allowance_granted  numeric,
    used               numeric,
    overdraft_limit    numeric,
    cycle              integer,
    cycle_start        timestamptz,
    cycle_end          timestamptz,
    entry              bigint,
    as_of              timestamptz
);

-- What credits_reset_cycle closed and granted.
CREATE TYPE @extschema@.credits_cycle_result AS (
    account        text,
    cycle          integer,
    cycle_start    timestamptz,
    cycle_end      timestamptz,
    cycles_closed  integer,
    expired        numeric,
    rolled_over    numeric,
    granted        numeric,
    debt_forgiven  numeric,
    debt_invoiced  numeric,
    balance        numeric,
    allowance      numeric,
    credits        numeric,
    available      numeric,
    replayed       boolean
);
