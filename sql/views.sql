-- Views: how applications and analysts read the ledger. They run with the owner's rights on the tables; who may
-- read a view sees every account, so no view is a security barrier.
--
-- Two kinds:
--   * credits_accounts, credits_grants and credits_expiring show what time has done by the time of the query,
--     recorded or not. Where nothing is due (accounts.next_event_at lies ahead) the stored rows say it all;
--     only for the other accounts the library works it out. UNION ALL and not one CASE per column, so that the
--     planner looks accounts up by index in both halves and never calls the function for rows that do not need it.
--   * all others show what is recorded.

-- The clock that decides is never before the account's newest entry, as for every read: hence greatest().
CREATE VIEW @extschema@.credits_accounts AS
SELECT
    a.account,
    a.status,
    a.allowance + a.credits + a.held - a.debt                       AS balance,
    a.allowance,
    a.credits,
    a.held,
    a.debt,
    a.allowance + a.credits - a.reserved                            AS available,
    a.granted                                                       AS allowance_granted,
    a.used,
    a.overdraft_limit,
    a.cycle,
    a.cycle_start,
    a.cycle_end,
    a.entry,
    greatest(credits_ledger.statement_time(), a.recorded_at)        AS as_of,
    a.cycle_allowance,
    a.cycle_length,
    a.anchor,
    a.time_zone,
    a.rollover_percent,
    a.rollover_max,
    a.debt_policy,
    a.opened_at,
    a.hash                                                          AS head_hash,
    a.metadata
FROM credits_ledger.accounts a
WHERE a.next_event_at > credits_ledger.statement_time()
UNION ALL
SELECT
    a.account,
    s.status,
    s.balance,
    s.allowance,
    s.credits,
    s.held,
    s.debt,
    s.available,
    s.allowance_granted,
    s.used,
    a.overdraft_limit,
    s.cycle,
    s.cycle_start,
    s.cycle_end,
    a.entry,
    s.as_of,
    a.cycle_allowance,
    a.cycle_length,
    a.anchor,
    a.time_zone,
    a.rollover_percent,
    a.rollover_max,
    a.debt_policy,
    a.opened_at,
    a.hash,
    a.metadata
FROM credits_ledger.accounts a
CROSS JOIN LATERAL credits_ledger.settled_account(a.account) s
WHERE a.next_event_at <= credits_ledger.statement_time();

-- amount is the change of the balance, so that the amounts of an account add up to its balance: 0 for what only
-- announces (schedule), sets aside or gives back (hold, release), moves between lots (rollover) or keeps a record
-- (open, configure, redact …).
-- from_allowance and from_credits read as in the receipt: of debit, charge, hold, capture, void, claw_back and expire,
-- which take, what the lots bore; of any other what the lots gained; both net of debt repaid, which is in overdraft.
CREATE VIEW @extschema@.credits_history AS
SELECT
    e.account,
    e.entry,
    e.operation,
    e.kind,
    e.allowance_change + e.credits_change + d.held_allowance + d.held_credits - e.debt_change
                                                                    AS amount,
    d.direction * (e.allowance_change + CASE WHEN e.operation = 'capture' THEN d.held_allowance ELSE 0 END)
                                                                    AS from_allowance,
    d.direction * (e.credits_change + CASE WHEN e.operation = 'capture' THEN d.held_credits ELSE 0 END)
                                                                    AS from_credits,
    e.debt_change                                                   AS overdraft,
    e.allowance + e.credits + e.held - e.debt                       AS balance,
    e.allowance + e.credits - e.reserved                            AS available,
    e.feature,
    e.quantity,
    coalesce(e.included, 0)                                         AS included,
    e.actor,
    e.resource,
    e.idempotency_key,
    e.refers_to,
    e.reason,
    coalesce(e.effective_at, e.recorded_at)                         AS effective_at,
    e.recorded_at,
    e.recorded_by,
    e.metadata,
    e.cycle,
    e.allowance,
    e.credits,
    e.held,
    e.debt,
    e.redacted IS NOT NULL                                          AS redacted,
    coalesce(e.clock_was_set, false)                                AS clock_was_set,
    e.hash,
    e.detail ->> 'plan'                                             AS plan,
    e.detail ->> 'pack'                                             AS pack
FROM credits_ledger.entries e
CROSS JOIN LATERAL (
    SELECT
        CASE
            WHEN e.operation IN ('debit', 'charge', 'hold', 'capture', 'void', 'claw_back', 'expire') THEN -1
            ELSE 1
        END AS direction,
        coalesce(e.held_allowance_change, 0) AS held_allowance,
        coalesce(e.held_credits_change, 0) AS held_credits
) d;

-- What remains in the lot that debits are now taken from stands on the account's row. The lot's key and metadata
-- are those of the entry that made it; LEFT JOIN, so that a query that does not ask for them does not read entries.
CREATE VIEW @extschema@.credits_grants AS
SELECT
    l.account,
    l.lot,
    l.entry,
    l.kind,
    l.amount,
    r.remaining,
    r.held,
    l.priority,
    l.features,
    l.effective_at,
    l.expires_at,
    CASE
        WHEN l.revoked THEN 'voided'
        WHEN l.status = 'active' AND r.remaining = 0 AND r.held = 0 THEN 'spent'
        ELSE l.status
    END                                                             AS status,
    l.price,
    l.currency,
    l.payment_ref,
    e.idempotency_key,
    e.metadata,
    l.expires_cycle IS NOT NULL OR l.expires_after_cycles IS NOT NULL AS expires_by_cycle,
    l.plan
FROM credits_ledger.accounts a
JOIN credits_ledger.lots l ON l.account = a.account
CROSS JOIN LATERAL (
    SELECT
        CASE WHEN l.lot = a.head_lot THEN a.head_remaining ELSE l.remaining END AS remaining,
        CASE WHEN l.lot = a.head_lot THEN a.head_held ELSE l.held END AS held
) r
LEFT JOIN credits_ledger.entries e ON e.account = l.account AND e.entry = l.entry
WHERE a.next_event_at > credits_ledger.statement_time()
UNION ALL
-- Of the lots that time made and nobody recorded yet, allowance and rollover expire by cycle, and trials do not.
SELECT
    a.account,
    s.lot,
    s.entry,
    s.kind COLLATE "C",
    s.amount,
    s.remaining,
    s.held,
    s.priority,
    s.features COLLATE "C",
    s.effective_at,
    s.expires_at,
    s.status,
    s.price,
    s.currency,
    s.payment_ref COLLATE "C",
    e.idempotency_key,
    e.metadata,
    CASE
        WHEN l.lot IS NULL THEN s.kind IN ('allowance', 'rollover')
        ELSE l.expires_cycle IS NOT NULL OR l.expires_after_cycles IS NOT NULL
    END,
    s.plan COLLATE "C"
FROM credits_ledger.accounts a
CROSS JOIN LATERAL credits_ledger.settled_lots(a.account) s
LEFT JOIN credits_ledger.lots l ON l.account = a.account AND l.lot = s.lot
LEFT JOIN credits_ledger.entries e ON e.account = a.account AND e.entry = s.entry
WHERE a.next_event_at <= credits_ledger.statement_time();

-- An entry that moved one lot names it in a column of its own, one that moved several keeps them as arrays. Both
-- become rows in one place and not by UNION ALL, so that a page of the newest movements follows the primary key.
CREATE VIEW @extschema@.credits_allocations AS
SELECT
    e.account,
    e.entry,
    e.operation,
    m.lot,
    l.kind                                                          AS lot_kind,
    m.amount,
    coalesce(e.effective_at, e.recorded_at)                         AS effective_at
FROM credits_ledger.entries e
CROSS JOIN LATERAL unnest(
    CASE WHEN e.lot IS NULL THEN e.moved_lots ELSE ARRAY[e.lot] END,
    CASE WHEN e.lot IS NULL THEN e.moved_amounts ELSE ARRAY[e.allowance_change + e.credits_change] END
) AS m(lot, amount)
JOIN credits_ledger.lots l ON l.account = e.account AND l.lot = m.lot
WHERE m.amount <> 0;

-- The running cycle has no row of its own yet: it comes from the account, with closed_at NULL. What has expired of it
-- is allowance of a plan that was replaced with unused_allowance => 'expire'. A closed account keeps the number of its
-- last cycle, which has its row.
CREATE VIEW @extschema@.credits_cycles AS
SELECT
    c.account,
    c.cycle,
    c.cycle_start,
    c.cycle_end,
    c.granted,
    c.used,
    c.rolled_over,
    c.expired,
    c.debt_forgiven,
    c.debt_invoiced,
    c.closed_at
FROM credits_ledger.cycles c
UNION ALL
SELECT
    a.account,
    a.cycle,
    a.cycle_start,
    a.cycle_end,
    a.granted,
    a.used,
    0::numeric,
    a.expired,
    0::numeric,
    0::numeric,
    NULL::timestamptz
FROM credits_ledger.accounts a
WHERE NOT EXISTS (SELECT FROM credits_ledger.cycles c WHERE c.account = a.account AND c.cycle = a.cycle);

-- What is refunded counts below zero on the day, and in the cycle, in which it is refunded; it is no operation of its own.
CREATE VIEW @extschema@.credits_usage_daily AS
SELECT
    e.account,
    (e.recorded_at AT TIME ZONE 'UTC')::date                        AS day,
    e.feature,
    e.actor,
    count(*) FILTER (WHERE e.operation <> 'refund')                 AS operations,
    coalesce(sum(s.sign * e.quantity), 0)                           AS quantity,
    sum(s.sign * e.amount)                                          AS credits,
    -sum(e.allowance_change + CASE WHEN e.operation = 'capture' THEN coalesce(e.held_allowance_change, 0) ELSE 0 END)
                                                                    AS from_allowance,
    -sum(e.credits_change + CASE WHEN e.operation = 'capture' THEN coalesce(e.held_credits_change, 0) ELSE 0 END)
                                                                    AS from_credits
FROM credits_ledger.entries e
CROSS JOIN LATERAL (SELECT CASE WHEN e.operation = 'refund' THEN -1 ELSE 1 END AS sign) s
WHERE e.operation IN ('debit', 'charge', 'capture', 'refund')
GROUP BY e.account, day, e.feature, e.actor;

-- Aggregated before the joins: account and cycle stay grouping columns, through which a condition reaches entries.
CREATE VIEW @extschema@.credits_usage_by_cycle AS
SELECT
    u.account,
    u.cycle,
    u.feature,
    CASE WHEN c.cycle IS NULL THEN a.cycle_start ELSE c.cycle_start END AS cycle_start,
    CASE WHEN c.cycle IS NULL THEN a.cycle_end ELSE c.cycle_end END AS cycle_end,
    u.operations,
    u.quantity,
    u.included,
    u.credits,
    u.from_allowance,
    u.from_credits
FROM (
    SELECT
        e.account,
        e.cycle,
        e.feature,
        count(*) FILTER (WHERE e.operation <> 'refund') AS operations,
        coalesce(sum(s.sign * e.quantity), 0)           AS quantity,
        coalesce(sum(s.sign * e.included), 0)           AS included,
        sum(s.sign * e.amount)                          AS credits,
        -sum(e.allowance_change + CASE WHEN e.operation = 'capture' THEN coalesce(e.held_allowance_change, 0) ELSE 0 END)
                                        AS from_allowance,
        -sum(e.credits_change + CASE WHEN e.operation = 'capture' THEN coalesce(e.held_credits_change, 0) ELSE 0 END)
                                        AS from_credits
    FROM credits_ledger.entries e
    CROSS JOIN LATERAL (SELECT CASE WHEN e.operation = 'refund' THEN -1 ELSE 1 END AS sign) s
    WHERE e.operation IN ('debit', 'charge', 'capture', 'refund')
    GROUP BY e.account, e.cycle, e.feature
) u
JOIN credits_ledger.accounts a ON a.account = u.account
LEFT JOIN credits_ledger.cycles c ON c.account = u.account AND c.cycle = u.cycle;

-- A hold whose time is over has lapsed, recorded or not.
CREATE VIEW @extschema@.credits_holds AS
SELECT
    h.account,
    e.idempotency_key                                               AS hold_key,
    h.hold                                                          AS entry,
    h.amount,
    CASE WHEN t.lapsed THEN 0 ELSE h.headroom + (SELECT coalesce(sum(part), 0) FROM unnest(h.amounts) part) END
                                                                    AS remaining,
    h.captured,
    CASE WHEN t.lapsed THEN 'lapsed' ELSE h.status END              AS status,
    h.feature,
    h.actor,
    e.resource,
    h.expires_at,
    h.made_at
FROM credits_ledger.holds h
JOIN credits_ledger.entries e ON e.account = h.account AND e.entry = h.hold
CROSS JOIN LATERAL (SELECT h.lapses_at IS NOT NULL AND h.lapses_at <= credits_ledger.statement_time() AS lapsed) t;

-- On a manual account a lot that expires by cycle has no date yet: expires_at is NULL, and still it will expire.
CREATE VIEW @extschema@.credits_expiring AS
SELECT
    g.account,
    g.lot,
    g.kind,
    g.remaining,
    g.expires_at
FROM @extschema@.credits_grants g
WHERE g.status = 'active' AND g.remaining > 0 AND (g.expires_at IS NOT NULL OR g.expires_by_cycle);

-- What a cycle is to be billed for. Usage is by feature; debt that was invoiced belongs to the cycle as a whole and
-- stands on the line without a feature, so that each column can be summed.
CREATE VIEW @extschema@.credits_invoice_lines AS
SELECT
    l.account,
    l.cycle,
    l.feature,
    c.cycle_start,
    c.cycle_end,
    sum(l.quantity)                                                 AS quantity,
    sum(l.included)                                                 AS included,
    sum(l.credits)                                                  AS credits,
    sum(l.from_allowance)                                           AS from_allowance,
    sum(l.from_credits)                                             AS from_credits,
    sum(l.debt_invoiced)                                            AS debt_invoiced
FROM (
    SELECT
        e.account,
        e.cycle,
        e.feature,
        s.sign * coalesce(e.quantity, 0)                            AS quantity,
        s.sign * coalesce(e.included, 0)                            AS included,
        s.sign * e.amount                                           AS credits,
        -(e.allowance_change + CASE WHEN e.operation = 'capture' THEN coalesce(e.held_allowance_change, 0) ELSE 0 END)
                                                                    AS from_allowance,
        -(e.credits_change + CASE WHEN e.operation = 'capture' THEN coalesce(e.held_credits_change, 0) ELSE 0 END)
                                                                    AS from_credits,
        0::numeric                                                  AS debt_invoiced
    FROM credits_ledger.entries e
    CROSS JOIN LATERAL (SELECT CASE WHEN e.operation = 'refund' THEN -1 ELSE 1 END AS sign) s
    WHERE e.operation IN ('debit', 'charge', 'capture')
       OR e.operation = 'refund'
          -- After an account was closed no cycle runs, and the last one does not change.
          AND NOT EXISTS (SELECT FROM credits_ledger.cycles c
                          WHERE c.account = e.account AND c.cycle = e.cycle AND c.entry < e.entry)
    UNION ALL
    SELECT c.account, c.cycle, NULL, 0, 0, 0, 0, 0, c.debt_invoiced
    FROM credits_ledger.cycles c
    WHERE c.debt_invoiced > 0
) l
JOIN @extschema@.credits_cycles c ON c.account = l.account AND c.cycle = l.cycle
GROUP BY l.account, l.cycle, l.feature, c.cycle_start, c.cycle_end;

-- The newest version of each plan: it counts for whoever takes the plan up or adds seats from now on, and for all
-- others from their next cycle on.
CREATE VIEW @extschema@.credits_plans AS
SELECT
    p.plan,
    p.allowance,
    p.per_seat,
    p.seat_cap,
    p.rank,
    p.trial,
    p.trial_period,
    p.purchases,
    p.rollover_percent,
    p.rollover_max,
    p.rollover_cycles,
    p.metadata,
    (SELECT coalesce(jsonb_object_agg(i.feature, i.units), '{}')
     FROM credits_ledger.included_units i
     WHERE i.plan = p.plan AND i.units > 0
       AND NOT EXISTS (SELECT FROM credits_ledger.included_units n
                       WHERE n.feature = i.feature AND n.plan = i.plan AND n.version > i.version)) AS included,
    p.version,
    p.defined_at,
    p.defined_by
FROM credits_ledger.plans p
WHERE NOT EXISTS (SELECT FROM credits_ledger.plans n WHERE n.plan = p.plan AND n.version > p.version);

-- One row per held plan. What is pending takes effect when the cycle closes.
CREATE VIEW @extschema@.credits_subscriptions AS
SELECT
    s.account,
    s.plan,
    s.seats,
    a.anchor,
    s.pending_plan,
    s.pending_seats,
    s.pending_end,
    CASE WHEN s.pending_end OR s.pending_plan IS NOT NULL OR s.pending_seats IS NOT NULL THEN a.cycle_end END
                                                                    AS pending_at,
    s.subscribed_at
FROM credits_ledger.subscriptions s
JOIN credits_ledger.accounts a ON a.account = s.account
WHERE s.held;

-- The rate in force of each feature, and those that are scheduled. A rate that was defined for an instant for which
-- another is defined later on never comes into force.
CREATE VIEW @extschema@.credits_rates AS
SELECT
    r.feature,
    r.credits,
    r.per_units,
    r.model,
    r.free,
    r.effective_at,
    r.effective_until,
    r.effective_at <= t.now                                         AS in_force,
    r.version,
    r.defined_at,
    r.defined_by
FROM (
    SELECT
        v.*,
        lead(v.effective_at) OVER (PARTITION BY v.feature ORDER BY v.effective_at, v.version) AS effective_until
    FROM credits_ledger.rates v
) r
CROSS JOIN LATERAL (SELECT credits_ledger.statement_time() AS now) t
WHERE (r.effective_until IS NULL OR r.effective_until > t.now)
  AND r.effective_until IS DISTINCT FROM r.effective_at;

CREATE VIEW @extschema@.credits_features AS
SELECT s.account, s.feature, s.enabled, s.changed_at
FROM credits_ledger.switches s;

-- One row per budget; a budget for each actor ('*') has one per actor who has used it in this period, or a single
-- one while nobody has. Open holds count as used in the period in which they were made; what was used in a period that is
-- over does not count.
CREATE VIEW @extschema@.credits_budgets AS
SELECT
    b.account,
    b.budget_limit,
    b.period,
    b.actor,
    b.feature,
    coalesce(u.used, 0)                                             AS used,
    greatest(b.budget_limit - coalesce(u.used, 0), 0)               AS remaining,
    nullif(u.actor, '')                                             AS used_by,
    p.period_start,
    p.period_end
FROM credits_ledger.budgets b
JOIN credits_ledger.accounts a ON a.account = b.account
CROSS JOIN LATERAL (SELECT credits_ledger.statement_time() AS now) t
CROSS JOIN LATERAL (
    SELECT a.cycle, a.cycle_start, a.cycle_end WHERE a.next_event_at > t.now
    UNION ALL
    SELECT s.cycle, s.cycle_start, s.cycle_end
    FROM credits_ledger.settled_account(a.account) s
    WHERE a.next_event_at <= t.now
) c
CROSS JOIN LATERAL (
    SELECT c.cycle_start AS period_start, c.cycle_end AS period_end WHERE b.period = 'cycle'
    UNION ALL
    SELECT p.period_start, p.period_end
    FROM credits_ledger.budget_period(b.period, a.time_zone, t.now) p
    WHERE b.period <> 'cycle'
) p
LEFT JOIN LATERAL (
    SELECT x.actor, sum(x.used) AS used
    FROM (
        SELECT u.actor, u.used
        FROM credits_ledger.budget_use u
        WHERE u.account = b.account AND u.budget = b.budget
          AND CASE b.period
                  WHEN 'cycle' THEN u.cycle = c.cycle
                  ELSE u.period_start = p.period_start
              END
        UNION ALL
        SELECT
            CASE WHEN b.actor = '*' THEN coalesce(h.actor, '') ELSE '' END,
            h.headroom + (SELECT coalesce(sum(part), 0) FROM unnest(h.amounts) part)
        FROM credits_ledger.holds h
        WHERE h.account = b.account AND h.lapses_at > t.now
          AND (b.feature IS NULL OR h.feature = b.feature)
          AND (b.actor IS NULL OR b.actor = '*' OR h.actor = b.actor)
          AND CASE b.period
                  WHEN 'cycle' THEN h.cycle = c.cycle
                  ELSE h.made_at >= p.period_start
              END
    ) x
    GROUP BY x.actor
) u ON true;

-- The newest version of each pack, which counts for whoever buys now.
CREATE VIEW @extschema@.credits_packs AS
SELECT
    p.pack,
    p.credits,
    p.price,
    p.currency,
    p.minimum_price,
    p.version,
    p.defined_at,
    p.defined_by
FROM credits_ledger.packs p
WHERE NOT EXISTS (SELECT FROM credits_ledger.packs n WHERE n.pack = p.pack AND n.version > p.version);

CREATE VIEW @extschema@.credits_auto_recharges AS
SELECT
    r.account,
    r.threshold,
    r.pack,
    r.trigger,
    r.measure,
    r.max_packs,
    r.monthly_limit,
    r.payment_method,
    r.enabled,
    CASE WHEN r.suspended THEN 'suspended' WHEN r.enabled THEN 'active' ELSE 'disabled' END AS status,
    r.failures,
    r.last_error_code,
    r.last_error
FROM credits_ledger.auto_recharges r;

CREATE VIEW @extschema@.credits_recharges AS
SELECT
    r.account,
    r.recharge,
    r.status,
    r.quantity,
    r.credits,
    r.price,
    r.currency,
    r.attempts,
    r.last_error_code,
    r.last_error,
    r.due_at                                                        AS next_attempt_at,
    r.payment_ref,
    r.requested_at,
    r.settled_at,
    r.pack,
    r.payment_method,
    r.payment_key                                                   AS payment_idempotency_key,
    r.credited_by                                                   AS entry
FROM credits_ledger.recharges r;

CREATE VIEW @extschema@.credits_events AS
SELECT
    e.account,
    e.event,
    e.type,
    e.payload,
    e.entry,
    e.occurred_at,
    e.acknowledged_at,
    e.leased_until
FROM credits_ledger.events e;

-- What every account has without setting anything is told here with its own condition, unless a row says otherwise.
CREATE VIEW @extschema@.credits_alerts AS
SELECT
    a.account,
    n.alert,
    s.below,
    CASE WHEN s.alert IS NULL THEN n.used_percent ELSE s.used_percent END AS used_percent,
    CASE WHEN s.alert IS NULL THEN n.only_if_on_pace ELSE s.only_if_on_pace END AS only_if_on_pace,
    CASE WHEN s.alert IS NULL THEN true ELSE s.enabled END          AS enabled,
    s.fired_at
FROM credits_ledger.accounts a
CROSS JOIN (
    VALUES ('exhausted', NULL::numeric, false), ('low', 75, true)
) AS n(alert, used_percent, only_if_on_pace)
LEFT JOIN credits_ledger.alerts s ON s.account = a.account AND s.alert = n.alert
UNION ALL
SELECT s.account, s.alert, s.below, s.used_percent, s.only_if_on_pace, s.enabled, s.fired_at
FROM credits_ledger.alerts s
WHERE s.alert NOT IN ('exhausted', 'low');
