-- Storage. Only the extension's functions write here; applications read the credits_* views.
--
-- Rules that every table keeps (docs/design.md says why):
--   * account leads every key and unique index, so that the tables can be distributed by account;
--   * text keys are COLLATE "C": compared bytewise, safe against collation changes of the system;
--   * no index on a column that a debit changes, so that a debit's updates stay heap-only (HOT).

CREATE SCHEMA credits_ledger;

-- One row per account: the row that every operation locks, and all that a plain debit has to know.
-- The columns that a debit changes stand side by side, which keeps its WAL record short.
CREATE TABLE credits_ledger.accounts (
    account            text COLLATE "C" NOT NULL PRIMARY KEY,
    -- what time does next
    next_event_at      timestamptz NOT NULL,
    opened_at          timestamptz NOT NULL,
    -- the running cycle
    cycle_start        timestamptz NOT NULL,
    cycle_end          timestamptz,
    -- settings
    anchor             timestamptz NOT NULL,
    cycle_length       interval    NOT NULL,
    cycle_allowance    numeric     NOT NULL,
    rollover_percent   numeric     NOT NULL,
    rollover_max       numeric,
    overdraft_limit    numeric     NOT NULL,
    time_zone          text        NOT NULL,
    debt_policy        text        NOT NULL,
    status             text        NOT NULL,
    opened_by_grant    boolean     NOT NULL,
    extras             integer     NOT NULL,   -- which of the tables below have rows of it: 1 subscriptions,
                                               -- 2 switches, 4 meters, 8 budgets, 16 holds, 32 debts,
                                               -- 64 auto_recharges
    -- changed by every operation
    head_is_allowance  boolean     NOT NULL,
    head_lot           integer,
    lots               integer     NOT NULL,
    cycle              integer     NOT NULL,
    entry              bigint      NOT NULL,
    recorded_at        timestamptz NOT NULL,
    granted            numeric     NOT NULL,   -- allowance, in this cycle
    expired            numeric     NOT NULL,   -- allowance and rollover, in this cycle
    allowance          numeric     NOT NULL,
    credits            numeric     NOT NULL,
    held               numeric     NOT NULL,
    debt               numeric     NOT NULL,
    reserved           numeric     NOT NULL,
    used               numeric     NOT NULL,
    headroom           numeric     NOT NULL,   -- of the overdraft limit, that open holds reserve
    head_remaining     numeric     NOT NULL,
    head_held          numeric     NOT NULL,
    hash               bytea       NOT NULL,
    -- seldom read
    opened_with        jsonb       NOT NULL,
    metadata           jsonb,
    -- what is watched
    events             bigint      NOT NULL,   -- how many there have been
    recharge_at        numeric,                -- levels of available − debt at or below which something has to be
    alert_at           numeric                 -- looked at; NULL: at none
    -- No CHECK here and no partial index on entries, on purpose: the executor parses or prepares such expressions anew
    -- in every statement, and a debit is two of them. The domain decides; credits_verify checks.
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200,
        autovacuum_vacuum_cost_delay = 0);

-- Maintenance finds the accounts for which time has something to do. Not led by account, on purpose: the one
-- index that is asked across accounts. It is not unique, so it does not stand in the way of distribution.
CREATE INDEX accounts_next_event ON credits_ledger.accounts (next_event_at);

-- One row per operation, insert-only, numbered 1, 2, 3 … within the account.
CREATE TABLE credits_ledger.entries (
    account            text COLLATE "C" NOT NULL,
    entry              bigint      NOT NULL,
    recorded_at        timestamptz NOT NULL,
    effective_at       timestamptz,            -- NULL: at recorded_at
    request            bigint,                 -- digest of what the caller passed; NULL where there is no key
    cycle              integer     NOT NULL,
    lot                integer,                -- the lot that moved, where just one did
    operation          text COLLATE "C" NOT NULL,
    idempotency_key    text COLLATE "C",
    amount             numeric     NOT NULL,
    allowance_change   numeric     NOT NULL,
    credits_change     numeric     NOT NULL,
    debt_change        numeric     NOT NULL,
    allowance          numeric     NOT NULL,
    credits            numeric     NOT NULL,
    held               numeric     NOT NULL,
    debt               numeric     NOT NULL,
    reserved           numeric     NOT NULL,
    used               numeric     NOT NULL,
    recorded_by        text        NOT NULL,
    hash               bytea       NOT NULL,
    kind               text COLLATE "C",
    feature            text COLLATE "C",
    actor              text COLLATE "C",
    resource           text COLLATE "C",
    quantity           numeric,
    included           numeric,
    refers_to          bigint,
    reason             text,
    moved_lots         integer[],              -- the lots that moved, where it was not just one, …
    moved_amounts      numeric[],              -- … and by how much each
    detail             jsonb,                  -- settings of open and configure, result of reset
    clock_was_set      boolean,                -- true where credits_ledger.now replaced the clock
    metadata           jsonb,
    salt               bytea,                  -- makes the digest of actor, resource and metadata unguessable
    redacted           bytea,                  -- that digest, once they were erased
    held_allowance_change numeric,             -- changes of what holds set aside, …
    held_credits_change   numeric,             -- … of allowance and rollover lots, and of all others; NULL: 0
    PRIMARY KEY (account, entry)
);

CREATE UNIQUE INDEX entries_idempotency_key ON credits_ledger.entries (account, idempotency_key);

-- One row per entry that opened, configured, froze, unfroze or closed an account, or changed its plans, insert-only:
-- what it was set to from then on, for questions about the past.
CREATE TABLE credits_ledger.settings (
    account            text COLLATE "C" NOT NULL,
    entry              bigint      NOT NULL,
    status             text        NOT NULL,
    overdraft_limit    numeric     NOT NULL,
    PRIMARY KEY (account, entry)
);

-- One row per lot. What remains and is held in the lot that debits are now taken from (the account's head_lot) stands
-- in accounts.head_remaining and head_held; this row is brought up to date when another lot becomes the head.
CREATE TABLE credits_ledger.lots (
    account              text COLLATE "C" NOT NULL,
    lot                  integer     NOT NULL,
    entry                bigint      NOT NULL,
    effective_at         timestamptz NOT NULL,
    expires_at           timestamptz,          -- for lots that expire by cycle: that cycle's end, as now foreseen
    burn_at              timestamptz NOT NULL, -- third key of the burn order
    burn_rank            integer     NOT NULL, -- first and second key of the burn order
    cycle                integer     NOT NULL, -- in which it became effective
    expires_cycle        integer,              -- expires at the end of this cycle
    expires_after_cycles integer,
    priority             integer     NOT NULL,
    open                 boolean     NOT NULL, -- scheduled, or something remains or is held
    status               text        NOT NULL, -- scheduled, active, expired, voided
    kind                 text COLLATE "C" NOT NULL,
    amount               numeric     NOT NULL,
    remaining            numeric     NOT NULL,
    held                 numeric     NOT NULL,
    price                numeric,
    currency             text,
    payment_ref          text COLLATE "C",
    features             text[] COLLATE "C",
    plan                 text COLLATE "C",     -- that granted it
    gone                 numeric     NOT NULL, -- expired, rolled over, voided, or clawed back after it was spent
    revoked              boolean     NOT NULL, -- what returns to it is void
    PRIMARY KEY (account, lot),
    CONSTRAINT lots_never_past_zero CHECK (remaining >= 0 AND held >= 0 AND amount > 0)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

CREATE INDEX lots_burn_order ON credits_ledger.lots (account, burn_rank, burn_at, effective_at, lot) WHERE open;

CREATE UNIQUE INDEX lots_payment_ref ON credits_ledger.lots (account, payment_ref) WHERE payment_ref IS NOT NULL;

-- One row per closed cycle, insert-only. The running cycle stands on the account's row.
CREATE TABLE credits_ledger.cycles (
    account            text COLLATE "C" NOT NULL,
    cycle              integer     NOT NULL,
    cycle_start        timestamptz NOT NULL,
    cycle_end          timestamptz NOT NULL,
    closed_at          timestamptz NOT NULL,
    granted            numeric     NOT NULL,
    used               numeric     NOT NULL,
    rolled_over        numeric     NOT NULL,
    expired            numeric     NOT NULL,
    debt_forgiven      numeric     NOT NULL,
    debt_invoiced      numeric     NOT NULL,
    foreseen_end       timestamptz,            -- its end as it was known while it ran; NULL: closed by hand
    entry              bigint      NOT NULL,   -- the account's newest entry when it was closed, …
    hash               bytea       NOT NULL,   -- … to whose hash this row's is tied
    PRIMARY KEY (account, cycle)
);

-- Definitions: what operators define for all accounts. Each row is a version, insert-only: what happened is judged by
-- the version that was in force then. Few rows, the same on every node of a distributed database.

CREATE TABLE credits_ledger.plans (
    plan               text COLLATE "C" NOT NULL,
    version            integer     NOT NULL,   -- 1, 2, 3 … within the plan
    defined_at         timestamptz NOT NULL,
    allowance          numeric     NOT NULL,
    per_seat           boolean     NOT NULL,
    seat_cap           integer,
    rank               integer     NOT NULL,
    trial              boolean     NOT NULL,
    trial_period       interval,
    purchases          boolean     NOT NULL,
    rollover_percent   numeric     NOT NULL,
    rollover_max       numeric,
    rollover_cycles    integer     NOT NULL,
    defined_by         text        NOT NULL,
    metadata           jsonb,
    PRIMARY KEY (plan, version)
);

-- Led by feature: a charge asks which plans include its feature.
CREATE TABLE credits_ledger.included_units (
    feature            text COLLATE "C" NOT NULL,
    plan               text COLLATE "C" NOT NULL,
    version            integer     NOT NULL,   -- 1, 2, 3 … within feature and plan
    defined_at         timestamptz NOT NULL,
    units              numeric     NOT NULL,   -- in each cycle; 0: none any more
    defined_by         text        NOT NULL,
    PRIMARY KEY (feature, plan, version)
);

-- In the order of their effect: a charge reads the newest first.
CREATE TABLE credits_ledger.rates (
    feature            text COLLATE "C" NOT NULL,
    effective_at       timestamptz NOT NULL,
    version            integer     NOT NULL,   -- 1, 2, 3 … within the feature
    defined_at         timestamptz NOT NULL,
    credits            numeric     NOT NULL,   -- for per_units units; 0 where free
    per_units          numeric     NOT NULL,
    model              text        NOT NULL,   -- per_unit, package
    free               boolean     NOT NULL,
    defined_by         text        NOT NULL,
    PRIMARY KEY (feature, effective_at, version),
    UNIQUE (feature, version)
);

CREATE TABLE credits_ledger.packs (
    pack               text COLLATE "C" NOT NULL,
    version            integer     NOT NULL,   -- 1, 2, 3 … within the pack
    defined_at         timestamptz NOT NULL,
    credits            numeric     NOT NULL,
    price              numeric     NOT NULL,
    currency           text        NOT NULL,
    minimum_price      numeric,                -- set: credits scale with the price paid
    defined_by         text        NOT NULL,
    PRIMARY KEY (pack, version)
);

-- One row per plan that an account ever held.
CREATE TABLE credits_ledger.subscriptions (
    account            text COLLATE "C" NOT NULL,
    plan               text COLLATE "C" NOT NULL,
    held               boolean     NOT NULL,   -- now
    seats              integer     NOT NULL,
    subscribed_at      timestamptz NOT NULL,
    -- what the next cycle brings
    pending_plan       text COLLATE "C",       -- it is replaced by this plan
    pending_seats      integer,
    pending_end        boolean     NOT NULL,   -- it is given up
    pending_expire     boolean     NOT NULL,   -- and its unused allowance does not roll over
    -- what it counted for in this cycle
    cycle              integer     NOT NULL,
    peak_seats         integer     NOT NULL,   -- the most seats that its allowance was granted for
    counted            numeric     NOT NULL,   -- its whole allowance at that number
    carried            numeric     NOT NULL,   -- what plans that it replaced at equal rank had counted for
    -- trials
    trial_granted      boolean     NOT NULL,   -- once, ever
    converts           boolean     NOT NULL,   -- the trial runs: the next plan starts a cycle
    PRIMARY KEY (account, plan)
);

-- One row per feature that was ever switched for an account.
CREATE TABLE credits_ledger.switches (
    account            text COLLATE "C" NOT NULL,
    feature            text COLLATE "C" NOT NULL,
    enabled            boolean     NOT NULL,
    changed_at         timestamptz NOT NULL,
    PRIMARY KEY (account, feature)
);

-- One row per feature of which an account has used included units or bought a package.
CREATE TABLE credits_ledger.meters (
    account            text COLLATE "C" NOT NULL,
    feature            text COLLATE "C" NOT NULL,
    cycle              integer     NOT NULL,   -- in which the included units were used
    included           numeric     NOT NULL,   -- units used
    package_left       numeric     NOT NULL,   -- units left of packages that were paid for
    PRIMARY KEY (account, feature)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE credits_ledger.budgets (
    account            text COLLATE "C" NOT NULL,
    budget             integer     NOT NULL,   -- its number within the account
    period             text        NOT NULL,   -- cycle, hour, day, month
    actor              text COLLATE "C",       -- '*': each actor has its own; NULL: all together
    feature            text COLLATE "C",       -- NULL: all together
    budget_limit       numeric     NOT NULL,
    PRIMARY KEY (account, budget)
);

-- A debit looks for the budgets of its own actor.
CREATE INDEX budgets_actor ON credits_ledger.budgets (account, actor);

-- What was drawn against a budget in the period that began at period_start; in any later one it is nothing yet.
CREATE TABLE credits_ledger.budget_use (
    account            text COLLATE "C" NOT NULL,
    budget             integer     NOT NULL,
    actor              text COLLATE "C" NOT NULL, -- '' for those who are none, and where the budget is not per actor
    cycle              integer     NOT NULL,
    period_start       timestamptz NOT NULL,
    used               numeric     NOT NULL,
    PRIMARY KEY (account, actor, budget)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

-- One row per hold, named by the entry that made it.
CREATE TABLE credits_ledger.holds (
    account            text COLLATE "C" NOT NULL,
    hold               bigint      NOT NULL,
    lapses_at          timestamptz,            -- while it is open; NULL once it is not
    expires_at         timestamptz NOT NULL,
    made_at            timestamptz NOT NULL,
    cycle              integer     NOT NULL,   -- in which it was made
    status             text        NOT NULL,   -- open, captured, released, lapsed
    amount             numeric     NOT NULL,   -- set aside when it was made, headroom included
    captured           numeric     NOT NULL,
    headroom           numeric     NOT NULL,   -- overdraft headroom that it still reserves
    lapsed             numeric     NOT NULL,   -- what it set aside when it lapsed
    lots               integer[]   NOT NULL,   -- the lots that hold something for it, in the order in which it was taken, …
    amounts            numeric[]   NOT NULL,   -- … and how much each
    feature            text COLLATE "C",
    actor              text COLLATE "C",
    PRIMARY KEY (account, hold)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

-- Open holds in the order in which they lapse.
CREATE INDEX holds_lapse ON credits_ledger.holds (account, lapses_at);

-- How auto-recharge is set, and how it fares: one row per account that ever had it.
CREATE TABLE credits_ledger.auto_recharges (
    account            text COLLATE "C" NOT NULL PRIMARY KEY,
    threshold          numeric     NOT NULL,
    pack               text COLLATE "C" NOT NULL,
    trigger            text        NOT NULL,   -- below, at_or_below
    measure            text        NOT NULL,   -- available, credits; less the debt
    max_packs          integer     NOT NULL,
    monthly_limit      numeric,                -- in the pack's currency
    payment_method     text,
    enabled            boolean     NOT NULL,
    suspended          boolean     NOT NULL,   -- until it is resumed
    failures           integer     NOT NULL,   -- in a row
    last_error_code    text,
    last_error         text,
    capped_month       timestamptz             -- start of the month of which recharge.capped told
);

-- Requests for money, numbered 1, 2, 3 … within the account.
CREATE TABLE credits_ledger.recharges (
    account            text COLLATE "C" NOT NULL,
    recharge           bigint      NOT NULL,
    status             text        NOT NULL,   -- open, claimed, completed, failed, cancelled
    pack               text COLLATE "C" NOT NULL,
    quantity           integer     NOT NULL,   -- packs
    credits            numeric     NOT NULL,   -- of all of them, …
    price              numeric     NOT NULL,   -- … and their price
    currency           text        NOT NULL,
    requested_at       timestamptz NOT NULL,
    attempts           integer     NOT NULL,   -- claims
    payment_key        text,                   -- the same until a failure is recorded
    payment_method     text,                   -- as it was when that key was made
    due_at             timestamptz,            -- when it may be claimed, again; NULL once it is settled
    last_error_code    text,
    last_error         text,
    payment_ref        text COLLATE "C",
    settled_at         timestamptz,
    credited_by        bigint,                 -- the entry that gave the credits
    PRIMARY KEY (account, recharge)
) WITH (fillfactor = 80);

-- The last line of defence: an account asks for money once at a time.
CREATE UNIQUE INDEX recharges_one_open ON credits_ledger.recharges (account) WHERE status IN ('open', 'claimed');

-- What a month's requests cost, where there is a limit.
CREATE INDEX recharges_requested ON credits_ledger.recharges (account, requested_at);

-- What workers may claim, the longest due first. Not led by account, on purpose, and not unique.
CREATE INDEX recharges_due ON credits_ledger.recharges (due_at) WHERE due_at IS NOT NULL;

-- What applications are told of, numbered 1, 2, 3 … within the account.
CREATE TABLE credits_ledger.events (
    account            text COLLATE "C" NOT NULL,
    event              bigint      NOT NULL,
    type               text        NOT NULL,
    payload            jsonb       NOT NULL,
    entry              bigint      NOT NULL,   -- the account's newest entry then
    occurred_at        timestamptz NOT NULL,
    leased_until       timestamptz,            -- a consumer has it until then; NULL: nobody had it yet
    acknowledged_at    timestamptz,            -- NULL: it waits
    PRIMARY KEY (account, event)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

-- Events that wait: of an account in their order, and over all accounts the oldest first.
CREATE INDEX events_waiting ON credits_ledger.events (account, event) WHERE acknowledged_at IS NULL;
CREATE INDEX events_oldest ON credits_ledger.events (occurred_at) WHERE acknowledged_at IS NULL;
CREATE INDEX events_leased ON credits_ledger.events (leased_until) WHERE leased_until IS NOT NULL;

-- One row per alert that was set, or that has fired: `low` and `exhausted` are there without one.
CREATE TABLE credits_ledger.alerts (
    account            text COLLATE "C" NOT NULL,
    alert              text COLLATE "C" NOT NULL,
    below              numeric,
    used_percent       numeric,
    only_if_on_pace    boolean     NOT NULL,
    enabled            boolean     NOT NULL,
    fired_at           timestamptz,            -- NULL: it is armed
    PRIMARY KEY (account, alert)
);

-- All debt that an account ever drew lies end to end on a line; each operation that drew some has a stretch of it,
-- which its entry names (detail.debt_from). One row per account that ever had debt: the line's length and what of it is open.
CREATE TABLE credits_ledger.debts (
    account            text COLLATE "C" NOT NULL PRIMARY KEY,
    drawn              numeric     NOT NULL,   -- the line's length
    line_starts        numeric[]   NOT NULL,   -- where what is owed begins on it, oldest first, …
    line_ends          numeric[]   NOT NULL,   -- … and ends
    lasting            integer[]   NOT NULL    -- 1 where no reset forgives or invoices it
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

-- What became of stretches of that line, insert-only: repaid, invoiced, forgiven; and on top of these, or of what was
-- open, refunded.
CREATE TABLE credits_ledger.settlements (
    account            text COLLATE "C" NOT NULL,
    line_start         numeric     NOT NULL,
    line_end           numeric     NOT NULL,
    entry              bigint      NOT NULL,
    fate               text COLLATE "C" NOT NULL,
    lot                integer,                -- that repaid it
    PRIMARY KEY (account, line_start, entry, fate)
);

-- One row per debit, charge, capture or claw-back of which something was refunded: how much, in all.
CREATE TABLE credits_ledger.refunded (
    account            text COLLATE "C" NOT NULL,
    entry              bigint      NOT NULL,
    amount             numeric     NOT NULL,
    quantity           numeric     NOT NULL,
    PRIMARY KEY (account, entry)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

-- What was spent of a lot and taken back from elsewhere, by the entry that did.
CREATE TABLE credits_ledger.claw_backs (
    account            text COLLATE "C" NOT NULL,
    lot                integer     NOT NULL,
    entry              bigint      NOT NULL,
    amount             numeric     NOT NULL,
    returned           numeric     NOT NULL,   -- undone by refunds
    PRIMARY KEY (account, lot, entry)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

-- The ledger's rows are data, not part of the extension: pg_dump saves them.
SELECT pg_catalog.pg_extension_config_dump('credits_ledger.accounts', '');
SELECT pg_catalog.pg_extension_config_dump('credits_ledger.entries', '');
SELECT pg_catalog.pg_extension_config_dump('credits_ledger.settings', '');
SELECT pg_catalog.pg_extension_config_dump('credits_ledger.lots', '');
SELECT pg_catalog.pg_extension_config_dump('credits_ledger.cycles', '');
SELECT pg_catalog.pg_extension_config_dump('credits_ledger.plans', '');
SELECT pg_catalog.pg_extension_config_dump('credits_ledger.included_units', '');
SELECT pg_catalog.pg_extension_config_dump('credits_ledger.rates', '');
SELECT pg_catalog.pg_extension_config_dump('credits_ledger.packs', '');
SELECT pg_catalog.pg_extension_config_dump('credits_ledger.subscriptions', '');
SELECT pg_catalog.pg_extension_config_dump('credits_ledger.switches', '');
SELECT pg_catalog.pg_extension_config_dump('credits_ledger.meters', '');
SELECT pg_catalog.pg_extension_config_dump('credits_ledger.budgets', '');
SELECT pg_catalog.pg_extension_config_dump('credits_ledger.budget_use', '');
SELECT pg_catalog.pg_extension_config_dump('credits_ledger.holds', '');
SELECT pg_catalog.pg_extension_config_dump('credits_ledger.auto_recharges', '');
SELECT pg_catalog.pg_extension_config_dump('credits_ledger.recharges', '');
SELECT pg_catalog.pg_extension_config_dump('credits_ledger.events', '');
SELECT pg_catalog.pg_extension_config_dump('credits_ledger.alerts', '');
SELECT pg_catalog.pg_extension_config_dump('credits_ledger.debts', '');
SELECT pg_catalog.pg_extension_config_dump('credits_ledger.settlements', '');
SELECT pg_catalog.pg_extension_config_dump('credits_ledger.refunded', '');
SELECT pg_catalog.pg_extension_config_dump('credits_ledger.claw_backs', '');
