-- Functions. The SQL below is the public interface; the bodies are in src/api, one verb a file.
--
-- What all of them have in common, and why:
--   * SECURITY DEFINER: callers need EXECUTE on a verb and no right at all on the tables behind it;
--   * search_path is pinned, pg_temp last: nothing that a caller creates can shadow what the function means;
--   * never STRICT: NULL for a required argument must be an error (LC005), not a silent NULL result;
--   * reads are STABLE and write nothing, so that they work on a standby and in read-only transactions.

-- Accounts

CREATE FUNCTION @extschema@.credits_open_account(
    account           text,
    allowance         numeric     DEFAULT 0,
    cycle_length      interval    DEFAULT '1 month',
    anchor            timestamptz DEFAULT NULL,
    time_zone         text        DEFAULT 'UTC',
    rollover_percent  numeric     DEFAULT 0,
    rollover_max      numeric     DEFAULT NULL,
    overdraft_limit   numeric     DEFAULT 0,
    debt_policy       text        DEFAULT 'repay',
    metadata          jsonb       DEFAULT NULL
) RETURNS @extschema@.credits_account_balance
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_open_account';

CREATE FUNCTION @extschema@.credits_configure_account(
    account           text,
    allowance         numeric     DEFAULT NULL,
    cycle_length      interval    DEFAULT NULL,
    anchor            timestamptz DEFAULT NULL,
    time_zone         text        DEFAULT NULL,
    rollover_percent  numeric     DEFAULT NULL,
    rollover_max      numeric     DEFAULT NULL,
    overdraft_limit   numeric     DEFAULT NULL,
    debt_policy       text        DEFAULT NULL,
    metadata          jsonb       DEFAULT NULL,
    clear             text[]      DEFAULT NULL
) RETURNS @extschema@.credits_account_balance
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_configure_account';

CREATE FUNCTION @extschema@.credits_freeze_account(
    account  text,
    reason   text
) RETURNS @extschema@.credits_account_balance
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_freeze_account';

CREATE FUNCTION @extschema@.credits_unfreeze_account(
    account  text
) RETURNS @extschema@.credits_account_balance
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_unfreeze_account';

CREATE FUNCTION @extschema@.credits_close_account(
    account  text,
    reason   text
) RETURNS @extschema@.credits_account_balance
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_close_account';

-- The core verbs

CREATE FUNCTION @extschema@.credits_grant(
    account               text,
    amount                numeric,
    idempotency_key       text,
    kind                  text        DEFAULT 'purchase',
    expires_at            timestamptz DEFAULT NULL,
    expires_in            interval    DEFAULT NULL,
    expires_after_cycles  integer     DEFAULT NULL,
    effective_at          timestamptz DEFAULT NULL,
    priority              integer     DEFAULT NULL,
    features              text[]      DEFAULT NULL,
    price                 numeric     DEFAULT NULL,
    currency              text        DEFAULT NULL,
    payment_ref           text        DEFAULT NULL,
    metadata              jsonb       DEFAULT NULL
) RETURNS @extschema@.credits_receipt
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_grant';

CREATE FUNCTION @extschema@.credits_debit(
    account          text,
    amount           numeric,
    idempotency_key  text,
    feature          text  DEFAULT NULL,
    actor            text  DEFAULT NULL,
    resource         text  DEFAULT NULL,
    on_insufficient  text  DEFAULT 'error',
    metadata         jsonb DEFAULT NULL
) RETURNS @extschema@.credits_receipt
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_debit';

CREATE FUNCTION @extschema@.credits_balance(
    account  text
) RETURNS @extschema@.credits_account_balance
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_balance';

CREATE FUNCTION @extschema@.credits_balance_at(
    account  text,
    at       timestamptz
) RETURNS @extschema@.credits_account_balance
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_balance_at';

CREATE FUNCTION @extschema@.credits_reset_cycle(
    account          text,
    idempotency_key  text        DEFAULT NULL,
    starts_at        timestamptz DEFAULT NULL
) RETURNS @extschema@.credits_cycle_result
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_reset_cycle';

CREATE FUNCTION @extschema@.credits_maintain(
    max_accounts  integer DEFAULT 1000
) RETURNS integer
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_maintain';

CREATE FUNCTION @extschema@.credits_explain_debit(
    account  text,
    amount   numeric,
    feature  text DEFAULT NULL
) RETURNS TABLE (
    lot              bigint,
    kind             text,
    takes            numeric,
    remaining_after  numeric,
    expires_at       timestamptz
)
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path TO pg_catalog, pg_temp ROWS 10
AS 'MODULE_PATHNAME', 'credits_explain_debit';

CREATE FUNCTION @extschema@.credits_forecast(
    account  text
) RETURNS TABLE (
    account       text,
    state         text,
    used          numeric,
    used_percent  numeric,
    burn_per_day  numeric,
    runs_out_at   timestamptz,
    cycle_end     timestamptz,
    on_pace       boolean
)
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path TO pg_catalog, pg_temp ROWS 1
AS 'MODULE_PATHNAME', 'credits_forecast';

CREATE FUNCTION @extschema@.credits_redact(
    account  text,
    entry    bigint
) RETURNS @extschema@.credits_receipt
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_redact';

-- Batches

CREATE FUNCTION @extschema@.credits_debit_many(
    accounts          text[],
    amounts           numeric[],
    idempotency_keys  text[],
    features          text[] DEFAULT NULL,
    on_insufficient   text   DEFAULT 'refuse'
) RETURNS SETOF @extschema@.credits_receipt
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_debit_many';

CREATE FUNCTION @extschema@.credits_grant_many(
    accounts          text[],
    amounts           numeric[],
    idempotency_keys  text[],
    kind              text        DEFAULT 'promo',
    expires_at        timestamptz DEFAULT NULL
) RETURNS SETOF @extschema@.credits_receipt
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_grant_many';

-- Holds

CREATE FUNCTION @extschema@.credits_hold(
    account          text,
    amount           numeric,
    idempotency_key  text,
    expires_in       interval DEFAULT '15 minutes',
    feature          text     DEFAULT NULL,
    actor            text     DEFAULT NULL,
    resource         text     DEFAULT NULL,
    on_insufficient  text     DEFAULT 'error',
    metadata         jsonb    DEFAULT NULL
) RETURNS @extschema@.credits_receipt
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_hold';

CREATE FUNCTION @extschema@.credits_capture(
    account          text,
    hold_key         text,
    idempotency_key  text,
    amount           numeric DEFAULT NULL,
    quantity         numeric DEFAULT NULL,
    final            boolean DEFAULT true,
    on_insufficient  text    DEFAULT 'allow',
    metadata         jsonb   DEFAULT NULL
) RETURNS @extschema@.credits_receipt
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_capture';

CREATE FUNCTION @extschema@.credits_release(
    account          text,
    hold_key         text,
    idempotency_key  text
) RETURNS @extschema@.credits_receipt
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_release';

CREATE FUNCTION @extschema@.credits_extend_hold(
    account          text,
    hold_key         text,
    idempotency_key  text,
    expires_in       interval
) RETURNS @extschema@.credits_receipt
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_extend_hold';

CREATE FUNCTION @extschema@.credits_refund(
    account          text,
    debit_key        text,
    idempotency_key  text,
    amount           numeric DEFAULT NULL,
    quantity         numeric DEFAULT NULL,
    if_expired       text    DEFAULT 'forfeit',
    reason           text    DEFAULT NULL
) RETURNS @extschema@.credits_receipt
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_refund';

CREATE FUNCTION @extschema@.credits_void_grant(
    account          text,
    grant_key        text,
    idempotency_key  text,
    amount           numeric DEFAULT NULL,
    claw_back        boolean DEFAULT false,
    reason           text    DEFAULT NULL
) RETURNS @extschema@.credits_receipt
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_void_grant';

-- Plans, seats, rates, features, budgets
--
-- What configures returns the row stored, with the columns of its view.

CREATE FUNCTION @extschema@.credits_define_plan(
    plan              text,
    allowance         numeric,
    per_seat          boolean  DEFAULT false,
    seat_cap          integer  DEFAULT NULL,
    rank              integer  DEFAULT 0,
    trial             boolean  DEFAULT false,
    trial_period      interval DEFAULT NULL,
    purchases         boolean  DEFAULT true,
    rollover_percent  numeric  DEFAULT 0,
    rollover_max      numeric  DEFAULT NULL,
    rollover_cycles   integer  DEFAULT 1,
    metadata          jsonb    DEFAULT NULL
) RETURNS TABLE (
    plan              text,
    allowance         numeric,
    per_seat          boolean,
    seat_cap          integer,
    rank              integer,
    trial             boolean,
    trial_period      interval,
    purchases         boolean,
    rollover_percent  numeric,
    rollover_max      numeric,
    rollover_cycles   integer,
    metadata          jsonb,
    included          jsonb,
    version           integer,
    defined_at        timestamptz,
    defined_by        text
)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp ROWS 1
AS 'MODULE_PATHNAME', 'credits_define_plan';

CREATE FUNCTION @extschema@.credits_include(
    plan     text,
    feature  text,
    units    numeric
) RETURNS TABLE (
    plan        text,
    feature     text,
    units       numeric,
    version     integer,
    defined_at  timestamptz,
    defined_by  text
)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp ROWS 1
AS 'MODULE_PATHNAME', 'credits_include';

CREATE FUNCTION @extschema@.credits_subscribe(
    account          text,
    plan             text,
    idempotency_key  text,
    seats            integer     DEFAULT 1,
    anchor           timestamptz DEFAULT NULL
) RETURNS @extschema@.credits_receipt
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_subscribe';

CREATE FUNCTION @extschema@.credits_change_plan(
    account           text,
    from_plan         text,
    to_plan           text,
    idempotency_key   text,
    takes_effect      text DEFAULT 'auto',
    unused_allowance  text DEFAULT 'keep'
) RETURNS @extschema@.credits_receipt
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_change_plan';

CREATE FUNCTION @extschema@.credits_set_seats(
    account          text,
    plan             text,
    seats            integer,
    idempotency_key  text
) RETURNS @extschema@.credits_receipt
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_set_seats';

CREATE FUNCTION @extschema@.credits_unsubscribe(
    account          text,
    plan             text,
    idempotency_key  text,
    takes_effect     text DEFAULT 'next_cycle'
) RETURNS @extschema@.credits_receipt
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_unsubscribe';

CREATE FUNCTION @extschema@.credits_define_rate(
    feature       text,
    credits       numeric     DEFAULT NULL,
    per_units     numeric     DEFAULT 1,
    model         text        DEFAULT 'per_unit',
    free          boolean     DEFAULT false,
    effective_at  timestamptz DEFAULT NULL
) RETURNS TABLE (
    feature          text,
    credits          numeric,
    per_units        numeric,
    model            text,
    free             boolean,
    effective_at     timestamptz,
    effective_until  timestamptz,
    in_force         boolean,
    version          integer,
    defined_at       timestamptz,
    defined_by       text
)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp ROWS 1
AS 'MODULE_PATHNAME', 'credits_define_rate';

CREATE FUNCTION @extschema@.credits_charge(
    account          text,
    feature          text,
    quantity         numeric,
    idempotency_key  text,
    actor            text  DEFAULT NULL,
    resource         text  DEFAULT NULL,
    on_insufficient  text  DEFAULT 'error',
    metadata         jsonb DEFAULT NULL
) RETURNS @extschema@.credits_receipt
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_charge';

CREATE FUNCTION @extschema@.credits_quote(
    account   text,
    feature   text,
    quantity  numeric
) RETURNS numeric
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_quote';

CREATE FUNCTION @extschema@.credits_set_feature(
    account  text,
    feature  text,
    enabled  boolean
) RETURNS TABLE (
    account     text,
    feature     text,
    enabled     boolean,
    changed_at  timestamptz
)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp ROWS 1
AS 'MODULE_PATHNAME', 'credits_set_feature';

CREATE FUNCTION @extschema@.credits_set_budget(
    account       text,
    budget_limit  numeric DEFAULT NULL,
    period        text    DEFAULT 'cycle',
    actor         text    DEFAULT NULL,
    feature       text    DEFAULT NULL
) RETURNS TABLE (
    account       text,
    budget_limit  numeric,
    period        text,
    actor         text,
    feature       text,
    used          numeric,
    remaining     numeric,
    used_by       text,
    period_start  timestamptz,
    period_end    timestamptz
)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp ROWS 1
AS 'MODULE_PATHNAME', 'credits_set_budget';

-- Packs and purchases

CREATE FUNCTION @extschema@.credits_define_pack(
    pack           text,
    credits        numeric,
    price          numeric,
    currency       text,
    minimum_price  numeric DEFAULT NULL
) RETURNS TABLE (
    pack           text,
    credits        numeric,
    price          numeric,
    currency       text,
    minimum_price  numeric,
    version        integer,
    defined_at     timestamptz,
    defined_by     text
)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp ROWS 1
AS 'MODULE_PATHNAME', 'credits_define_pack';

CREATE FUNCTION @extschema@.credits_check_purchase(
    account  text,
    pack     text,
    price    numeric DEFAULT NULL
) RETURNS numeric
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_check_purchase';

CREATE FUNCTION @extschema@.credits_purchase(
    account          text,
    pack             text,
    payment_ref      text,
    idempotency_key  text,
    price            numeric DEFAULT NULL
) RETURNS @extschema@.credits_receipt
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_purchase';

-- Auto-recharge

CREATE FUNCTION @extschema@.credits_set_auto_recharge(
    account         text,
    threshold       numeric,
    pack            text,
    trigger         text    DEFAULT 'below',
    measure         text    DEFAULT 'available',
    max_packs       integer DEFAULT 1,
    monthly_limit   numeric DEFAULT NULL,
    payment_method  text    DEFAULT NULL,
    enabled         boolean DEFAULT true
) RETURNS TABLE (
    account          text,
    threshold        numeric,
    pack             text,
    trigger          text,
    measure          text,
    max_packs        integer,
    monthly_limit    numeric,
    payment_method   text,
    enabled          boolean,
    status           text,
    failures         integer,
    last_error_code  text,
    last_error       text
)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp ROWS 1
AS 'MODULE_PATHNAME', 'credits_set_auto_recharge';

CREATE FUNCTION @extschema@.credits_resume_auto_recharge(
    account  text
) RETURNS TABLE (
    account          text,
    threshold        numeric,
    pack             text,
    trigger          text,
    measure          text,
    max_packs        integer,
    monthly_limit    numeric,
    payment_method   text,
    enabled          boolean,
    status           text,
    failures         integer,
    last_error_code  text,
    last_error       text
)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp ROWS 1
AS 'MODULE_PATHNAME', 'credits_resume_auto_recharge';

CREATE FUNCTION @extschema@.credits_claim_recharges(
    max_requests  integer  DEFAULT 10,
    lease         interval DEFAULT '5 minutes'
) RETURNS TABLE (
    account                  text,
    recharge                 bigint,
    attempt                  integer,
    pack                     text,
    quantity                 integer,
    credits                  numeric,
    price                    numeric,
    currency                 text,
    payment_method           text,
    payment_idempotency_key  text
)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp ROWS 10
AS 'MODULE_PATHNAME', 'credits_claim_recharges';

CREATE FUNCTION @extschema@.credits_complete_recharge(
    account      text,
    recharge     bigint,
    payment_ref  text
) RETURNS @extschema@.credits_receipt
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_complete_recharge';

CREATE FUNCTION @extschema@.credits_fail_recharge(
    account   text,
    recharge  bigint,
    attempt   integer,
    code      text,
    message   text,
    suspend   boolean DEFAULT false
) RETURNS TABLE (
    account                  text,
    recharge                 bigint,
    status                   text,
    quantity                 integer,
    credits                  numeric,
    price                    numeric,
    currency                 text,
    attempts                 integer,
    last_error_code          text,
    last_error               text,
    next_attempt_at          timestamptz,
    payment_ref              text,
    requested_at             timestamptz,
    settled_at               timestamptz,
    pack                     text,
    payment_method           text,
    payment_idempotency_key  text,
    entry                    bigint
)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp ROWS 1
AS 'MODULE_PATHNAME', 'credits_fail_recharge';

-- Alerts and events

CREATE FUNCTION @extschema@.credits_set_alert(
    account          text,
    alert            text,
    below            numeric DEFAULT NULL,
    used_percent     numeric DEFAULT NULL,
    only_if_on_pace  boolean DEFAULT false,
    enabled          boolean DEFAULT true
) RETURNS TABLE (
    account          text,
    alert            text,
    below            numeric,
    used_percent     numeric,
    only_if_on_pace  boolean,
    enabled          boolean,
    fired_at         timestamptz
)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp ROWS 1
AS 'MODULE_PATHNAME', 'credits_set_alert';

CREATE FUNCTION @extschema@.credits_claim_events(
    max_events  integer  DEFAULT 100,
    lease       interval DEFAULT '1 minute'
) RETURNS TABLE (
    account          text,
    event            bigint,
    type             text,
    payload          jsonb,
    entry            bigint,
    occurred_at      timestamptz,
    acknowledged_at  timestamptz,
    leased_until     timestamptz
)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp ROWS 100
AS 'MODULE_PATHNAME', 'credits_claim_events';

CREATE FUNCTION @extschema@.credits_ack_event(
    account  text,
    event    bigint
) RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_ack_event';

-- Statements, exports, revenue

CREATE FUNCTION @extschema@.credits_statement(
    account    text,
    from_time  timestamptz,
    to_time    timestamptz
) RETURNS TABLE (
    line        text,
    operation   text,
    kind        text,
    feature     text,
    operations  bigint,
    quantity    numeric,
    amount      numeric,
    allowance   numeric,
    credits     numeric,
    held        numeric,
    debt        numeric,
    balance     numeric,
    entry       bigint,
    as_of       timestamptz
)
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path TO pg_catalog, pg_temp ROWS 20
AS 'MODULE_PATHNAME', 'credits_statement';

CREATE FUNCTION @extschema@.credits_usage_csv(
    account    text,
    from_time  timestamptz,
    to_time    timestamptz
) RETURNS SETOF text
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_usage_csv';

CREATE FUNCTION @extschema@.credits_revenue(
    from_time  timestamptz,
    to_time    timestamptz
) RETURNS TABLE (
    currency          text,
    kind              text,
    opening_deferred  numeric,
    sold              numeric,
    recognised        numeric,
    breakage          numeric,
    voided            numeric,
    closing_deferred  numeric
)
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path TO pg_catalog, pg_temp ROWS 10
AS 'MODULE_PATHNAME', 'credits_revenue';

-- Administration

CREATE FUNCTION @extschema@.credits_allow(
    role    regrole,
    access  text
) RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_allow';

CREATE FUNCTION @extschema@.credits_disallow(
    role    regrole,
    access  text
) RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_disallow';

-- Not in parallel queries: it checks each account in a subtransaction, so that a damaged page is a finding.
CREATE FUNCTION @extschema@.credits_verify(
    account  text DEFAULT NULL
) RETURNS TABLE (
    account  text,
    entry    bigint,
    problem  text
)
LANGUAGE c STABLE PARALLEL UNSAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'credits_verify';

CREATE FUNCTION @extschema@.credits_errors()
RETURNS TABLE (
    code     text,
    name     text,
    meaning  text,
    hint     text
)
LANGUAGE c IMMUTABLE PARALLEL SAFE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp ROWS 15
AS 'MODULE_PATHNAME', 'credits_errors';

-- Functions that the views and triggers use. They live in the storage schema: nobody calls them by name.

-- Reads a setting and the clock and nothing else, so it needs neither the owner's rights nor a search_path,
-- and a view may ask it for each row.
CREATE FUNCTION credits_ledger.statement_time()
RETURNS timestamptz
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'credits_ledger_statement_time';

-- The clock period of a budget that contains an instant, as the library counts it.
CREATE FUNCTION credits_ledger.budget_period(
    period     text,
    time_zone  text,
    at         timestamptz
) RETURNS TABLE (
    period_start  timestamptz,
    period_end    timestamptz
)
LANGUAGE c STABLE PARALLEL SAFE COST 10 ROWS 1
AS 'MODULE_PATHNAME', 'credits_ledger_budget_period';

-- A function in a view runs as the one who reads the view: SECURITY DEFINER lets it see the tables.
CREATE FUNCTION credits_ledger.settled_account(
    account  text
) RETURNS TABLE (
    status             text,
    balance            numeric,
    allowance          numeric,
    credits            numeric,
    held               numeric,
    debt               numeric,
    available          numeric,
    allowance_granted  numeric,
    used               numeric,
    cycle              integer,
    cycle_start        timestamptz,
    cycle_end          timestamptz,
    as_of              timestamptz
)
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path TO pg_catalog, pg_temp COST 1000 ROWS 1
AS 'MODULE_PATHNAME', 'credits_ledger_settled_account';

CREATE FUNCTION credits_ledger.settled_lots(
    account  text
) RETURNS TABLE (
    lot           integer,
    kind          text,
    entry         bigint,
    amount        numeric,
    remaining     numeric,
    held          numeric,
    priority      integer,
    features      text[],
    effective_at  timestamptz,
    expires_at    timestamptz,
    status        text,
    price         numeric,
    currency      text,
    payment_ref   text,
    plan          text
)
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path TO pg_catalog, pg_temp COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'credits_ledger_settled_lots';

-- What the library implements, for a test that compares it with this file.
CREATE FUNCTION credits_ledger.signatures()
RETURNS TABLE (
    name       text,
    arguments  text,
    returns    text
)
LANGUAGE c STABLE PARALLEL SAFE ROWS 40
AS 'MODULE_PATHNAME', 'credits_ledger_signatures';

-- Append-only. Privileges keep applications away from the tables; these triggers also stop owners and superusers
-- who did not mean it. ENABLE ALWAYS: they fire under session_replication_role = replica, too.
CREATE FUNCTION credits_ledger.append_only()
RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'credits_ledger_append_only';

-- entries: credits_redact is the one update that the function lets pass, and its copy on a logical subscriber.
CREATE TRIGGER entries_append_only BEFORE UPDATE OR DELETE ON credits_ledger.entries
    FOR EACH ROW EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER entries_never_truncated BEFORE TRUNCATE ON credits_ledger.entries
    FOR EACH STATEMENT EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER cycles_append_only BEFORE UPDATE OR DELETE ON credits_ledger.cycles
    FOR EACH ROW EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER cycles_never_truncated BEFORE TRUNCATE ON credits_ledger.cycles
    FOR EACH STATEMENT EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER settings_append_only BEFORE UPDATE OR DELETE ON credits_ledger.settings
    FOR EACH ROW EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER settings_never_truncated BEFORE TRUNCATE ON credits_ledger.settings
    FOR EACH STATEMENT EXECUTE FUNCTION credits_ledger.append_only();

-- Definitions are versions: a new one is a new row.
CREATE TRIGGER plans_append_only BEFORE UPDATE OR DELETE ON credits_ledger.plans
    FOR EACH ROW EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER plans_never_truncated BEFORE TRUNCATE ON credits_ledger.plans
    FOR EACH STATEMENT EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER included_units_append_only BEFORE UPDATE OR DELETE ON credits_ledger.included_units
    FOR EACH ROW EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER included_units_never_truncated BEFORE TRUNCATE ON credits_ledger.included_units
    FOR EACH STATEMENT EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER rates_append_only BEFORE UPDATE OR DELETE ON credits_ledger.rates
    FOR EACH ROW EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER rates_never_truncated BEFORE TRUNCATE ON credits_ledger.rates
    FOR EACH STATEMENT EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER packs_append_only BEFORE UPDATE OR DELETE ON credits_ledger.packs
    FOR EACH ROW EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER packs_never_truncated BEFORE TRUNCATE ON credits_ledger.packs
    FOR EACH STATEMENT EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER settlements_append_only BEFORE UPDATE OR DELETE ON credits_ledger.settlements
    FOR EACH ROW EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER settlements_never_truncated BEFORE TRUNCATE ON credits_ledger.settlements
    FOR EACH STATEMENT EXECUTE FUNCTION credits_ledger.append_only();

-- What operations update, and none removes. Budgets and their use are removed with the budget.
CREATE TRIGGER accounts_never_deleted BEFORE DELETE ON credits_ledger.accounts
    FOR EACH ROW EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER accounts_never_truncated BEFORE TRUNCATE ON credits_ledger.accounts
    FOR EACH STATEMENT EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER lots_never_deleted BEFORE DELETE ON credits_ledger.lots
    FOR EACH ROW EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER lots_never_truncated BEFORE TRUNCATE ON credits_ledger.lots
    FOR EACH STATEMENT EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER subscriptions_never_deleted BEFORE DELETE ON credits_ledger.subscriptions
    FOR EACH ROW EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER subscriptions_never_truncated BEFORE TRUNCATE ON credits_ledger.subscriptions
    FOR EACH STATEMENT EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER switches_never_deleted BEFORE DELETE ON credits_ledger.switches
    FOR EACH ROW EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER switches_never_truncated BEFORE TRUNCATE ON credits_ledger.switches
    FOR EACH STATEMENT EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER meters_never_deleted BEFORE DELETE ON credits_ledger.meters
    FOR EACH ROW EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER meters_never_truncated BEFORE TRUNCATE ON credits_ledger.meters
    FOR EACH STATEMENT EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER holds_never_deleted BEFORE DELETE ON credits_ledger.holds
    FOR EACH ROW EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER holds_never_truncated BEFORE TRUNCATE ON credits_ledger.holds
    FOR EACH STATEMENT EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER auto_recharges_never_deleted BEFORE DELETE ON credits_ledger.auto_recharges
    FOR EACH ROW EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER auto_recharges_never_truncated BEFORE TRUNCATE ON credits_ledger.auto_recharges
    FOR EACH STATEMENT EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER recharges_never_deleted BEFORE DELETE ON credits_ledger.recharges
    FOR EACH ROW EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER recharges_never_truncated BEFORE TRUNCATE ON credits_ledger.recharges
    FOR EACH STATEMENT EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER alerts_never_deleted BEFORE DELETE ON credits_ledger.alerts
    FOR EACH ROW EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER alerts_never_truncated BEFORE TRUNCATE ON credits_ledger.alerts
    FOR EACH STATEMENT EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER events_never_deleted BEFORE DELETE ON credits_ledger.events
    FOR EACH ROW EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER events_never_truncated BEFORE TRUNCATE ON credits_ledger.events
    FOR EACH STATEMENT EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER debts_never_deleted BEFORE DELETE ON credits_ledger.debts
    FOR EACH ROW EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER debts_never_truncated BEFORE TRUNCATE ON credits_ledger.debts
    FOR EACH STATEMENT EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER refunded_never_deleted BEFORE DELETE ON credits_ledger.refunded
    FOR EACH ROW EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER refunded_never_truncated BEFORE TRUNCATE ON credits_ledger.refunded
    FOR EACH STATEMENT EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER claw_backs_never_deleted BEFORE DELETE ON credits_ledger.claw_backs
    FOR EACH ROW EXECUTE FUNCTION credits_ledger.append_only();
CREATE TRIGGER claw_backs_never_truncated BEFORE TRUNCATE ON credits_ledger.claw_backs
    FOR EACH STATEMENT EXECUTE FUNCTION credits_ledger.append_only();

ALTER TABLE credits_ledger.entries ENABLE ALWAYS TRIGGER entries_append_only;
ALTER TABLE credits_ledger.entries ENABLE ALWAYS TRIGGER entries_never_truncated;
ALTER TABLE credits_ledger.cycles ENABLE ALWAYS TRIGGER cycles_append_only;
ALTER TABLE credits_ledger.cycles ENABLE ALWAYS TRIGGER cycles_never_truncated;
ALTER TABLE credits_ledger.settings ENABLE ALWAYS TRIGGER settings_append_only;
ALTER TABLE credits_ledger.settings ENABLE ALWAYS TRIGGER settings_never_truncated;
ALTER TABLE credits_ledger.accounts ENABLE ALWAYS TRIGGER accounts_never_deleted;
ALTER TABLE credits_ledger.accounts ENABLE ALWAYS TRIGGER accounts_never_truncated;
ALTER TABLE credits_ledger.lots ENABLE ALWAYS TRIGGER lots_never_deleted;
ALTER TABLE credits_ledger.lots ENABLE ALWAYS TRIGGER lots_never_truncated;
ALTER TABLE credits_ledger.plans ENABLE ALWAYS TRIGGER plans_append_only;
ALTER TABLE credits_ledger.plans ENABLE ALWAYS TRIGGER plans_never_truncated;
ALTER TABLE credits_ledger.included_units ENABLE ALWAYS TRIGGER included_units_append_only;
ALTER TABLE credits_ledger.included_units ENABLE ALWAYS TRIGGER included_units_never_truncated;
ALTER TABLE credits_ledger.rates ENABLE ALWAYS TRIGGER rates_append_only;
ALTER TABLE credits_ledger.rates ENABLE ALWAYS TRIGGER rates_never_truncated;
ALTER TABLE credits_ledger.packs ENABLE ALWAYS TRIGGER packs_append_only;
ALTER TABLE credits_ledger.packs ENABLE ALWAYS TRIGGER packs_never_truncated;
ALTER TABLE credits_ledger.subscriptions ENABLE ALWAYS TRIGGER subscriptions_never_deleted;
ALTER TABLE credits_ledger.subscriptions ENABLE ALWAYS TRIGGER subscriptions_never_truncated;
ALTER TABLE credits_ledger.switches ENABLE ALWAYS TRIGGER switches_never_deleted;
ALTER TABLE credits_ledger.switches ENABLE ALWAYS TRIGGER switches_never_truncated;
ALTER TABLE credits_ledger.meters ENABLE ALWAYS TRIGGER meters_never_deleted;
ALTER TABLE credits_ledger.meters ENABLE ALWAYS TRIGGER meters_never_truncated;
ALTER TABLE credits_ledger.holds ENABLE ALWAYS TRIGGER holds_never_deleted;
ALTER TABLE credits_ledger.holds ENABLE ALWAYS TRIGGER holds_never_truncated;
ALTER TABLE credits_ledger.auto_recharges ENABLE ALWAYS TRIGGER auto_recharges_never_deleted;
ALTER TABLE credits_ledger.auto_recharges ENABLE ALWAYS TRIGGER auto_recharges_never_truncated;
ALTER TABLE credits_ledger.recharges ENABLE ALWAYS TRIGGER recharges_never_deleted;
ALTER TABLE credits_ledger.recharges ENABLE ALWAYS TRIGGER recharges_never_truncated;
ALTER TABLE credits_ledger.alerts ENABLE ALWAYS TRIGGER alerts_never_deleted;
ALTER TABLE credits_ledger.alerts ENABLE ALWAYS TRIGGER alerts_never_truncated;
ALTER TABLE credits_ledger.events ENABLE ALWAYS TRIGGER events_never_deleted;
ALTER TABLE credits_ledger.events ENABLE ALWAYS TRIGGER events_never_truncated;
ALTER TABLE credits_ledger.settlements ENABLE ALWAYS TRIGGER settlements_append_only;
ALTER TABLE credits_ledger.settlements ENABLE ALWAYS TRIGGER settlements_never_truncated;
ALTER TABLE credits_ledger.debts ENABLE ALWAYS TRIGGER debts_never_deleted;
ALTER TABLE credits_ledger.debts ENABLE ALWAYS TRIGGER debts_never_truncated;
ALTER TABLE credits_ledger.refunded ENABLE ALWAYS TRIGGER refunded_never_deleted;
ALTER TABLE credits_ledger.refunded ENABLE ALWAYS TRIGGER refunded_never_truncated;
ALTER TABLE credits_ledger.claw_backs ENABLE ALWAYS TRIGGER claw_backs_never_deleted;
ALTER TABLE credits_ledger.claw_backs ENABLE ALWAYS TRIGGER claw_backs_never_truncated;
