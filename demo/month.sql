SET timezone = 'Europe/Berlin';
CREATE EXTENSION credits_ledger;

-- Lumen Labs writes with our AI service. Its plan includes 1,000 credits a month; a fifth of what it leaves
-- unused rolls over. The clock is simulated: it is the last of January.
SET credits_ledger.now = '2026-01-31 00:00';
SELECT account, allowance, available, cycle_start, cycle_end
FROM credits_open_account('lumen', allowance => 1000, anchor => '2026-01-31 00:00',
                          time_zone => 'Europe/Berlin', rollover_percent => 20);

-- A welcome gift that is good for 30 days, and a pack that they buy.
SET credits_ledger.now = '2026-02-02 10:00';
SELECT entry, operation, amount, balance
FROM credits_grant('lumen', 50, 'welcome', kind => 'welcome', expires_in => '30 days');
SELECT entry, operation, amount, balance
FROM credits_grant('lumen', 500, 'order-1001', kind => 'purchase', price => 20.00, currency => 'EUR',
                   payment_ref => 'pay_8d1f');

-- Work. Each debit takes from the allowance while there is any.
SET credits_ledger.now = '2026-02-10 15:30';
SELECT entry, amount, from_allowance, from_credits, allowance, credits, available
FROM credits_debit('lumen', 640.25, 'request-1', feature => 'draft', actor => 'ada');

-- What would the next debit take? First the rest of the allowance, then the gift, which expires first, then the
-- pack. Asking takes nothing.
SET credits_ledger.now = '2026-02-18 11:05';
SELECT * FROM credits_explain_debit('lumen', 420);

-- And that is what it takes: it crosses from the allowance into credits.
SELECT entry, amount, from_allowance, from_credits, allowance, credits, available
FROM credits_debit('lumen', 420, 'request-2', feature => 'translate', actor => 'grace');

-- More than there is: refused, and nothing happened.
\set ON_ERROR_STOP off
SELECT * FROM credits_debit('lumen', 600, 'request-3', feature => 'draft', actor => 'ada');
\echo SQLSTATE: :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on

-- The answer to request 2 got lost on its way. The application asks again with the same key and gets the same
-- receipt; nothing is taken twice.
SELECT entry, amount, from_allowance, from_credits, available, replayed
FROM credits_debit('lumen', 420, 'request-2', feature => 'translate', actor => 'grace');

-- The month ends by itself: on the last of February there is a new allowance, whether or not anything ran.
SELECT cycle, cycle_start, cycle_end, allowance, credits, available FROM credits_balance('lumen');
SET credits_ledger.now = '2026-02-28 00:00';
SELECT cycle, cycle_start, cycle_end, allowance, credits, available FROM credits_balance('lumen');

-- A quiet March: of the 700 that are left, a fifth rolls over at its end. (The pack is still there.)
SET credits_ledger.now = '2026-03-20 09:00';
SELECT entry, amount, from_allowance, from_credits, available
FROM credits_debit('lumen', 300, 'request-4', feature => 'draft', actor => 'ada');
SET credits_ledger.now = '2026-03-31 08:00';
SELECT cycle, cycle_start, cycle_end, cycles_closed, expired, rolled_over, granted, available
FROM credits_reset_cycle('lumen', 'invoice-2026-04');

-- All that happened, from the first entry on.
SELECT entry, operation, kind, amount, from_allowance, from_credits, balance, effective_at::timestamp(0) AS effective_at
FROM credits_history WHERE account = 'lumen' ORDER BY entry;

-- Where the balance is, lot by lot.
SELECT lot, kind, amount, remaining, status, expires_at::timestamp(0) AS expires_at
FROM credits_grants WHERE account = 'lumen' ORDER BY lot;

-- The closed cycles, and the use by feature.
SELECT cycle, cycle_start::date, cycle_end::date, granted, used, rolled_over, expired FROM credits_cycles
WHERE account = 'lumen' ORDER BY cycle;
SELECT cycle, feature, operations, credits, from_allowance, from_credits FROM credits_usage_by_cycle
WHERE account = 'lumen' ORDER BY cycle, feature;

-- Does everything add up, and is the hash chain whole? Each problem would be a row.
\pset footer on
SELECT * FROM credits_verify();
