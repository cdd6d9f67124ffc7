-- What \d+ shows of the storage.

-- Schema and tables

COMMENT ON SCHEMA credits_ledger IS
'Storage of the extension credits_ledger. Not for applications: call the credits_* functions, read the
credits_* views.';
COMMENT ON TABLE credits_ledger.accounts IS
'One row per account: its settings, its balances after the newest entry, its running cycle. Every operation
locks this row first. Read it through the view credits_accounts, which also shows what time has done since.';
COMMENT ON COLUMN credits_ledger.accounts.account IS 'Name of the account, compared bytewise.';
COMMENT ON COLUMN credits_ledger.accounts.next_event_at IS
'Lower bound of the next instant at which time changes anything; infinity where nothing is to come.';
COMMENT ON COLUMN credits_ledger.accounts.opened_at IS 'When the account was opened.';
COMMENT ON COLUMN credits_ledger.accounts.cycle_start IS 'Start of the running cycle.';
COMMENT ON COLUMN credits_ledger.accounts.cycle_end IS
'End of the running cycle, fixed when it began; NULL on a manual account.';
COMMENT ON COLUMN credits_ledger.accounts.anchor IS 'Boundary 0 of the series of cycle boundaries.';
COMMENT ON COLUMN credits_ledger.accounts.cycle_length IS
'Length of a cycle, added in local time; 0 for a manual account.';
COMMENT ON COLUMN credits_ledger.accounts.cycle_allowance IS 'Setting: the allowance of each cycle, in credits.';
COMMENT ON COLUMN credits_ledger.accounts.rollover_percent IS
'Setting: how much of an unused allowance rolls over, 0 to 100.';
COMMENT ON COLUMN credits_ledger.accounts.rollover_max IS
'Setting: bound on all living rollover together, in credits; NULL for none.';
COMMENT ON COLUMN credits_ledger.accounts.overdraft_limit IS 'Setting: how much debt a debit may leave, in credits.';
COMMENT ON COLUMN credits_ledger.accounts.time_zone IS 'Setting: the time zone in which cycles are counted.';
COMMENT ON COLUMN credits_ledger.accounts.debt_policy IS 'Setting: repay, forgive_at_reset or invoice_at_reset.';
COMMENT ON COLUMN credits_ledger.accounts.status IS 'open, frozen or closed.';
COMMENT ON COLUMN credits_ledger.accounts.opened_by_grant IS
'True while the account has only the defaults under which a grant opened it.';
COMMENT ON COLUMN credits_ledger.accounts.head_is_allowance IS
'Whether the head lot counts as allowance (kinds allowance and rollover).';
COMMENT ON COLUMN credits_ledger.accounts.head_lot IS
'The lot from which debits are now taken; NULL where none has anything left.';
COMMENT ON COLUMN credits_ledger.accounts.lots IS 'How many lots the account has had; the number of the newest one.';
COMMENT ON COLUMN credits_ledger.accounts.cycle IS 'Number of the running cycle; on a closed account, of the last one.';
COMMENT ON COLUMN credits_ledger.accounts.entry IS
'Number of the newest entry. Rises with every keyed outcome, so it is the row''s version.';
COMMENT ON COLUMN credits_ledger.accounts.recorded_at IS
'When the newest entry was recorded; the clock of this account never goes behind it.';
COMMENT ON COLUMN credits_ledger.accounts.granted IS 'Allowance granted in the running cycle.';
COMMENT ON COLUMN credits_ledger.accounts.allowance IS
'What is left in allowance and rollover lots, without what is held.';
COMMENT ON COLUMN credits_ledger.accounts.credits IS 'What is left in all other lots, without what is held.';
COMMENT ON COLUMN credits_ledger.accounts.held IS 'What is held.';
COMMENT ON COLUMN credits_ledger.accounts.debt IS 'What was drawn past zero and not yet repaid, forgiven or invoiced.';
COMMENT ON COLUMN credits_ledger.accounts.reserved IS
'The part of allowance + credits that lies in lots restricted to features.';
COMMENT ON COLUMN credits_ledger.accounts.used IS 'What debits have drawn in the running cycle.';
COMMENT ON COLUMN credits_ledger.accounts.head_remaining IS
'What is left in the head lot; the lot''s own row has the figure from when it became the head.';
COMMENT ON COLUMN credits_ledger.accounts.hash IS 'Hash of the newest entry: the end of the account''s chain.';
COMMENT ON COLUMN credits_ledger.accounts.opened_with IS
'The settings the account was opened with, to recognise the same call again.';
COMMENT ON COLUMN credits_ledger.accounts.metadata IS 'What the application keeps with the account.';
COMMENT ON TABLE credits_ledger.entries IS
'The ledger: one row per operation, numbered 1, 2, 3 … within the account, never changed and never removed
(LC013); credits_redact alone erases actor, resource and metadata. Read it through the view credits_history.';
COMMENT ON COLUMN credits_ledger.entries.account IS 'The account.';
COMMENT ON COLUMN credits_ledger.entries.entry IS 'Number of the entry within the account, without gaps.';
COMMENT ON COLUMN credits_ledger.entries.recorded_at IS 'When it was recorded; never falls from one entry to the next.';
COMMENT ON COLUMN credits_ledger.entries.effective_at IS
'When it took effect, where time made it; NULL means at recorded_at.';
COMMENT ON COLUMN credits_ledger.entries.request IS
'Digest of what the caller passed, to tell a replay from another request; NULL where there is no key.';
COMMENT ON COLUMN credits_ledger.entries.cycle IS 'The cycle in which it happened.';
COMMENT ON COLUMN credits_ledger.entries.lot IS 'The lot that moved, where just one did.';
COMMENT ON COLUMN credits_ledger.entries.operation IS 'What happened: open, grant, debit, expire …';
COMMENT ON COLUMN credits_ledger.entries.idempotency_key IS
'The caller''s key; NULL on entries made by time and on configuration.';
COMMENT ON COLUMN credits_ledger.entries.amount IS 'What was applied, as the receipt says.';
COMMENT ON COLUMN credits_ledger.entries.allowance_change IS 'Change of allowance.';
COMMENT ON COLUMN credits_ledger.entries.credits_change IS 'Change of credits.';
COMMENT ON COLUMN credits_ledger.entries.debt_change IS
'Change of debt: positive drawn, negative repaid, forgiven or invoiced.';
COMMENT ON COLUMN credits_ledger.entries.allowance IS 'allowance after this entry.';
COMMENT ON COLUMN credits_ledger.entries.credits IS 'credits after this entry.';
COMMENT ON COLUMN credits_ledger.entries.held IS 'held after this entry.';
COMMENT ON COLUMN credits_ledger.entries.debt IS 'debt after this entry.';
COMMENT ON COLUMN credits_ledger.entries.reserved IS
'reserved after this entry: the part of allowance + credits in lots restricted to features.';
COMMENT ON COLUMN credits_ledger.entries.used IS 'What debits had drawn in the cycle after this entry.';
COMMENT ON COLUMN credits_ledger.entries.recorded_by IS 'The role that called.';
COMMENT ON COLUMN credits_ledger.entries.hash IS 'SHA-256 over the previous entry''s hash and all columns of this one.';
COMMENT ON COLUMN credits_ledger.entries.kind IS 'Kind of the lot that it is about.';
COMMENT ON COLUMN credits_ledger.entries.feature IS 'The feature that was used, as the caller named it.';
COMMENT ON COLUMN credits_ledger.entries.actor IS 'Who or what used it; erased by credits_redact.';
COMMENT ON COLUMN credits_ledger.entries.resource IS 'What it was used on; erased by credits_redact.';
COMMENT ON COLUMN credits_ledger.entries.quantity IS 'Units of the feature, where given.';
COMMENT ON COLUMN credits_ledger.entries.included IS 'Units of the feature that included units covered.';
COMMENT ON COLUMN credits_ledger.entries.refers_to IS 'Number of the entry that this one is about.';
COMMENT ON COLUMN credits_ledger.entries.reason IS 'Why, in the caller''s words.';
COMMENT ON COLUMN credits_ledger.entries.moved_lots IS 'The lots that moved, where it was not just one.';
COMMENT ON COLUMN credits_ledger.entries.moved_amounts IS 'By how much each of moved_lots moved.';
COMMENT ON COLUMN credits_ledger.entries.detail IS 'Settings of open and configure, result of reset.';
COMMENT ON COLUMN credits_ledger.entries.clock_was_set IS 'True where credits_ledger.now replaced the clock.';
COMMENT ON COLUMN credits_ledger.entries.metadata IS
'What the application keeps with the entry; erased by credits_redact.';
COMMENT ON COLUMN credits_ledger.entries.salt IS 'Makes the digest of actor, resource and metadata unguessable.';
COMMENT ON COLUMN credits_ledger.entries.redacted IS
'The digest of actor, resource and metadata, kept once they were erased.';
COMMENT ON TABLE credits_ledger.lots IS
'One row per lot: credits granted together, with one kind, priority, restriction and expiry. Read it through
the view credits_grants.';
COMMENT ON COLUMN credits_ledger.lots.account IS 'The account.';
COMMENT ON COLUMN credits_ledger.lots.lot IS 'Number of the lot within the account.';
COMMENT ON COLUMN credits_ledger.lots.entry IS 'The entry that made it.';
COMMENT ON COLUMN credits_ledger.lots.effective_at IS 'From when it can be spent.';
COMMENT ON COLUMN credits_ledger.lots.expires_at IS
'When it expires; for lots that expire by cycle that cycle''s end as now foreseen; NULL where it has no date.';
COMMENT ON COLUMN credits_ledger.lots.burn_at IS 'Third key of the burn order: soonest expiry first.';
COMMENT ON COLUMN credits_ledger.lots.burn_rank IS
'First and second key of the burn order: kind and priority, then restricted before unrestricted.';
COMMENT ON COLUMN credits_ledger.lots.cycle IS 'The cycle in which it became effective.';
COMMENT ON COLUMN credits_ledger.lots.expires_cycle IS
'It expires at the end of this cycle; NULL where it expires by date or never.';
COMMENT ON COLUMN credits_ledger.lots.expires_after_cycles IS
'How many cycles it lasts, the one in which it becomes effective counted; NULL where not by cycle.';
COMMENT ON COLUMN credits_ledger.lots.priority IS
'Priority among lots that are not allowance or rollover: lower is spent first.';
COMMENT ON COLUMN credits_ledger.lots.open IS 'Whether it still matters: scheduled, or something remains or is held.';
COMMENT ON COLUMN credits_ledger.lots.status IS 'scheduled, active, expired or voided.';
COMMENT ON COLUMN credits_ledger.lots.kind IS
'allowance, rollover, purchase, promo, welcome, trial, bonus, adjustment or refund.';
COMMENT ON COLUMN credits_ledger.lots.amount IS 'What was granted, in credits.';
COMMENT ON COLUMN credits_ledger.lots.remaining IS
'What remains, without what is held; for the account''s head lot see accounts.head_remaining.';
COMMENT ON COLUMN credits_ledger.lots.held IS 'What is held of it.';
COMMENT ON COLUMN credits_ledger.lots.price IS 'What was paid for it, in currency.';
COMMENT ON COLUMN credits_ledger.lots.currency IS 'Three capital letters.';
COMMENT ON COLUMN credits_ledger.lots.payment_ref IS 'The payment provider''s reference; credited once per account.';
COMMENT ON COLUMN credits_ledger.lots.features IS 'The features that may spend it; NULL for all.';
COMMENT ON TABLE credits_ledger.cycles IS
'One row per closed cycle, never changed. The running cycle is in accounts. Read both through the view credits_cycles.';
COMMENT ON COLUMN credits_ledger.cycles.account IS 'The account.';
COMMENT ON COLUMN credits_ledger.cycles.cycle IS 'Number of the cycle.';
COMMENT ON COLUMN credits_ledger.cycles.cycle_start IS 'When it began.';
COMMENT ON COLUMN credits_ledger.cycles.cycle_end IS 'When it ended.';
COMMENT ON COLUMN credits_ledger.cycles.closed_at IS 'When its end was recorded.';
COMMENT ON COLUMN credits_ledger.cycles.granted IS 'Allowance granted in it.';
COMMENT ON COLUMN credits_ledger.cycles.used IS 'What debits drew in it.';
COMMENT ON COLUMN credits_ledger.cycles.rolled_over IS 'What rolled over into the next cycle.';
COMMENT ON COLUMN credits_ledger.cycles.expired IS 'Allowance and rollover that expired at its end.';
COMMENT ON COLUMN credits_ledger.cycles.debt_forgiven IS 'Debt written off at its end.';
COMMENT ON COLUMN credits_ledger.cycles.debt_invoiced IS 'Debt taken off the account at its end, to be billed.';
COMMENT ON COLUMN credits_ledger.cycles.foreseen_end IS
'Its end as it was known while it ran; NULL where the account was a manual one.';
COMMENT ON COLUMN credits_ledger.cycles.entry IS 'Number of the account''s newest entry when it was closed.';
COMMENT ON COLUMN credits_ledger.cycles.hash IS
'SHA-256 of the row and of the hash of that entry: a later edit shows.';

COMMENT ON TABLE credits_ledger.settings IS
'What accounts were set to: one row per entry that opened, configured, froze, unfroze or closed an account, never changed. For questions about the past.';
COMMENT ON COLUMN credits_ledger.settings.account IS 'The account.';
COMMENT ON COLUMN credits_ledger.settings.entry IS 'The entry from which on it was set so.';
COMMENT ON COLUMN credits_ledger.settings.status IS 'open, frozen or closed.';
COMMENT ON COLUMN credits_ledger.settings.overdraft_limit IS 'How far debits could go into debt.';

-- Constraints and indexes

COMMENT ON CONSTRAINT lots_never_past_zero ON credits_ledger.lots IS
'The last line of defence: no lot is ever below zero.';
COMMENT ON INDEX credits_ledger.accounts_pkey IS 'Accounts by name.';
COMMENT ON INDEX credits_ledger.accounts_next_event IS
'Accounts for which time has something to do, for credits_maintain and the views.';
COMMENT ON INDEX credits_ledger.entries_pkey IS 'Entries by account and number; read backwards for a page of history.';
COMMENT ON INDEX credits_ledger.entries_idempotency_key IS
'Replays: a key is used once per account, over all operations.';
COMMENT ON INDEX credits_ledger.settings_pkey IS 'What an account was set to, by account and entry.';
COMMENT ON INDEX credits_ledger.lots_pkey IS 'Lots by account and number.';
COMMENT ON INDEX credits_ledger.lots_burn_order IS
'The lots that still matter, in the order in which debits take them.';
COMMENT ON INDEX credits_ledger.lots_payment_ref IS 'A payment is credited once per account.';
COMMENT ON INDEX credits_ledger.cycles_pkey IS 'Closed cycles by account and number.';
