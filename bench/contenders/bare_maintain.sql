-- What credits_maintain has to write when a cycle ends, by set-based statements for all accounts at once: the cycle,
-- the expired lot, the new lot, an entry for each, an event for what ended, and the account. No rollover, no debt, no time zones, one cycle.
--
-- psql variable: at (the accounts that are due by then).

BEGIN;

INSERT INTO due.cycles
SELECT account, cycle, cycle_start, next_event_at, cycle_allowance, balance
  FROM due.accounts WHERE next_event_at <= :'at'::timestamptz;

INSERT INTO due.entries (account, entry, effective_at, operation, lot, amount, balance)
SELECT account, entry + 1, next_event_at, 'expire', lots, -balance, 0
  FROM due.accounts WHERE next_event_at <= :'at'::timestamptz;

INSERT INTO due.entries (account, entry, effective_at, operation, lot, amount, balance)
SELECT account, entry + 2, next_event_at, 'allowance', lots + 1, cycle_allowance, cycle_allowance
  FROM due.accounts WHERE next_event_at <= :'at'::timestamptz;

INSERT INTO due.events
SELECT account, 1, 'lot.expired', jsonb_build_object('lot', lots, 'amount', balance::text), entry + 1, next_event_at
  FROM due.accounts WHERE next_event_at <= :'at'::timestamptz
UNION ALL
SELECT account, 2, 'cycle.closed', jsonb_build_object('cycle', cycle, 'granted', cycle_allowance::text), entry + 1,
       next_event_at
  FROM due.accounts WHERE next_event_at <= :'at'::timestamptz;

UPDATE due.lots l SET remaining = 0, open = false
  FROM due.accounts a WHERE a.next_event_at <= :'at'::timestamptz AND l.account = a.account AND l.lot = a.lots;

INSERT INTO due.lots
SELECT account, lots + 1, true, next_event_at + interval '1 month', cycle_allowance, cycle_allowance
  FROM due.accounts WHERE next_event_at <= :'at'::timestamptz;

UPDATE due.accounts
   SET balance = cycle_allowance, entry = entry + 2, lots = lots + 1, cycle = cycle + 1,
       cycle_start = next_event_at, next_event_at = next_event_at + interval '1 month'
 WHERE next_event_at <= :'at'::timestamptz;

COMMIT;
