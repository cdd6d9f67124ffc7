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
COMMENT ON COLUMN credits_ledger.accounts.cycle_allowance IS
'Setting: the account''s own allowance of each cycle, in credits; those of its plans come on top of it.';
COMMENT ON COLUMN credits_ledger.accounts.rollover_percent IS
'Setting: how much of what is unused of the account''s own allowance rolls over, 0 to 100.';
COMMENT ON COLUMN credits_ledger.accounts.rollover_max IS
'Setting: bound on all living rollover of the account''s own allowance together, in credits; NULL for none.';
COMMENT ON COLUMN credits_ledger.accounts.overdraft_limit IS
'Setting: how much debt a debit may leave, headroom that open holds reserve counted, in credits.';
COMMENT ON COLUMN credits_ledger.accounts.time_zone IS 'Setting: the time zone in which cycles are counted.';
COMMENT ON COLUMN credits_ledger.accounts.debt_policy IS 'Setting: repay, forgive_at_reset or invoice_at_reset.';
COMMENT ON COLUMN credits_ledger.accounts.status IS 'open, frozen or closed.';
COMMENT ON COLUMN credits_ledger.accounts.opened_by_grant IS
'True while the account has only the defaults under which a grant opened it.';
COMMENT ON COLUMN credits_ledger.accounts.extras IS
'Which tables have rows of the account, as a sum: 1 subscriptions, 2 switches, 4 meters, 8 budgets, 16 holds, 32 debts,
64 auto_recharges. A debit on an account with 0 reads none of them.';
COMMENT ON COLUMN credits_ledger.accounts.head_is_allowance IS
'Whether the head lot counts as allowance (kinds allowance and rollover).';
COMMENT ON COLUMN credits_ledger.accounts.head_lot IS
'The lot from which debits are now taken; NULL where none has anything left.';
COMMENT ON COLUMN credits_ledger.accounts.lots IS 'How many lots the account has had; the number of the newest one.';
COMMENT ON COLUMN credits_ledger.accounts.cycle IS
'Number of the running cycle; on a closed account, of the last one.';
COMMENT ON COLUMN credits_ledger.accounts.entry IS
'Number of the newest entry. Rises with every keyed outcome, so it is the row''s version.';
COMMENT ON COLUMN credits_ledger.accounts.recorded_at IS
'When the newest entry was recorded; the clock of this account never goes behind it.';
COMMENT ON COLUMN credits_ledger.accounts.granted IS
'Allowance granted in the running cycle, by the account''s own setting and by its plans; trials are not in it.';
COMMENT ON COLUMN credits_ledger.accounts.expired IS
'Allowance and rollover that expired in the running cycle before its end: with a change of plan, or where a hold gave
back what had expired meanwhile.';
COMMENT ON COLUMN credits_ledger.accounts.allowance IS
'What is left in allowance and rollover lots, without what is held.';
COMMENT ON COLUMN credits_ledger.accounts.credits IS 'What is left in all other lots, without what is held.';
COMMENT ON COLUMN credits_ledger.accounts.held IS
'What open holds set aside of lots; overdraft headroom that they reserve is in headroom.';
COMMENT ON COLUMN credits_ledger.accounts.debt IS
'What was drawn past zero and not yet repaid, forgiven or invoiced.';
COMMENT ON COLUMN credits_ledger.accounts.reserved IS
'The part of allowance + credits that lies in lots restricted to features.';
COMMENT ON COLUMN credits_ledger.accounts.used IS
'What debits, charges and captures have drawn in the running cycle; what is held is not in it.';
COMMENT ON COLUMN credits_ledger.accounts.headroom IS
'The part of overdraft_limit that open holds reserve: no debt yet, and not for others to draw.';
COMMENT ON COLUMN credits_ledger.accounts.head_remaining IS
'What is left in the head lot, without what is held; the lot''s own row has the figure from when it became the head.';
COMMENT ON COLUMN credits_ledger.accounts.head_held IS
'What is held of the head lot; the lot''s own row has the figure from when it became the head.';
COMMENT ON COLUMN credits_ledger.accounts.hash IS 'Hash of the newest entry: the end of the account''s chain.';
COMMENT ON COLUMN credits_ledger.accounts.opened_with IS
'The settings the account was opened with, to recognise the same call again.';
COMMENT ON COLUMN credits_ledger.accounts.metadata IS 'What the application keeps with the account.';
COMMENT ON COLUMN credits_ledger.accounts.events IS
'How many events there have been of the account; the number of the newest one.';
COMMENT ON COLUMN credits_ledger.accounts.recharge_at IS
'The level of available − debt at or below which it has to be looked at whether to ask for a recharge; NULL: at none.';
COMMENT ON COLUMN credits_ledger.accounts.alert_at IS
'The same for alerts.';
COMMENT ON TABLE credits_ledger.entries IS
'The ledger: one row per operation, numbered 1, 2, 3 … within the account, never changed and never removed
(LC013); credits_redact alone erases actor, resource and metadata. Read it through the view credits_history.';
COMMENT ON COLUMN credits_ledger.entries.account IS 'The account.';
COMMENT ON COLUMN credits_ledger.entries.entry IS 'Number of the entry within the account, without gaps.';
COMMENT ON COLUMN credits_ledger.entries.recorded_at IS
'When it was recorded; never falls from one entry to the next.';
COMMENT ON COLUMN credits_ledger.entries.effective_at IS
'When it took effect, where time made it; NULL means at recorded_at.';
COMMENT ON COLUMN credits_ledger.entries.request IS
'Digest of what the caller passed, to tell a replay from another request; NULL where there is no key.';
COMMENT ON COLUMN credits_ledger.entries.cycle IS 'The cycle in which it happened.';
COMMENT ON COLUMN credits_ledger.entries.lot IS 'The lot that moved, where just one did.';
COMMENT ON COLUMN credits_ledger.entries.operation IS
'What happened: open, grant, schedule, purchase, recharge, debit, charge, hold, capture, release, extend, subscribe,
change_plan, set_seats, unsubscribe, reset, redact, configure, freeze, unfreeze, close; or, made by time, allowance,
rollover, expire, lapse, forgive, invoice.';
COMMENT ON COLUMN credits_ledger.entries.idempotency_key IS
'The caller''s key; NULL on entries made by time and on configuration.';
COMMENT ON COLUMN credits_ledger.entries.amount IS 'What was applied, as the receipt says.';
COMMENT ON COLUMN credits_ledger.entries.allowance_change IS
'Change of allowance: of what is left in allowance and rollover lots, without what is held.';
COMMENT ON COLUMN credits_ledger.entries.credits_change IS
'Change of credits: of what is left in all other lots, without what is held.';
COMMENT ON COLUMN credits_ledger.entries.held_allowance_change IS
'Change of what is held of allowance and rollover lots; NULL: 0.';
COMMENT ON COLUMN credits_ledger.entries.held_credits_change IS 'Change of what is held of all other lots; NULL: 0.';
COMMENT ON COLUMN credits_ledger.entries.debt_change IS
'Change of debt: positive drawn, negative repaid, forgiven or invoiced.';
COMMENT ON COLUMN credits_ledger.entries.allowance IS 'allowance after this entry.';
COMMENT ON COLUMN credits_ledger.entries.credits IS 'credits after this entry.';
COMMENT ON COLUMN credits_ledger.entries.held IS 'held after this entry.';
COMMENT ON COLUMN credits_ledger.entries.debt IS 'debt after this entry.';
COMMENT ON COLUMN credits_ledger.entries.reserved IS
'reserved after this entry: the part of allowance + credits in lots restricted to features.';
COMMENT ON COLUMN credits_ledger.entries.used IS
'What debits, charges and captures had drawn in the cycle after this entry.';
COMMENT ON COLUMN credits_ledger.entries.recorded_by IS 'The role that called.';
COMMENT ON COLUMN credits_ledger.entries.hash IS
'SHA-256 over the previous entry''s hash and all columns of this one.';
COMMENT ON COLUMN credits_ledger.entries.kind IS 'Kind of the lot that it is about.';
COMMENT ON COLUMN credits_ledger.entries.feature IS 'The feature that was used, as the caller named it.';
COMMENT ON COLUMN credits_ledger.entries.actor IS 'Who or what used it; erased by credits_redact.';
COMMENT ON COLUMN credits_ledger.entries.resource IS 'What it was used on; erased by credits_redact.';
COMMENT ON COLUMN credits_ledger.entries.quantity IS
'Units of the feature that a charge, or a capture by quantity, was asked for; NULL for everything else.';
COMMENT ON COLUMN credits_ledger.entries.included IS
'Of quantity, the units that the plans'' included units covered; NULL where there is no quantity.';
COMMENT ON COLUMN credits_ledger.entries.refers_to IS
'Number of the entry that this one is about: of a capture, release, extend and lapse, the hold''s.';
COMMENT ON COLUMN credits_ledger.entries.reason IS 'Why, in the caller''s words.';
COMMENT ON COLUMN credits_ledger.entries.moved_lots IS 'The lots that moved, where it was not just one.';
COMMENT ON COLUMN credits_ledger.entries.moved_amounts IS
'By how much what remains in each of moved_lots, without what is held, moved.';
COMMENT ON COLUMN credits_ledger.entries.detail IS
'Settings of open and configure, result of reset; the plan that the entry is about, and the account''s subscriptions
as the entry left them; the switch or budget that was set; what a charge paid for, used and left of packages; when a
hold lapses and the headroom that it reserves; what a capture spent of each held part, and whether it closed the hold.';
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
COMMENT ON COLUMN credits_ledger.lots.held IS
'What open holds set aside of it; for the account''s head lot see accounts.head_held.';
COMMENT ON COLUMN credits_ledger.lots.price IS 'What was paid for it, in currency.';
COMMENT ON COLUMN credits_ledger.lots.currency IS 'Three capital letters.';
COMMENT ON COLUMN credits_ledger.lots.payment_ref IS 'The payment provider''s reference; credited once per account.';
COMMENT ON COLUMN credits_ledger.lots.features IS 'The features that may spend it; NULL for all.';
COMMENT ON COLUMN credits_ledger.lots.plan IS
'The plan whose allowance or trial it is, or rolled over from; NULL for the account''s own allowance and for
everything else.';
COMMENT ON COLUMN credits_ledger.lots.gone IS
'What left it without being spent, or was clawed back after it was: expired, rolled over, voided.';
COMMENT ON COLUMN credits_ledger.lots.revoked IS 'It was voided for good: what returns to it is void.';
COMMENT ON TABLE credits_ledger.cycles IS
'One row per closed cycle, never changed. The running cycle is in accounts. Read both through the view
credits_cycles.';
COMMENT ON COLUMN credits_ledger.cycles.account IS 'The account.';
COMMENT ON COLUMN credits_ledger.cycles.cycle IS 'Number of the cycle.';
COMMENT ON COLUMN credits_ledger.cycles.cycle_start IS 'When it began.';
COMMENT ON COLUMN credits_ledger.cycles.cycle_end IS 'When it ended.';
COMMENT ON COLUMN credits_ledger.cycles.closed_at IS 'When its end was recorded.';
COMMENT ON COLUMN credits_ledger.cycles.granted IS
'Allowance granted in it, by the account''s own setting and by its plans; trials are not in it.';
COMMENT ON COLUMN credits_ledger.cycles.used IS 'What debits, charges and captures drew in it.';
COMMENT ON COLUMN credits_ledger.cycles.rolled_over IS 'What rolled over into the next cycle.';
COMMENT ON COLUMN credits_ledger.cycles.expired IS
'Allowance and rollover that expired at its end, or in it: with a change of plan (unused_allowance => ''expire''), or
where a hold gave back what had expired meanwhile.';
COMMENT ON COLUMN credits_ledger.cycles.debt_forgiven IS 'Debt written off at its end.';
COMMENT ON COLUMN credits_ledger.cycles.debt_invoiced IS 'Debt taken off the account at its end, to be billed.';
COMMENT ON COLUMN credits_ledger.cycles.foreseen_end IS
'Its end as it was known while it ran; NULL where the account was a manual one.';
COMMENT ON COLUMN credits_ledger.cycles.entry IS 'Number of the account''s newest entry when it was closed.';
COMMENT ON COLUMN credits_ledger.cycles.hash IS
'SHA-256 of the row and of the hash of that entry: a later edit shows.';

COMMENT ON TABLE credits_ledger.settings IS
'What accounts were set to: one row per entry that opened, configured, froze, unfroze or closed an account, or changed
its plans; never changed. For questions about the past.';
COMMENT ON COLUMN credits_ledger.settings.account IS 'The account.';
COMMENT ON COLUMN credits_ledger.settings.entry IS 'The entry from which on it was set so.';
COMMENT ON COLUMN credits_ledger.settings.status IS 'open, frozen or closed.';
COMMENT ON COLUMN credits_ledger.settings.overdraft_limit IS 'How far debits could go into debt.';

-- Definitions

COMMENT ON TABLE credits_ledger.plans IS
'Plans as defined for all accounts: one row per version, never changed. Read the newest ones through the view
credits_plans.';
COMMENT ON COLUMN credits_ledger.plans.plan IS 'Name of the plan, compared bytewise.';
COMMENT ON COLUMN credits_ledger.plans.version IS 'Number of the version within the plan: 1, 2, 3 …';
COMMENT ON COLUMN credits_ledger.plans.defined_at IS
'When it was defined: boundaries and calls at or after this instant go by it.';
COMMENT ON COLUMN credits_ledger.plans.allowance IS 'Credits per cycle; where per_seat, for each seat.';
COMMENT ON COLUMN credits_ledger.plans.per_seat IS 'Whether the allowance is multiplied by the seats.';
COMMENT ON COLUMN credits_ledger.plans.seat_cap IS 'Seats above this number add no allowance; NULL for no cap.';
COMMENT ON COLUMN credits_ledger.plans.rank IS
'Decides when a change of plan takes effect: to a higher or equal rank at once, to a lower one at the cycle''s end.';
COMMENT ON COLUMN credits_ledger.plans.trial IS
'Whether its allowance is given once per account, as a lot of kind trial, and never again.';
COMMENT ON COLUMN credits_ledger.plans.trial_period IS
'How long the trial''s lot lasts; NULL: until conversion, and where the plan is no trial.';
COMMENT ON COLUMN credits_ledger.plans.purchases IS
'Whether an account with this plan may buy credits; one of its plans is enough.';
COMMENT ON COLUMN credits_ledger.plans.rollover_percent IS
'How much of what is unused of its allowance rolls over, 0 to 100.';
COMMENT ON COLUMN credits_ledger.plans.rollover_max IS
'Bound on all living rollover of the plan together, in credits; NULL for none.';
COMMENT ON COLUMN credits_ledger.plans.rollover_cycles IS 'How many cycles what rolled over lives.';
COMMENT ON COLUMN credits_ledger.plans.defined_by IS 'The role that defined it.';
COMMENT ON COLUMN credits_ledger.plans.metadata IS 'What the application keeps with the plan.';
COMMENT ON TABLE credits_ledger.included_units IS
'Units of a feature that a plan includes in each cycle: one row per version, never changed. The newest ones are in
the column included of the view credits_plans.';
COMMENT ON COLUMN credits_ledger.included_units.feature IS 'The feature.';
COMMENT ON COLUMN credits_ledger.included_units.plan IS 'The plan.';
COMMENT ON COLUMN credits_ledger.included_units.version IS
'Number of the version within feature and plan: 1, 2, 3 …';
COMMENT ON COLUMN credits_ledger.included_units.defined_at IS
'When it was defined: cycles that begin at or after this instant go by it.';
COMMENT ON COLUMN credits_ledger.included_units.units IS 'Units per cycle and account; 0: none any more.';
COMMENT ON COLUMN credits_ledger.included_units.defined_by IS 'The role that defined it.';
COMMENT ON TABLE credits_ledger.rates IS
'What features cost: one row per version, never changed. Read those in force and to come through the view
credits_rates.';
COMMENT ON COLUMN credits_ledger.rates.feature IS 'The feature.';
COMMENT ON COLUMN credits_ledger.rates.effective_at IS
'From when it counts, until the next one; of several for one instant the highest version counts.';
COMMENT ON COLUMN credits_ledger.rates.version IS 'Number of the version within the feature: 1, 2, 3 …';
COMMENT ON COLUMN credits_ledger.rates.defined_at IS 'When it was defined.';
COMMENT ON COLUMN credits_ledger.rates.credits IS 'Credits for per_units units, or for a package; 0 where free.';
COMMENT ON COLUMN credits_ledger.rates.per_units IS 'Units that credits pays for.';
COMMENT ON COLUMN credits_ledger.rates.model IS
'per_unit: in proportion to the quantity; package: whole packages of per_units units.';
COMMENT ON COLUMN credits_ledger.rates.free IS 'Whether the feature costs nothing and its charges are not recorded.';
COMMENT ON COLUMN credits_ledger.rates.defined_by IS 'The role that defined it.';

COMMENT ON TABLE credits_ledger.packs IS
'Packs of credits as they are sold: one row per version, never changed. Read the newest ones through the view
credits_packs.';
COMMENT ON COLUMN credits_ledger.packs.pack IS 'Name of the pack, compared bytewise.';
COMMENT ON COLUMN credits_ledger.packs.version IS 'Number of the version within the pack: 1, 2, 3 …';
COMMENT ON COLUMN credits_ledger.packs.defined_at IS
'When it was defined: purchases at or after this instant go by it.';
COMMENT ON COLUMN credits_ledger.packs.credits IS 'Credits that it gives for its price.';
COMMENT ON COLUMN credits_ledger.packs.price IS 'Its price, in currency.';
COMMENT ON COLUMN credits_ledger.packs.currency IS 'Three capital letters.';
COMMENT ON COLUMN credits_ledger.packs.minimum_price IS
'Set: the credits scale with the price paid, which must not be less; NULL: they are the same whatever was paid.';
COMMENT ON COLUMN credits_ledger.packs.defined_by IS 'The role that defined it.';

-- What accounts have of plans, features and budgets

COMMENT ON TABLE credits_ledger.subscriptions IS
'One row per plan that an account ever held: its seats, what is pending, and what it counted for in this cycle,
so that no order of calls grants it twice. Read those held now through the view credits_subscriptions.';
COMMENT ON COLUMN credits_ledger.subscriptions.account IS 'The account.';
COMMENT ON COLUMN credits_ledger.subscriptions.plan IS 'The plan.';
COMMENT ON COLUMN credits_ledger.subscriptions.held IS 'Whether the account holds it now.';
COMMENT ON COLUMN credits_ledger.subscriptions.seats IS 'Its seats, those above the plan''s seat_cap counted.';
COMMENT ON COLUMN credits_ledger.subscriptions.subscribed_at IS 'When it was last taken up.';
COMMENT ON COLUMN credits_ledger.subscriptions.pending_plan IS
'The plan that replaces it when the cycle ends; NULL for none.';
COMMENT ON COLUMN credits_ledger.subscriptions.pending_seats IS
'Its seats from the next cycle on; NULL where they stay.';
COMMENT ON COLUMN credits_ledger.subscriptions.pending_end IS 'Whether it ends when the cycle ends.';
COMMENT ON COLUMN credits_ledger.subscriptions.pending_expire IS
'Whether what is then unused of its allowance expires and does not roll over.';
COMMENT ON COLUMN credits_ledger.subscriptions.cycle IS
'The cycle for which peak_seats, counted and carried hold; in any other they are nothing yet.';
COMMENT ON COLUMN credits_ledger.subscriptions.peak_seats IS
'The most seats that its allowance was granted for in it.';
COMMENT ON COLUMN credits_ledger.subscriptions.counted IS 'Its whole allowance at that number of seats, in credits.';
COMMENT ON COLUMN credits_ledger.subscriptions.carried IS
'What the plans that it replaced at equal rank had counted for, in credits: only what exceeds it is granted.';
COMMENT ON COLUMN credits_ledger.subscriptions.trial_granted IS
'Whether the account has had this plan''s trial, ever.';
COMMENT ON COLUMN credits_ledger.subscriptions.converts IS
'Whether the trial runs, so that a plan that is none starts a cycle.';
COMMENT ON TABLE credits_ledger.switches IS
'One row per feature that was ever switched for an account; any other feature is on. Read it through the view
credits_features.';
COMMENT ON COLUMN credits_ledger.switches.account IS 'The account.';
COMMENT ON COLUMN credits_ledger.switches.feature IS 'The feature.';
COMMENT ON COLUMN credits_ledger.switches.enabled IS 'Whether the account may use it.';
COMMENT ON COLUMN credits_ledger.switches.changed_at IS 'When it was last switched.';
COMMENT ON TABLE credits_ledger.meters IS
'One row per feature of which an account has used included units or bought a package.';
COMMENT ON COLUMN credits_ledger.meters.account IS 'The account.';
COMMENT ON COLUMN credits_ledger.meters.feature IS 'The feature.';
COMMENT ON COLUMN credits_ledger.meters.cycle IS
'The cycle in which included were used; in any other none are used yet.';
COMMENT ON COLUMN credits_ledger.meters.included IS 'Included units used in that cycle.';
COMMENT ON COLUMN credits_ledger.meters.package_left IS
'Units left of packages that were paid for; they outlive cycles and rates.';
COMMENT ON TABLE credits_ledger.budgets IS
'One row per budget of an account. Read it, with what was used, through the view credits_budgets.';
COMMENT ON COLUMN credits_ledger.budgets.account IS 'The account.';
COMMENT ON COLUMN credits_ledger.budgets.budget IS 'Number of the budget within the account.';
COMMENT ON COLUMN credits_ledger.budgets.period IS 'cycle, or hour, day or month in the account''s time zone.';
COMMENT ON COLUMN credits_ledger.budgets.actor IS
'Whose use it limits; ''*'' for each actor on its own, NULL for all together.';
COMMENT ON COLUMN credits_ledger.budgets.feature IS 'The use of which feature it limits; NULL for all together.';
COMMENT ON COLUMN credits_ledger.budgets.budget_limit IS 'Credits that may be drawn in each period.';
COMMENT ON TABLE credits_ledger.budget_use IS
'What was drawn against budgets: one row per budget and, where each actor has its own, actor.';
COMMENT ON COLUMN credits_ledger.budget_use.account IS 'The account.';
COMMENT ON COLUMN credits_ledger.budget_use.budget IS 'Number of the budget within the account.';
COMMENT ON COLUMN credits_ledger.budget_use.actor IS
'The actor; empty for operations without one, and where the budget is not for each actor.';
COMMENT ON COLUMN credits_ledger.budget_use.cycle IS 'The cycle in which it was drawn.';
COMMENT ON COLUMN credits_ledger.budget_use.period_start IS
'Start of the period in which it was drawn; in any later one nothing is drawn yet.';
COMMENT ON COLUMN credits_ledger.budget_use.used IS
'Credits drawn in it, debt included; open holds, which count, too, are in holds.';
COMMENT ON TABLE credits_ledger.holds IS
'One row per hold, named by the entry that made it: what it sets aside of which lots, and what became of it. Read it
through the view credits_holds.';
COMMENT ON COLUMN credits_ledger.holds.account IS 'The account.';
COMMENT ON COLUMN credits_ledger.holds.hold IS 'The entry that made it.';
COMMENT ON COLUMN credits_ledger.holds.lapses_at IS
'When it lapses, while it is open: expires_at; NULL once it is not.';
COMMENT ON COLUMN credits_ledger.holds.expires_at IS 'When it lapses, or would have lapsed, by itself.';
COMMENT ON COLUMN credits_ledger.holds.made_at IS 'When it was made; decides in which budget period it counts.';
COMMENT ON COLUMN credits_ledger.holds.cycle IS 'The cycle in which it was made.';
COMMENT ON COLUMN credits_ledger.holds.status IS 'open, captured, released or lapsed.';
COMMENT ON COLUMN credits_ledger.holds.amount IS 'What was set aside when it was made, headroom included.';
COMMENT ON COLUMN credits_ledger.holds.captured IS 'What captures have drawn so far.';
COMMENT ON COLUMN credits_ledger.holds.headroom IS 'The part of the overdraft limit that it still reserves.';
COMMENT ON COLUMN credits_ledger.holds.lapsed IS
'What it set aside when it lapsed, headroom included: what a capture without an amount then takes.';
COMMENT ON COLUMN credits_ledger.holds.lots IS
'The lots that hold something for it, in the order in which it was taken.';
COMMENT ON COLUMN credits_ledger.holds.amounts IS 'How much each of lots holds for it.';
COMMENT ON COLUMN credits_ledger.holds.feature IS 'The feature that it was made for; NULL where none was named.';
COMMENT ON COLUMN credits_ledger.holds.actor IS
'For whom or what; NULL where none was named or it was erased.';
COMMENT ON TABLE credits_ledger.debts IS
'One row per account that ever had debt. All debt that it drew lies end to end on a line, on which each operation that
drew some has a stretch; this row says what of the line is open.';
COMMENT ON COLUMN credits_ledger.debts.account IS 'The account.';
COMMENT ON COLUMN credits_ledger.debts.drawn IS 'Length of the line: all debt that was ever drawn, in credits.';
COMMENT ON COLUMN credits_ledger.debts.line_starts IS 'Where on the line that begins which is owed, oldest first.';
COMMENT ON COLUMN credits_ledger.debts.line_ends IS 'Where each of these ends.';
COMMENT ON COLUMN credits_ledger.debts.lasting IS
'1 for what a claw-back drew, which no reset forgives or invoices, else 0.';
COMMENT ON TABLE credits_ledger.settlements IS
'What became of debt: one row per stretch of an account''s line of debt that was repaid, invoiced, forgiven or refunded.
A refunded stretch may lie on one that was settled otherwise before.';
COMMENT ON COLUMN credits_ledger.settlements.account IS 'The account.';
COMMENT ON COLUMN credits_ledger.settlements.line_start IS 'Where the stretch begins.';
COMMENT ON COLUMN credits_ledger.settlements.line_end IS 'Where it ends; its length is in credits.';
COMMENT ON COLUMN credits_ledger.settlements.entry IS 'The entry by which it came.';
COMMENT ON COLUMN credits_ledger.settlements.fate IS 'repaid, invoiced, forgiven or refunded.';
COMMENT ON COLUMN credits_ledger.settlements.lot IS 'The lot that repaid it; NULL where it was not repaid.';
COMMENT ON TABLE credits_ledger.refunded IS
'One row per debit, charge, capture or claw-back of which something was refunded.';
COMMENT ON COLUMN credits_ledger.refunded.account IS 'The account.';
COMMENT ON COLUMN credits_ledger.refunded.entry IS 'The entry of which something was refunded.';
COMMENT ON COLUMN credits_ledger.refunded.amount IS 'Credits refunded of it, in all.';
COMMENT ON COLUMN credits_ledger.refunded.quantity IS 'Units refunded of it, in all.';
COMMENT ON TABLE credits_ledger.claw_backs IS
'What was spent of a voided lot and taken back from the account''s other credits, or became debt.';
COMMENT ON COLUMN credits_ledger.claw_backs.account IS 'The account.';
COMMENT ON COLUMN credits_ledger.claw_backs.lot IS 'The voided lot.';
COMMENT ON COLUMN credits_ledger.claw_backs.entry IS 'The entry claw_back.';
COMMENT ON COLUMN credits_ledger.claw_backs.amount IS 'What was spent of the lot and taken back, in credits.';
COMMENT ON COLUMN credits_ledger.claw_backs.returned IS 'What refunds of debits that had spent it have undone of that.';

-- Auto-recharge

COMMENT ON TABLE credits_ledger.auto_recharges IS
'How auto-recharge is set, and how it fares: one row per account that ever had it. Read it through the view
credits_auto_recharges.';
COMMENT ON COLUMN credits_ledger.auto_recharges.account IS 'The account.';
COMMENT ON COLUMN credits_ledger.auto_recharges.threshold IS 'The level that is watched, in credits.';
COMMENT ON COLUMN credits_ledger.auto_recharges.pack IS
'The pack that is bought; its newest version when a request is made.';
COMMENT ON COLUMN credits_ledger.auto_recharges.trigger IS
'below or at_or_below: when the measure is past the threshold.';
COMMENT ON COLUMN credits_ledger.auto_recharges.measure IS
'What is compared with it: available, or credits; always less the debt.';
COMMENT ON COLUMN credits_ledger.auto_recharges.max_packs IS 'At most so many packs in one request.';
COMMENT ON COLUMN credits_ledger.auto_recharges.monthly_limit IS
'At most so much money in a calendar month of the account''s time zone, in the pack''s currency, open requests
counted; NULL for no limit.';
COMMENT ON COLUMN credits_ledger.auto_recharges.payment_method IS 'The payment provider''s name of the saved method.';
COMMENT ON COLUMN credits_ledger.auto_recharges.enabled IS 'Whether requests are made.';
COMMENT ON COLUMN credits_ledger.auto_recharges.suspended IS 'Whether failures have stopped it, until it is resumed.';
COMMENT ON COLUMN credits_ledger.auto_recharges.failures IS 'Recorded failures in a row.';
COMMENT ON COLUMN credits_ledger.auto_recharges.last_error_code IS
'The code of the last failure, until a request is completed.';
COMMENT ON COLUMN credits_ledger.auto_recharges.last_error IS 'Its message.';
COMMENT ON COLUMN credits_ledger.auto_recharges.capped_month IS
'Start of the month of which recharge.capped told; it does so once a month.';
COMMENT ON TABLE credits_ledger.recharges IS
'Requests for money, one row each, at most one of an account open at a time. Read it through the view
credits_recharges.';
COMMENT ON COLUMN credits_ledger.recharges.account IS 'The account.';
COMMENT ON COLUMN credits_ledger.recharges.recharge IS 'Number of the request within the account.';
COMMENT ON COLUMN credits_ledger.recharges.status IS
'open (waiting for a worker), claimed, completed, failed or cancelled.';
COMMENT ON COLUMN credits_ledger.recharges.pack IS 'The pack.';
COMMENT ON COLUMN credits_ledger.recharges.quantity IS 'How many packs.';
COMMENT ON COLUMN credits_ledger.recharges.credits IS 'Credits of all of them.';
COMMENT ON COLUMN credits_ledger.recharges.price IS 'Price of all of them, in currency.';
COMMENT ON COLUMN credits_ledger.recharges.currency IS 'Three capital letters.';
COMMENT ON COLUMN credits_ledger.recharges.attempts IS 'How often it was claimed.';
COMMENT ON COLUMN credits_ledger.recharges.payment_key IS
'The payment provider''s idempotency key: the same until a failure is recorded; NULL before the first claim.';
COMMENT ON COLUMN credits_ledger.recharges.payment_method IS 'The payment method that belongs to that key.';
COMMENT ON COLUMN credits_ledger.recharges.due_at IS
'From when it may be claimed, again where a worker has it; NULL once it is settled.';
COMMENT ON COLUMN credits_ledger.recharges.last_error_code IS 'The code of the last failure that was recorded.';
COMMENT ON COLUMN credits_ledger.recharges.last_error IS 'Its message.';
COMMENT ON COLUMN credits_ledger.recharges.payment_ref IS 'The payment that completed it.';
COMMENT ON COLUMN credits_ledger.recharges.requested_at IS 'When it was made; decides in which month it counts.';
COMMENT ON COLUMN credits_ledger.recharges.settled_at IS
'When it was completed, failed or cancelled; NULL while it is open.';
COMMENT ON COLUMN credits_ledger.recharges.credited_by IS
'The entry that gave the credits: its own, or the purchase that had credited the payment.';

-- Events

COMMENT ON TABLE credits_ledger.events IS
'What applications are told of: one row per event, never removed; only its lease and its acknowledgement change. Read
it through the view credits_events.';
COMMENT ON COLUMN credits_ledger.events.account IS 'The account.';
COMMENT ON COLUMN credits_ledger.events.event IS 'Number of the event within the account, without gaps.';
COMMENT ON COLUMN credits_ledger.events.type IS
'What happened: cycle.closed, lot.expired, account.frozen; recharge.requested, recharge.completed, recharge.failed,
recharge.suspended, recharge.capped; alert.cleared, or alert. and the name of the alert that fired.';
COMMENT ON COLUMN credits_ledger.events.payload IS 'The figures, by type; amounts as text.';
COMMENT ON COLUMN credits_ledger.events.entry IS 'The account''s newest entry when it was written.';
COMMENT ON COLUMN credits_ledger.events.occurred_at IS 'The instant at which it happened.';
COMMENT ON COLUMN credits_ledger.events.leased_until IS
'Until when a consumer has it; then it is handed out again. NULL where it never was, or is acknowledged.';
COMMENT ON COLUMN credits_ledger.events.acknowledged_at IS 'When a consumer was done with it; NULL: it waits.';

-- Alerts

COMMENT ON TABLE credits_ledger.alerts IS
'Alerts of an account that were set, or that have fired; low and exhausted are there without a row. Read it through the
view credits_alerts.';
COMMENT ON COLUMN credits_ledger.alerts.account IS 'The account.';
COMMENT ON COLUMN credits_ledger.alerts.alert IS 'Its name.';
COMMENT ON COLUMN credits_ledger.alerts.below IS 'Condition: less than this is available; NULL: any.';
COMMENT ON COLUMN credits_ledger.alerts.used_percent IS
'Condition: so many percent of used + available are used, or more; NULL: any.';
COMMENT ON COLUMN credits_ledger.alerts.only_if_on_pace IS 'Condition: it runs out before the cycle ends.';
COMMENT ON COLUMN credits_ledger.alerts.enabled IS 'Whether it may fire.';
COMMENT ON COLUMN credits_ledger.alerts.fired_at IS 'Since when its condition has been told; NULL: it is armed.';

-- Constraints and indexes

COMMENT ON CONSTRAINT lots_never_past_zero ON credits_ledger.lots IS
'The last line of defence: no lot is ever below zero.';
COMMENT ON INDEX credits_ledger.accounts_pkey IS 'Accounts by name.';
COMMENT ON INDEX credits_ledger.accounts_next_event IS
'Accounts for which time has something to do, for credits_maintain and the views.';
COMMENT ON INDEX credits_ledger.entries_pkey IS
'Entries by account and number; read backwards for a page of history.';
COMMENT ON INDEX credits_ledger.entries_idempotency_key IS
'Replays: a key is used once per account, over all operations.';
COMMENT ON INDEX credits_ledger.settings_pkey IS 'What an account was set to, by account and entry.';
COMMENT ON INDEX credits_ledger.lots_pkey IS 'Lots by account and number.';
COMMENT ON INDEX credits_ledger.lots_burn_order IS
'The lots that still matter, in the order in which debits take them.';
COMMENT ON INDEX credits_ledger.lots_payment_ref IS 'A payment is credited once per account.';
COMMENT ON INDEX credits_ledger.debts_pkey IS 'Open debt by account.';
COMMENT ON INDEX credits_ledger.settlements_pkey IS
'What became of debt, by account and place on its line: a refund looks up what overlaps its debit''s stretch.';
COMMENT ON INDEX credits_ledger.refunded_pkey IS 'What was refunded, by account and entry.';
COMMENT ON INDEX credits_ledger.claw_backs_pkey IS 'Claw-backs by account and lot.';
COMMENT ON INDEX credits_ledger.cycles_pkey IS 'Closed cycles by account and number.';
COMMENT ON INDEX credits_ledger.plans_pkey IS 'Versions of plans, by plan.';
COMMENT ON INDEX credits_ledger.included_units_pkey IS 'Versions of included units, by feature and plan.';
COMMENT ON INDEX credits_ledger.rates_pkey IS
'Versions of rates, by feature in the order of their effect; read backwards for the one in force.';
COMMENT ON INDEX credits_ledger.rates_feature_version_key IS 'A version is defined once per feature.';
COMMENT ON INDEX credits_ledger.packs_pkey IS 'Versions of packs, by pack.';
COMMENT ON INDEX credits_ledger.subscriptions_pkey IS 'Plans of an account.';
COMMENT ON INDEX credits_ledger.switches_pkey IS 'Switches of an account, by feature.';
COMMENT ON INDEX credits_ledger.meters_pkey IS 'Included units and packages of an account, by feature.';
COMMENT ON INDEX credits_ledger.budgets_pkey IS 'Budgets of an account.';
COMMENT ON INDEX credits_ledger.budgets_actor IS 'Budgets that may concern an actor.';
COMMENT ON INDEX credits_ledger.budget_use_pkey IS 'Use of an account''s budgets, by actor.';
COMMENT ON INDEX credits_ledger.holds_pkey IS 'Holds of an account, by the entry that made them.';
COMMENT ON INDEX credits_ledger.holds_lapse IS 'Open holds of an account, in the order in which they lapse.';
COMMENT ON INDEX credits_ledger.auto_recharges_pkey IS 'Auto-recharge, by account.';
COMMENT ON INDEX credits_ledger.recharges_pkey IS 'Requests of an account, by number.';
COMMENT ON INDEX credits_ledger.recharges_one_open IS 'An account asks for money once at a time.';
COMMENT ON INDEX credits_ledger.recharges_requested IS
'Requests of an account by time, for the limit of a month.';
COMMENT ON INDEX credits_ledger.recharges_due IS 'Requests that workers may claim, the longest due first.';
COMMENT ON INDEX credits_ledger.alerts_pkey IS 'Alerts of an account, by name.';
COMMENT ON INDEX credits_ledger.events_pkey IS 'Events by account and number.';
COMMENT ON INDEX credits_ledger.events_waiting IS 'Events of an account that wait, in their order.';
COMMENT ON INDEX credits_ledger.events_oldest IS 'Events that wait, the oldest first.';
COMMENT ON INDEX credits_ledger.events_leased IS 'Events that a consumer has.';
