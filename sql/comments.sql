-- What \d+, \df+ and \dT+ show of the public objects and the functions behind them.

-- Types

COMMENT ON TYPE @extschema@.credits_receipt IS
'What every operation that writes the ledger returns. Amounts are credits, exact to 6 decimals. Always:
balance = allowance + credits + held − debt; for debits, charges and captures amount = from_allowance +
from_credits + overdraft. A replay returns the first call''s receipt with replayed = true.';
COMMENT ON COLUMN @extschema@.credits_receipt.account IS 'The account.';
COMMENT ON COLUMN @extschema@.credits_receipt.entry IS
'Number of the entry within the account; NULL where nothing was recorded (refused, or a free feature).';
COMMENT ON COLUMN @extschema@.credits_receipt.operation IS
'What was done: grant, schedule, purchase, recharge, debit, charge, hold, capture, release, extend, subscribe,
change_plan, set_seats, unsubscribe, redact.';
COMMENT ON COLUMN @extschema@.credits_receipt.idempotency_key IS 'The caller''s key.';
COMMENT ON COLUMN @extschema@.credits_receipt.accepted IS 'False only where on_insufficient => ''refuse'' refused.';
COMMENT ON COLUMN @extschema@.credits_receipt.refused IS 'The LC code of the refusal; NULL where accepted.';
COMMENT ON COLUMN @extschema@.credits_receipt.replayed IS
'True where this is an earlier call''s receipt and nothing was done now.';
COMMENT ON COLUMN @extschema@.credits_receipt.amount IS
'What was applied, in credits: granted, debited, charged, held, captured, given back.';
COMMENT ON COLUMN @extschema@.credits_receipt.from_allowance IS
'What allowance and rollover lots bore (of a hold: what was set aside of them; of a capture, with what had been set
aside) or were given, net of debt repaid.';
COMMENT ON COLUMN @extschema@.credits_receipt.from_credits IS 'The same of all other lots.';
COMMENT ON COLUMN @extschema@.credits_receipt.overdraft IS 'Change of the debt: positive drawn, negative repaid.';
COMMENT ON COLUMN @extschema@.credits_receipt.balance IS 'Afterwards: allowance + credits + held − debt.';
COMMENT ON COLUMN @extschema@.credits_receipt.allowance IS
'Afterwards: what is left of allowance and rollover, without what is held.';
COMMENT ON COLUMN @extschema@.credits_receipt.credits IS
'Afterwards: what is left in all other lots, without what is held.';
COMMENT ON COLUMN @extschema@.credits_receipt.held IS
'Afterwards: what open holds set aside of lots; overdraft headroom that they reserve is not in it.';
COMMENT ON COLUMN @extschema@.credits_receipt.debt IS 'Afterwards: what was drawn past zero.';
COMMENT ON COLUMN @extschema@.credits_receipt.available IS
'Afterwards: what a debit without a feature could take, overdraft left out.';
COMMENT ON COLUMN @extschema@.credits_receipt.included IS
'Units of the charged quantity that the plans'' included units covered, at no cost; units left of a package that
was paid for are not among them. 0 for everything but charges and captures by quantity.';
COMMENT ON COLUMN @extschema@.credits_receipt.refers_to IS
'Number of the entry that this one is about: the hold''s, of a capture, release or extend; else NULL.';
COMMENT ON COLUMN @extschema@.credits_receipt.recorded_at IS 'When it was recorded.';
COMMENT ON TYPE @extschema@.credits_account_balance IS
'What an account has at one instant, time''s effects included. Amounts are credits.';
COMMENT ON COLUMN @extschema@.credits_account_balance.account IS 'The account.';
COMMENT ON COLUMN @extschema@.credits_account_balance.status IS 'open, frozen or closed.';
COMMENT ON COLUMN @extschema@.credits_account_balance.balance IS 'allowance + credits + held − debt.';
COMMENT ON COLUMN @extschema@.credits_account_balance.allowance IS
'What is left of allowance and rollover, without what is held.';
COMMENT ON COLUMN @extschema@.credits_account_balance.credits IS
'What is left in all other lots, without what is held.';
COMMENT ON COLUMN @extschema@.credits_account_balance.held IS
'What open holds set aside of lots; overdraft headroom that they reserve is not in it.';
COMMENT ON COLUMN @extschema@.credits_account_balance.debt IS 'What was drawn past zero.';
COMMENT ON COLUMN @extschema@.credits_account_balance.available IS
'What a debit without a feature could take now, overdraft left out.';
COMMENT ON COLUMN @extschema@.credits_account_balance.allowance_granted IS
'Allowance granted in the running cycle, by the account''s own setting and by its plans; trials are not in it.';
COMMENT ON COLUMN @extschema@.credits_account_balance.used IS
'What debits, charges and captures have drawn in the running cycle; what is held is not in it.';
COMMENT ON COLUMN @extschema@.credits_account_balance.overdraft_limit IS
'How much debt a debit may leave, headroom that open holds reserve counted.';
COMMENT ON COLUMN @extschema@.credits_account_balance.cycle IS 'Number of the running cycle.';
COMMENT ON COLUMN @extschema@.credits_account_balance.cycle_start IS 'When it began.';
COMMENT ON COLUMN @extschema@.credits_account_balance.cycle_end IS 'When it will end; NULL on a manual account.';
COMMENT ON COLUMN @extschema@.credits_account_balance.entry IS 'Number of the newest recorded entry.';
COMMENT ON COLUMN @extschema@.credits_account_balance.as_of IS 'The instant for which all this holds.';
COMMENT ON TYPE @extschema@.credits_cycle_result IS
'What credits_reset_cycle did. expired to debt_invoiced are totals over the cycles that this call closed.';
COMMENT ON COLUMN @extschema@.credits_cycle_result.account IS 'The account.';
COMMENT ON COLUMN @extschema@.credits_cycle_result.cycle IS 'Number of the cycle that runs afterwards.';
COMMENT ON COLUMN @extschema@.credits_cycle_result.cycle_start IS 'When it began.';
COMMENT ON COLUMN @extschema@.credits_cycle_result.cycle_end IS 'When it will end; NULL on a manual account.';
COMMENT ON COLUMN @extschema@.credits_cycle_result.cycles_closed IS
'How many cycles this call closed; 0 where nothing was due.';
COMMENT ON COLUMN @extschema@.credits_cycle_result.expired IS
'Allowance and rollover that expired as these cycles closed.';
COMMENT ON COLUMN @extschema@.credits_cycle_result.rolled_over IS 'Allowance that rolled over.';
COMMENT ON COLUMN @extschema@.credits_cycle_result.granted IS
'New allowance granted, by the account''s own setting and by its plans.';
COMMENT ON COLUMN @extschema@.credits_cycle_result.debt_forgiven IS 'Debt written off.';
COMMENT ON COLUMN @extschema@.credits_cycle_result.debt_invoiced IS 'Debt taken off the account, to be billed.';
COMMENT ON COLUMN @extschema@.credits_cycle_result.balance IS 'Afterwards: allowance + credits + held − debt.';
COMMENT ON COLUMN @extschema@.credits_cycle_result.allowance IS 'Afterwards: what is left of allowance and rollover.';
COMMENT ON COLUMN @extschema@.credits_cycle_result.credits IS 'Afterwards: what is left in all other lots.';
COMMENT ON COLUMN @extschema@.credits_cycle_result.available IS
'Afterwards: what a debit without a feature could take.';
COMMENT ON COLUMN @extschema@.credits_cycle_result.replayed IS
'True where this is an earlier call''s result and nothing was done now.';

-- Functions: accounts

COMMENT ON FUNCTION @extschema@.credits_open_account IS
'Opens an account with an allowance per cycle and grants the first one at once. This allowance is the account''s
own; those of its plans come on top of it. cycle_length 0 makes a manual account, whose cycles end only by
credits_reset_cycle; anchor (default now) is the boundary from which cycles are counted in time_zone;
rollover_percent of an unused allowance, at most rollover_max, lives one more cycle; debits may go into debt
down to overdraft_limit; debt_policy is repay, forgive_at_reset or invoice_at_reset.
Opening again with the same settings changes nothing; an account that a grant opened takes them once.
Errors: LC004 allowance, rollover_max or overdraft_limit cannot be; LC005 another argument cannot be, or the
account is open with other settings; LC011 closed.
Example: SELECT * FROM credits_open_account(''acme'', allowance => 1000, rollover_percent => 50);';
COMMENT ON FUNCTION @extschema@.credits_configure_account IS
'Changes settings of an account: NULL leaves one as it is, clear names those to set back to their defaults
(ARRAY[''rollover_max'']). A changed allowance counts from the next cycle; a changed anchor, length or time
zone from the end of the running one. What changes nothing records nothing.
Errors: LC002 unknown account; LC004, LC005 a setting cannot be, or is both given and cleared; LC011 closed.
Example: SELECT * FROM credits_configure_account(''acme'', overdraft_limit => 100);';
COMMENT ON FUNCTION @extschema@.credits_freeze_account IS
'Freezes an account: debits, charges, holds and new subscriptions are refused (LC011) until
credits_unfreeze_account. Grants, captures, releases and extensions of holds, changes of plans that are held and free
features work, and time goes on. reason is kept in the history.
Freezing a frozen account changes nothing.
Errors: LC002 unknown account; LC005 argument missing; LC011 closed.
Example: SELECT * FROM credits_freeze_account(''acme'', ''card disputed'');';
COMMENT ON FUNCTION @extschema@.credits_unfreeze_account IS
'Opens a frozen account again. On an open account it changes nothing.
Errors: LC002 unknown account; LC005 argument missing; LC011 closed.
Example: SELECT * FROM credits_unfreeze_account(''acme'');';
COMMENT ON FUNCTION @extschema@.credits_close_account IS
'Closes an account for good: its holds are released, its cycle closes with its debt, its subscriptions end, and what
remains expires.
Afterwards it can only be read, earlier calls replayed, and payments that still arrive recorded. reason is kept
in the history. Closing a closed account changes nothing.
Errors: LC002 unknown account; LC005 argument missing.
Example: SELECT * FROM credits_close_account(''acme'', ''left us'');';

-- Functions: the core verbs

COMMENT ON FUNCTION @extschema@.credits_grant IS
'Gives credits as one lot; opens an unknown account with the defaults. kind is purchase, promo, welcome,
trial, bonus or adjustment. At most one of expires_at, expires_in (from effective_at) and
expires_after_cycles (1: the end of the cycle in which it becomes effective). An effective_at in the future
schedules it. Lower priority (1 to 1000; default 100 for purchase and adjustment, else 50) is spent first;
features restricts it to debits, charges and holds that name one of them. price and currency go together; payment_ref is
credited once per account. Where debt_policy is repay, an unrestricted lot pays debt first.
Returns the receipt; the same idempotency_key again returns the same receipt with replayed = true.
Errors: LC003 the key was used for another request; LC004 amount; LC005 another argument; LC009 the payment
was credited under another key; LC011 closed, unless it was paid for (what then is left after debt expires).
Example: SELECT * FROM credits_grant(''acme'', 500, ''order-4711'', price => 49, currency => ''EUR'');';
COMMENT ON FUNCTION @extschema@.credits_debit IS
'Takes amount credits, the check and the taking in one: rollover and allowance first, then the other lots by
priority and soonest expiry. feature opens lots restricted to it, must be switched on for the account, and needs
no rate; feature and actor count for budgets; they and resource are kept for reports. on_insufficient: error
raises LC001; refuse returns accepted = false and keeps no key; partial takes what there is; allow records usage
that has happened, the rest becoming debt. Up to overdraft_limit a debit may go into debt in every mode.
Returns the receipt; the same idempotency_key again returns the same receipt with replayed = true.
Errors: LC001 not enough (DETAIL: available, required, shortfall, resets_at); LC002 unknown account; LC003 the
key was used for another request; LC004 amount; LC005 another argument; LC010 the feature is switched off; LC011
frozen or closed; LC012 over a budget (also with partial; never with allow).
Example: SELECT * FROM credits_debit(''acme'', 2.5, ''job-17'', feature => ''chat'', actor => ''ann'');';
COMMENT ON FUNCTION @extschema@.credits_balance IS
'What an account has now, with all that time has done by now, recorded or not. Writes nothing; works on a
standby.
Errors: LC002 unknown account; LC005 argument missing.
Example: SELECT available FROM credits_balance(''acme'');';
COMMENT ON FUNCTION @extschema@.credits_balance_at IS
'What credits_balance said at that instant; for an instant to come, what it will say if nothing more happens.
Errors: LC002 unknown account; LC005 argument missing, not finite, or before the account was opened.
Example: SELECT * FROM credits_balance_at(''acme'', ''2026-01-01'');';
COMMENT ON FUNCTION @extschema@.credits_reset_cycle IS
'Closes the cycles that are due, lets pending changes of plans and seats take effect and grants the allowances.
With starts_at, the start of the period that a billing provider''s invoice states: where the running cycle began
before it, that cycle ends now and the next begins now, with starts_at as the new anchor; else nothing happens. On
a manual account starts_at defaults to now and idempotency_key is required.
Returns totals over the cycles closed by this call, zeros where nothing was due; with a key, the same call
again returns the same result with replayed = true.
Errors: LC002 unknown account; LC003 the key was used for another request; LC005 starts_at in the future, or
the key missing; LC011 closed.
Example: SELECT * FROM credits_reset_cycle(''acme'', ''evt_1Nx'', starts_at => ''2026-02-01'');';
COMMENT ON FUNCTION @extschema@.credits_maintain IS
'Records what time has done on at most max_accounts accounts, the longest due first, and returns how many
were brought up to date. Balances are the same before and after; it only keeps later calls short. Safe to
run from several sessions at once: each skips what another has locked.
Errors: LC005 max_accounts is not above zero.
Example: SELECT credits_maintain(1000);';
COMMENT ON FUNCTION @extschema@.credits_explain_debit IS
'Shows what a debit, or a hold, would take, lot by lot in order, and takes nothing; what cannot be taken from lots is
a last row with lot NULL.
Errors: LC002 unknown account; LC004 amount; LC005 another argument.
Example: SELECT * FROM credits_explain_debit(''acme'', 120, feature => ''chat'');';
COMMENT ON FUNCTION @extschema@.credits_forecast IS
'How fast an account uses what it has, and when it runs out at that speed: one row with its state (exhausted where
nothing is available though something was granted once, low where the condition of its alert low holds, else ok), used
in this cycle, used_percent of used + available, burn_per_day since the cycle began, runs_out_at (NULL: nothing is used,
or not before the year 10000), cycle_end (NULL: closed by hand) and on_pace, whether it runs out before that. Writes
nothing; works on a standby.
Errors: LC002 unknown account; LC005 argument missing.
Example: SELECT state, runs_out_at FROM credits_forecast(''acme'');';
COMMENT ON FUNCTION @extschema@.credits_redact IS
'Erases actor, resource and metadata of an entry, for good; the hash chain still verifies, because it covers
a digest of them. Recorded as an entry of its own that refers to the redacted one. Works on closed accounts,
too.
Errors: LC002 unknown account; LC005 argument missing; LC006 no such entry.
Example: SELECT * FROM credits_redact(''acme'', 17);';

-- Functions: batches

COMMENT ON FUNCTION @extschema@.credits_debit_many IS
'Many debits in one call: the n-th item takes amounts[n] from accounts[n] under idempotency_keys[n], for
features[n] where given. Items of one account apply in the order given; returns one receipt per item, in
that order. on_insufficient as in credits_debit; error fails the whole batch at the first item that cannot
be, refuse (the default) refuses only the item, also for an unknown or frozen account, a feature that is
switched off or a budget.
Errors: as credits_debit; LC005 also where the arrays differ in length.
Example: SELECT * FROM credits_debit_many(ARRAY[''acme'', ''umbra''], ARRAY[1, 2.5], ARRAY[''job-18'', ''job-19'']);';
COMMENT ON FUNCTION @extschema@.credits_grant_many IS
'Many grants in one call, of one kind and expiry: the n-th item gives amounts[n] to accounts[n] under
idempotency_keys[n]. Opens unknown accounts. All or nothing; returns one receipt per item, in the order
given.
Errors: as credits_grant; LC005 also where the arrays differ in length.
Example: SELECT * FROM credits_grant_many(ARRAY[''acme'', ''umbra''], ARRAY[100, 100], ARRAY[''spring-1'',
''spring-2'']);';

-- Functions: holds

COMMENT ON FUNCTION @extschema@.credits_hold IS
'Sets credits aside for work whose cost is known only when it is done: nobody else can spend them, and they neither
expire nor roll over meanwhile. Takes them from the lots that a debit would take; where those do not suffice, reserves
headroom of the overdraft limit, which is in amount, but not in held, and becomes debt only at capture. After
expires_in (at most 31 days) the hold lapses by itself and gives all of it back. feature opens lots restricted to it,
must be switched on, and prices a capture by quantity; feature and actor count for budgets. on_insufficient: error
raises LC001; refuse returns accepted = false and keeps no key; partial holds what there is.
Settle it with credits_capture or credits_release, by its idempotency_key.
Returns the receipt; the same idempotency_key again returns the same receipt with replayed = true.
Errors: LC001 not enough (DETAIL: available, required, shortfall, resets_at); LC002 unknown account; LC003 the
key was used for another request; LC004 amount; LC005 another argument; LC010 the feature is switched off; LC011
frozen or closed; LC012 over a budget (also with partial).
Example: SELECT * FROM credits_hold(''acme'', 20, ''msg-7'', feature => ''chat'', actor => ''ann'');';
COMMENT ON FUNCTION @extschema@.credits_capture IS
'Settles a hold, which hold_key names by its idempotency_key: takes amount credits, or what quantity units of the
hold''s feature cost, or, with neither, all that is held. What was set aside goes first. More than that is drawn from
the lots, then from the headroom that the hold reserves, then by on_insufficient, whose default allow records in full
what has been used, the rest becoming debt. final: the hold is closed and what is left of it released; 0 releases all.
Not final: it stays open, even with nothing left, until it is settled or lapses. A hold that has lapsed can still be captured once, from
the lots. Works on a frozen account, and for a feature that was switched off.
Returns the receipt, refers_to the hold; the same idempotency_key again returns the same receipt with
replayed = true.
Errors: LC001 not enough, LC012 over a budget, both never with allow; LC002 unknown account; LC003 the key was used
for another request; LC004 amount or quantity is negative, or the price cannot be; LC005 another argument, amount and
quantity both given, or quantity for a hold without a feature; LC006 no hold was made with hold_key; LC007 the hold
was captured or released before; LC014 the feature has no rate.
Example: SELECT * FROM credits_capture(''acme'', ''msg-7'', ''msg-7 done'', quantity => 1500);';
COMMENT ON FUNCTION @extschema@.credits_release IS
'Gives back all that a hold, which hold_key names by its idempotency_key, still sets aside, and closes it. Unrestricted
lots pay debt with it where debt_policy is repay; what returns to a lot that has expired meanwhile expires. Of a hold
that has lapsed there is nothing to give back: accepted, entry NULL, amount 0, and no key is kept. Works on a frozen
account.
Returns the receipt, amount = what was given back, headroom included, refers_to the hold; the same idempotency_key
again returns the same receipt with replayed = true.
Errors: LC002 unknown account; LC003 the key was used for another request; LC005 argument missing; LC006 no hold
was made with hold_key; LC007 the hold was captured or released before.
Example: SELECT * FROM credits_release(''acme'', ''msg-7'', ''msg-7 failed'');';
COMMENT ON FUNCTION @extschema@.credits_extend_hold IS
'Sets anew when an open hold, which hold_key names by its idempotency_key, lapses: expires_in (at most 31 days) from
now, which may also be sooner than before. Moves no credits. Works on a frozen account.
Returns the receipt, amount 0, refers_to the hold; the same idempotency_key again returns the same receipt with
replayed = true and extends nothing.
Errors: LC002 unknown account; LC003 the key was used for another request; LC005 expires_in cannot be, or an argument
is missing; LC006 no hold was made with hold_key; LC007 the hold was captured or released, or has lapsed.
Example: SELECT * FROM credits_extend_hold(''acme'', ''msg-7'', ''msg-7 minute 10'', ''15 minutes'');';

-- Functions: refunds and voids

COMMENT ON FUNCTION @extschema@.credits_refund IS
'Gives back what a debit, charge or capture took, which debit_key names by its idempotency_key: all that has not come
back yet, amount credits of it, or quantity units. The last taken returns first: what became debt reduces today''s debt, or
comes back by what became of that debt; then the lots. Included units return if their cycle is still open, package units
to what is left of packages; such a charge is refunded whole or by quantity. What belongs to a lot that has expired expires
at once (if_expired forfeit), or becomes a lot of kind refund to the end of the cycle (restore). Unrestricted lots pay
debt first where debt_policy is repay. Debt that was invoiced comes back as credits that never expire, of debt that was
forgiven nothing does, though amount counts it. feature, actor and resource of the entry are the debit''s; credits_redact
erases them entry by entry. Works on a frozen and on a closed account.
Returns the receipt: amount = credits refunded, from_* = what the lots gained, overdraft = the change of the debt,
included = included units that are usable again, refers_to = the debit; the same idempotency_key again returns the same
receipt with replayed = true.
Errors: LC002 unknown account; LC003 the key was used for another request; LC004 amount or quantity is not above zero;
LC005 another argument, amount and quantity both given, quantity of a debit without units, or amount of what included
units or packages bore; LC006 no debit was made with debit_key; LC007 all of it was refunded before; LC015 more than
is left of it.
Example: SELECT * FROM credits_refund(''acme'', ''job-7'', ''job-7 failed'', reason => ''timeout'');';
COMMENT ON FUNCTION @extschema@.credits_void_grant IS
'Takes back what a grant, purchase, subscribe, change_plan or set_seats gave, which grant_key names by its idempotency_key
or payment_ref: without amount all that remains, and later whatever returns from holds and refunds; with amount so much.
claw_back: also what was spent of it is taken, from the account''s other unrestricted credits (under debt_policy repay
then from its allowance), and what these lack becomes debt that no reset forgives or invoices. Works on a frozen and on a
closed account, and for a grant that is still scheduled.
Returns the receipt: operation void or claw_back, from_* = what the lots bore, overdraft = debt drawn, refers_to = the
grant; the same idempotency_key again returns the same receipt with replayed = true.
Errors: LC002 unknown account; LC003 the key was used for another request; LC004 amount is not above zero; LC005 an
argument is missing; LC006 no grant was made with grant_key; LC007 nothing is left of it; LC015 amount is above what
is left.
Example: SELECT * FROM credits_void_grant(''acme'', ''ch_123'', ''dispute-9'', claw_back => true);';

-- Functions: plans and seats

COMMENT ON FUNCTION @extschema@.credits_define_plan IS
'Defines a plan for all accounts, or a new version of it. allowance: credits per cycle, or per seat and cycle
where per_seat, then for at most seat_cap seats (NULL: no cap). rank: credits_change_plan to a higher rank is an
upgrade, to a lower one a downgrade. trial: the allowance is given once per account, ever, as a lot of kind
trial that lasts trial_period, at most 100 years (NULL: until conversion). purchases: whether an account with this
plan may buy credits; one plan that allows it is enough. rollover_percent (0 to 100) of what is unused at the end of a
cycle lives rollover_cycles (1 to 1000) more cycles, at most rollover_max at a time (NULL: no bound).
Every argument left out means its default, not the value of the version before. A new version counts for what
is subscribed to, changed to or added in seats from now on; accounts that hold the plan get its allowance from
their next cycle. What changes nothing makes no version.
Returns the plan as credits_plans shows it.
Errors: LC004 allowance or rollover_max cannot be; LC005 another argument, seat_cap without per_seat,
or trial_period without trial.
Example: SELECT * FROM credits_define_plan(''team'', 1000, per_seat => true, seat_cap => 10, rank => 2);';
COMMENT ON FUNCTION @extschema@.credits_include IS
'Includes units of a feature in a plan: in each cycle, charges of the feature use them up before anything is
priced. They are for the account as a whole, not per seat, and do not roll over; those of several plans add up.
units replaces the earlier figure, 0 ends the inclusion. Accounts that hold the plan get it from their next cycle on.
Returns the version stored.
Errors: LC004 units cannot be; LC005 another argument; LC006 the plan is not defined.
Example: SELECT * FROM credits_include(''team'', ''chat'', 500);';
COMMENT ON FUNCTION @extschema@.credits_subscribe IS
'Subscribes an account to a plan and grants its whole allowance for the running cycle at once; for a plan
per_seat, that of so many seats (1 or more). The first plan of an account that has had no allowance in its running
cycle starts a cycle, with anchor (default now) as the boundary from which cycles are counted; a further plan joins
the running cycle. A plan that is not a trial, taken up while a trial runs, starts a cycle, too, and
what is left of the trial expires. A plan that was already granted for in this cycle grants only what
exceeds that; a trial that the account has had grants nothing.
Returns the receipt, amount = what was granted; the same idempotency_key again returns the same receipt with
replayed = true.
Errors: LC002 unknown account; LC003 the key was used for another request; LC004 the allowance makes the account
exceed what it can hold; LC005 seats below 1, the plan is held already (also while its end is pending), or anchor
where the plan joins a cycle; LC006 the plan is not defined; LC011 frozen or closed.
Example: SELECT * FROM credits_subscribe(''acme'', ''team'', ''evt_1Na'', seats => 5);';
COMMENT ON FUNCTION @extschema@.credits_change_plan IS
'Replaces a plan that an account holds by another one, with the same seats. takes_effect auto: to a higher rank
now, and the new plan''s full allowance is added; to an equal rank now, and only what exceeds what the replaced
plan granted in this cycle is added; to a lower rank when the cycle ends. now: at once, and to a lower rank nothing
is granted before the next cycle. next_cycle: when the cycle ends. The cycle''s dates stay, but for the change from
a running trial to a plan that is none, which acts now and starts a cycle. What is unused of the old plan''s
allowance stays until the cycle ends (keep) or expires at the change (expire). Replaces what was pending;
from a plan to itself it cancels what is pending.
Returns the receipt, amount = what was granted now; the same idempotency_key again returns the same receipt with
replayed = true.
Errors: LC002 unknown account; LC003 the key was used for another request; LC004 the allowance makes the account
exceed what it can hold; LC005 another argument, to_plan is held or pending already, or from_plan to itself with
nothing pending; LC006 from_plan is not held or to_plan not defined; LC011 closed.
Example: SELECT * FROM credits_change_plan(''acme'', ''team'', ''business'', ''evt_1Nb'');';
COMMENT ON FUNCTION @extschema@.credits_set_seats IS
'Sets the seats (1 or more) of a plan that an account holds. More seats add the difference to the highest number
granted for in this cycle at once, up to the plan''s seat_cap; fewer count from the next cycle. Replaces what
was pending.
Returns the receipt, amount = what was granted now; the same idempotency_key again returns the same receipt with
replayed = true.
Errors: LC002 unknown account; LC003 the key was used for another request; LC004 the allowance makes the account
exceed what it can hold; LC005 seats below 1; LC006 the plan is not held; LC011 closed.
Example: SELECT * FROM credits_set_seats(''acme'', ''team'', 8, ''evt_1Nc'');';
COMMENT ON FUNCTION @extschema@.credits_unsubscribe IS
'Ends a subscription. takes_effect next_cycle: when the running cycle ends; now: at once, and its allowance
stays until the cycle ends. Nothing is taken back.
Returns the receipt; the same idempotency_key again returns the same receipt with replayed = true.
Errors: LC002 unknown account; LC003 the key was used for another request; LC005 another argument; LC006 the plan
is not held; LC011 closed.
Example: SELECT * FROM credits_unsubscribe(''acme'', ''team'', ''evt_1Nd'');';

-- Functions: rates and features

COMMENT ON FUNCTION @extschema@.credits_define_rate IS
'Defines what a feature costs from effective_at (default now; not in the past) on, for all accounts: credits for
per_units units. model per_unit: quantity × credits / per_units, exact, where it needs more than 6 decimals
rounded up to the 6th. model package: whole packages of per_units units at credits each; units left of a
package cover later charges of the feature, across cycles and rates. free: the feature costs nothing and credits is
left out; charging it then takes no lock, writes no entry and keeps no key. Of several rates for one instant the one
defined last counts. Saying the same again, for now or for the same effective_at, makes no version.
Returns the rate as credits_rates shows it.
Errors: LC004 credits is negative, or per_units not above zero; LC005 another argument, credits missing where not
free or given where free, or effective_at in the past.
Example: SELECT * FROM credits_define_rate(''chat'', 2, per_units => 1000);';
COMMENT ON FUNCTION @extschema@.credits_charge IS
'Takes what quantity units of a feature cost now, in one step with the debit: first the plans'' included units,
then units left of a package that was paid for, at no cost; the rest by the rate in force, drawn as
credits_debit draws. What costs nothing is recorded with amount 0. on_insufficient as in credits_debit, but
partial not for a package rate. Of a free feature nothing is recorded: entry NULL, and the key is not kept.
Returns the receipt; the same idempotency_key again returns the same receipt with replayed = true, at the first
call''s price.
Errors: LC001 not enough (DETAIL: available, required, shortfall, resets_at); LC002 unknown account; LC003 the
key was used for another request; LC004 quantity is negative, or the price cannot be; LC005 another argument;
LC010 the feature is switched off; LC011 frozen or closed; LC012 over a budget; LC014 the feature has no rate.
Example: SELECT * FROM credits_charge(''acme'', ''chat'', 1500, ''job-20'', actor => ''ann'');';
COMMENT ON FUNCTION @extschema@.credits_quote IS
'The credits that charging quantity units of a feature would cost the account now, with included units and units
left of a package counted; 0 where it is free. Does not ask whether the account could pay, is frozen, has the
feature switched off or is over a budget. Writes nothing; works on a standby.
Errors: LC002 unknown account; LC004 quantity is negative, or the price cannot be; LC005 argument missing; LC014
the feature has no rate.
Example: SELECT credits_quote(''acme'', ''chat'', 1500);';
COMMENT ON FUNCTION @extschema@.credits_set_feature IS
'Switches a feature off or on for an account: while it is off, debits, charges and holds that name it are refused
(LC010), also where it is free; holds that are open can still be captured. Features that were never switched are on.
Each change is an entry in the history; what changes nothing records nothing.
Returns the switch as credits_features shows it.
Errors: LC002 unknown account; LC005 argument missing; LC011 closed.
Example: SELECT * FROM credits_set_feature(''acme'', ''image'', false);';
COMMENT ON FUNCTION @extschema@.credits_set_budget IS
'Limits the credits that debits, charges, captures and open holds may draw in each period: a cycle of the account, or
an hour, day or month in its time zone. A hold counts in the period in which it was made, a capture in its own.
actor: only what that actor draws; ''*'': each actor has a budget of this size, those without a name one together;
NULL: all together. feature: only what is drawn for it; NULL: for all.
Set again for the same period, actor and feature it replaces the limit; budget_limit NULL removes the budget.
What was drawn since the period began counts, also after a change of time zone. A debit over a budget is
refused (LC012), not shrunk, with partial, too; with allow, the default of captures, it is recorded, and counts. Each
change is an entry in the history; what changes nothing records nothing.
Returns the budget as credits_budgets shows it, with budget_limit NULL where it was removed.
Errors: LC002 unknown account; LC004 budget_limit cannot be; LC005 another argument; LC011 closed.
Example: SELECT * FROM credits_set_budget(''acme'', 50, period => ''day'', actor => ''*'');';

-- Functions: packs and purchases

COMMENT ON FUNCTION @extschema@.credits_define_pack IS
'Defines a pack of credits that is sold at a price, or a new version of it. Without minimum_price it gives its
credits whatever was paid. With one, the credits scale with the price paid, rounded down to the 6th decimal, and
less than minimum_price cannot be paid. currency is three capital letters. A new version counts for what is bought
from now on. What changes nothing makes no version.
Returns the pack as credits_packs shows it.
Errors: LC004 credits, price or minimum_price is not above zero or cannot be; LC005 another argument.
Example: SELECT * FROM credits_define_pack(''big'', 1000, 30, ''EUR'', minimum_price => 5);';
COMMENT ON FUNCTION @extschema@.credits_check_purchase IS
'Says, before the checkout, how many credits a pack would give for a price (NULL: the pack''s own), or why it should
not be sold to the account. Writes nothing; works on a standby.
Errors: LC002 unknown account; LC004 the price cannot be; LC005 another argument; LC006 the pack is not defined;
LC008 no plan of the account allows purchases, or the price is under the pack''s minimum; LC011 frozen or closed.
Example: SELECT credits_check_purchase(''acme'', ''big'', 12);';
COMMENT ON FUNCTION @extschema@.credits_purchase IS
'Records a payment that has happened: gives the pack''s credits as one lot of kind purchase that never expires, with
the price paid (NULL: the pack''s own) and payment_ref. Opens an unknown account with the defaults. Neither plans
nor freezing refuse it; on a closed account it pays debt and what is left expires. A payment_ref is credited once
per account. Where debt_policy is repay, it pays debt first.
Returns the receipt; the same idempotency_key again returns the same receipt with replayed = true.
Errors: LC003 the key was used for another request; LC004 the price cannot be, or gives no credits or too many;
LC005 another argument; LC006 the pack is not defined; LC008 the price is under the pack''s minimum; LC009 the
payment was credited under another key.
Example: SELECT * FROM credits_purchase(''acme'', ''big'', ''pi_3Nx'', ''order-4712'', price => 12);';

-- Functions: auto-recharge

COMMENT ON FUNCTION @extschema@.credits_set_auto_recharge IS
'Lets the account ask for money by itself: when an operation leaves the measure (available, or credits; always less
the debt) below the threshold, or at_or_below it, or a debit is refused for want of credits, one request is made for
as many whole packs as bring it above the threshold again, or as the debit lacks; at most max_packs, and within
monthly_limit, which counts open and completed requests of the calendar month in the account''s time zone, in the
pack''s currency. While a request is open no other is made. Every argument left out means its default, not what was
set before. Switched on while past the threshold it asks at once; what is open when it is switched off is cancelled
when a worker comes for it. Another payment_method ends a suspension. Frozen accounts, and those whose plans forbid
purchases, ask for nothing.
Returns the row of credits_auto_recharges.
Errors: LC002 unknown account; LC004 threshold or monthly_limit cannot be; LC005 another argument, or enabled
without a payment_method; LC006 the pack is not defined; LC008 max_packs cost less than the pack''s minimum price;
LC011 closed.
Example: SELECT * FROM credits_set_auto_recharge(''acme'', 100, ''big'', max_packs => 3, monthly_limit => 200,
payment_method => ''pm_1Nx'');';
COMMENT ON FUNCTION @extschema@.credits_resume_auto_recharge IS
'Lets auto-recharge go on after failures have suspended it; where the account is past the threshold it asks at once,
with a new request. Where it is not suspended nothing changes.
Returns the row of credits_auto_recharges.
Errors: LC002 unknown account; LC005 argument missing; LC006 the account has no auto-recharge; LC011 closed.
Example: SELECT * FROM credits_resume_auto_recharge(''acme'');';
COMMENT ON FUNCTION @extschema@.credits_claim_recharges IS
'For workers: hands out up to max_requests requests, the longest due first, and leases them to the caller (above zero
to 31 days); what is neither completed nor failed by then is handed out again. attempt counts the claims. The worker
charges price (of all packs) with payment_method and gives the payment provider the payment_idempotency_key, which
stays the same until a failure is recorded, so that a worker that died after charging charges nothing twice.
Requests of accounts that may not be charged any more (switched off, suspended, closed, plans that forbid purchases)
are cancelled; those of frozen ones wait. Safe to run from several sessions at once.
Errors: LC005 max_requests or lease cannot be.
Example: SELECT * FROM credits_claim_recharges(10, ''5 minutes'');';
COMMENT ON FUNCTION @extschema@.credits_complete_recharge IS
'For workers: the request was paid. Gives its credits once, as one lot of kind purchase with its price and
payment_ref, whatever became of the request meanwhile: late success after a failure or a cancellation, a freeze or a
change of plan credits all the same. A payment that credits_purchase or credits_grant credited already closes the
request on that grant. Where the account is still past the threshold it asks again.
Returns the receipt of the entry that gave the credits; replayed = true where that was there before.
Errors: LC002 unknown account; LC005 argument missing; LC006 no such request; LC007 completed with another payment;
LC009 the payment completed another request.
Example: SELECT * FROM credits_complete_recharge(''acme'', 3, ''pi_3Nx'');';
COMMENT ON FUNCTION @extschema@.credits_fail_recharge IS
'For workers: this attempt at a request failed. code and message are kept where admins see them. The request is
handed out again after 1 hour, then after 6 hours, with a new payment_idempotency_key and the payment method as it
is then; the third failure in a row, or suspend => true, fails the request and suspends auto-recharge until it is
resumed or has another payment method.
Returns the row of credits_recharges.
Errors: LC002 unknown account; LC005 argument missing; LC006 no such request; LC007 the attempt is not the newest,
or is settled.
Example: SELECT * FROM credits_fail_recharge(''acme'', 3, 1, ''card_declined'', ''Your card was declined.'');';

-- Functions: alerts and events

COMMENT ON FUNCTION @extschema@.credits_set_alert IS
'Sets an alert of the account, as an entry configure. It fires, as the event alert.<name>, when less than below is
available and used_percent of used + available are used, where these are given; with only_if_on_pace only if it will run
out before the cycle ends. It fires once, and again only after a grant or a new cycle has made its condition false,
which is the event alert.cleared. A changed alert begins anew: where its condition holds already, it fires at once.
Every account has low (75 percent used and on pace; without below and used_percent that is set again) and exhausted
(nothing available), which can be switched off.
Returns the alert as credits_alerts shows it.
Errors: LC002 unknown account; LC004 below or used_percent cannot be; LC005 another argument, or neither of the two;
LC011 closed.
Example: SELECT * FROM credits_set_alert(''acme'', ''half'', used_percent => 50);';

COMMENT ON FUNCTION @extschema@.credits_claim_events IS
'Hands out up to max_events events that wait, the oldest first and those of one account in their order, and leases
them to the caller (above zero to 31 days): until then nobody else gets them, nor any later event of these accounts.
What is not acknowledged by then is handed out again, so an event comes at least once. Safe to run from several
sessions at once. With the setting credits_ledger.notify on, an empty NOTIFY credits_ledger says that there are new
ones.
Returns rows as credits_events shows them.
Errors: LC005 max_events or lease cannot be.
Example: SELECT * FROM credits_claim_events(50, ''5 minutes'');';
COMMENT ON FUNCTION @extschema@.credits_ack_event IS
'Says that an event was dealt with: it is not handed out again. True where that is new, false where it was
acknowledged before.
Errors: LC002 unknown account; LC005 argument missing; LC006 no such event.
Example: SELECT credits_ack_event(''acme'', 17);';

-- Functions: administration

COMMENT ON FUNCTION @extschema@.credits_statement IS
'The statement of an account for the period from from_time (included) to to_time (not included; after now it counts as
now): a line opening, a line movement for each operation, kind of lot and feature in the order in which they first
occur, a line closing. amount, allowance, credits, held and debt are changes in movements and figures at both ends, so
each of these columns adds up; balance, entry (the newest one counted) and as_of stand at the ends only. By
effective_at; what time has done counts, recorded or not. Adjacent periods chain. Writes nothing; works on a standby.
Errors: LC002 unknown account; LC005 argument missing, or from_time after to_time.
Example: SELECT * FROM credits_statement(''acme'', ''2026-03-01'', ''2026-04-01'');';
COMMENT ON FUNCTION @extschema@.credits_usage_csv IS
'The usage of an account from from_time (included) to to_time (not included) as CSV (RFC 4180): the names of the columns,
then one record per debit, charge, capture and refund, a refund with figures below zero. No line ends: those are the
client''s. Texts that a spreadsheet would take for formulas have an apostrophe in front.
Errors: LC002 unknown account; LC005 argument missing, or from_time after to_time.
Example: SELECT credits_usage_csv(''acme'', ''2026-03-01'', ''2026-04-01'');';
COMMENT ON FUNCTION @extschema@.credits_revenue IS
'What was sold, in money, and what became of it from from_time (included) to to_time (not included; after now it counts
as now), per currency and kind of lot: deferred at the beginning, sold, recognised as credits were spent, breakage as
they expired, voided, deferred at the end. opening_deferred + sold - recognised - breakage - voided = closing_deferred,
to the last decimal, and adjacent periods chain. Lots without a price are not in it. Reads the entries of the period and
those after it. Writes nothing; works on a standby.
Errors: LC005 argument missing, or from_time after to_time.
Example: SELECT * FROM credits_revenue(''2026-03-01'', ''2026-04-01'');';
COMMENT ON FUNCTION @extschema@.credits_allow IS
'Gives a role an access: spend (debits, charges, holds, balance, quote, explain), billing (spend, and grants, opening,
configuring, subscribing and the other changes of plans, features, budgets, resets, maintenance), analyst (every
view, balance, balance_at, explain, verify) or admin (all of these, and defining plans, included units and
rates, freeze, unfreeze, close, redact). Stored as ordinary privileges on functions and views, and USAGE on
their schema where the role lacks it; pg_dump saves them. Returns true where it changed something.
Only the owner of the extension, and superusers, may call it unless they grant EXECUTE on it.
Errors: LC005 unknown access, NULL, or no role.
Example: SELECT credits_allow(''app'', ''spend'');';
COMMENT ON FUNCTION @extschema@.credits_disallow IS
'Takes from a role what an access gave it, but not what another access that it holds in full also gives,
unless that one is part of the access taken away: taking spend from a role with billing changes nothing,
taking billing takes spend, too. USAGE on the schema stays. Returns true where it changed something.
Errors: LC005 unknown access, NULL, no role, or the owner of the extension.
Example: SELECT credits_disallow(''app'', ''spend'');';
COMMENT ON FUNCTION @extschema@.credits_verify IS
'Audits one account, or all: hash chain, numbering, balances, lots, holds, cycles, debt, subscriptions, switches,
included units, packages and budgets, worked out again from the entries alone, and that the triggers that keep
entries unchanged are in force. One row per problem; no
row: the ledger is sound.
Errors: LC002 unknown account.
Example: SELECT * FROM credits_verify(''acme'');';
COMMENT ON FUNCTION @extschema@.credits_errors IS
'The errors that the credits_* functions raise: SQLSTATE, name, meaning, what to do.
Example: SELECT * FROM credits_errors();';

-- Functions: internal

COMMENT ON FUNCTION credits_ledger.statement_time IS
'The instant for which the views answer: the start of the statement, or credits_ledger.now where that is set.';
COMMENT ON FUNCTION credits_ledger.budget_period(text, text, timestamptz) IS
'The hour, day or month of a time zone that contains an instant, as budgets count them; for the view credits_budgets.';
COMMENT ON FUNCTION credits_ledger.settled_account IS
'What time has made of an account by statement_time(), for the view credits_accounts. Writes nothing.';
COMMENT ON FUNCTION credits_ledger.settled_lots IS
'All lots of an account as time has made them by statement_time(), also those not yet recorded, for the view
credits_grants. Writes nothing.';
COMMENT ON FUNCTION credits_ledger.signatures IS
'What the library implements: name, arguments and result of each function, to compare with the catalogue.';
COMMENT ON FUNCTION credits_ledger.append_only IS 'Trigger: refuses to change or remove rows of the ledger (LC013).';
COMMENT ON TRIGGER entries_append_only ON credits_ledger.entries IS
'Entries are never changed or removed; credits_redact alone may erase personal data.';
COMMENT ON TRIGGER entries_never_truncated ON credits_ledger.entries IS 'Entries are never removed.';
COMMENT ON TRIGGER settings_append_only ON credits_ledger.settings IS 'What accounts were set to is never changed.';
COMMENT ON TRIGGER settings_never_truncated ON credits_ledger.settings IS
'What accounts were set to is never removed.';
COMMENT ON TRIGGER cycles_append_only ON credits_ledger.cycles IS 'Closed cycles are never changed or removed.';
COMMENT ON TRIGGER cycles_never_truncated ON credits_ledger.cycles IS 'Closed cycles are never removed.';
COMMENT ON TRIGGER accounts_never_deleted ON credits_ledger.accounts IS 'Accounts are closed, never removed.';
COMMENT ON TRIGGER accounts_never_truncated ON credits_ledger.accounts IS 'Accounts are closed, never removed.';
COMMENT ON TRIGGER lots_never_deleted ON credits_ledger.lots IS 'Lots are never removed.';
COMMENT ON TRIGGER lots_never_truncated ON credits_ledger.lots IS 'Lots are never removed.';
COMMENT ON TRIGGER subscriptions_never_deleted ON credits_ledger.subscriptions IS 'Subscriptions are never removed.';
COMMENT ON TRIGGER subscriptions_never_truncated ON credits_ledger.subscriptions IS 'Subscriptions are never removed.';
COMMENT ON TRIGGER switches_never_deleted ON credits_ledger.switches IS 'Switches are never removed.';
COMMENT ON TRIGGER switches_never_truncated ON credits_ledger.switches IS 'Switches are never removed.';
COMMENT ON TRIGGER meters_never_deleted ON credits_ledger.meters IS 'Meters are never removed.';
COMMENT ON TRIGGER meters_never_truncated ON credits_ledger.meters IS 'Meters are never removed.';
COMMENT ON TRIGGER holds_never_deleted ON credits_ledger.holds IS 'Holds are settled or lapse, never removed.';
COMMENT ON TRIGGER holds_never_truncated ON credits_ledger.holds IS 'Holds are settled or lapse, never removed.';
COMMENT ON TRIGGER debts_never_deleted ON credits_ledger.debts IS 'What was owed is never removed.';
COMMENT ON TRIGGER debts_never_truncated ON credits_ledger.debts IS 'What was owed is never removed.';
COMMENT ON TRIGGER settlements_append_only ON credits_ledger.settlements IS
'What became of debt is never changed or removed.';
COMMENT ON TRIGGER settlements_never_truncated ON credits_ledger.settlements IS
'What became of debt is never removed.';
COMMENT ON TRIGGER refunded_never_deleted ON credits_ledger.refunded IS 'What was refunded is never removed.';
COMMENT ON TRIGGER refunded_never_truncated ON credits_ledger.refunded IS 'What was refunded is never removed.';
COMMENT ON TRIGGER claw_backs_never_deleted ON credits_ledger.claw_backs IS 'Claw-backs are never removed.';
COMMENT ON TRIGGER claw_backs_never_truncated ON credits_ledger.claw_backs IS 'Claw-backs are never removed.';

COMMENT ON TRIGGER plans_append_only ON credits_ledger.plans IS
'Versions of plans are never changed or removed: a new definition is a new row.';
COMMENT ON TRIGGER plans_never_truncated ON credits_ledger.plans IS 'Versions of plans are never removed.';
COMMENT ON TRIGGER included_units_append_only ON credits_ledger.included_units IS
'Versions of included units are never changed or removed: a new definition is a new row.';
COMMENT ON TRIGGER included_units_never_truncated ON credits_ledger.included_units IS
'Versions of included units are never removed.';
COMMENT ON TRIGGER rates_append_only ON credits_ledger.rates IS
'Versions of rates are never changed or removed: a new definition is a new row.';
COMMENT ON TRIGGER rates_never_truncated ON credits_ledger.rates IS 'Versions of rates are never removed.';

-- Views

COMMENT ON VIEW @extschema@.credits_accounts IS
'One row per account, with all that time has done by now, as credits_balance shows it.';
COMMENT ON COLUMN @extschema@.credits_accounts.account IS 'The account.';
COMMENT ON COLUMN @extschema@.credits_accounts.status IS 'open, frozen or closed.';
COMMENT ON COLUMN @extschema@.credits_accounts.balance IS 'allowance + credits + held − debt.';
COMMENT ON COLUMN @extschema@.credits_accounts.allowance IS
'What is left of allowance and rollover, without what is held.';
COMMENT ON COLUMN @extschema@.credits_accounts.credits IS 'What is left in all other lots, without what is held.';
COMMENT ON COLUMN @extschema@.credits_accounts.held IS
'What open holds set aside of lots; overdraft headroom that they reserve is not in it.';
COMMENT ON COLUMN @extschema@.credits_accounts.debt IS 'What was drawn past zero.';
COMMENT ON COLUMN @extschema@.credits_accounts.available IS
'What a debit without a feature could take now, overdraft left out.';
COMMENT ON COLUMN @extschema@.credits_accounts.allowance_granted IS
'Allowance granted in the running cycle, by the account''s own setting and by its plans; trials are not in it.';
COMMENT ON COLUMN @extschema@.credits_accounts.used IS
'What debits, charges and captures have drawn in the running cycle; what is held is not in it.';
COMMENT ON COLUMN @extschema@.credits_accounts.overdraft_limit IS
'How much debt a debit may leave, headroom that open holds reserve counted.';
COMMENT ON COLUMN @extschema@.credits_accounts.cycle IS 'Number of the running cycle.';
COMMENT ON COLUMN @extschema@.credits_accounts.cycle_start IS 'When it began.';
COMMENT ON COLUMN @extschema@.credits_accounts.cycle_end IS 'When it will end; NULL on a manual account.';
COMMENT ON COLUMN @extschema@.credits_accounts.entry IS 'Number of the newest recorded entry.';
COMMENT ON COLUMN @extschema@.credits_accounts.as_of IS 'The instant for which the row holds.';
COMMENT ON COLUMN @extschema@.credits_accounts.cycle_allowance IS
'Setting allowance: the account''s own credits per cycle; those of its plans come on top of it.';
COMMENT ON COLUMN @extschema@.credits_accounts.cycle_length IS 'Setting: length of a cycle; 0 for a manual account.';
COMMENT ON COLUMN @extschema@.credits_accounts.anchor IS 'Setting: the boundary from which cycles are counted.';
COMMENT ON COLUMN @extschema@.credits_accounts.time_zone IS 'Setting: the time zone in which cycles are counted.';
COMMENT ON COLUMN @extschema@.credits_accounts.rollover_percent IS
'Setting: how much of what is unused of the account''s own allowance rolls over, 0 to 100.';
COMMENT ON COLUMN @extschema@.credits_accounts.rollover_max IS
'Setting: bound on all living rollover of the account''s own allowance together; NULL for none.';
COMMENT ON COLUMN @extschema@.credits_accounts.debt_policy IS 'Setting: repay, forgive_at_reset or invoice_at_reset.';
COMMENT ON COLUMN @extschema@.credits_accounts.opened_at IS 'When the account was opened.';
COMMENT ON COLUMN @extschema@.credits_accounts.head_hash IS
'Hash of the newest entry. Kept elsewhere, it shows later whether newest entries were removed.';
COMMENT ON COLUMN @extschema@.credits_accounts.metadata IS 'What the application keeps with the account.';
COMMENT ON VIEW @extschema@.credits_history IS
'One row per operation, as recorded. The amounts of an account add up to its balance.';
COMMENT ON COLUMN @extschema@.credits_history.account IS 'The account.';
COMMENT ON COLUMN @extschema@.credits_history.entry IS 'Number of the entry within the account: 1, 2, 3 …';
COMMENT ON COLUMN @extschema@.credits_history.operation IS
'What happened: open, grant, schedule, purchase, recharge, debit, charge, hold, capture, release, extend, subscribe,
change_plan, set_seats, unsubscribe, reset, redact, configure, freeze, unfreeze, close; or, made by time, allowance,
rollover, expire, lapse, forgive, invoice.';
COMMENT ON COLUMN @extschema@.credits_history.kind IS 'Kind of the lot that it is about.';
COMMENT ON COLUMN @extschema@.credits_history.amount IS
'Change of the balance: + adds to it. Holding and giving back what was held do not change it: 0.';
COMMENT ON COLUMN @extschema@.credits_history.from_allowance IS
'What allowance and rollover lots bore (debit, charge, capture, expire), had set aside (hold) or gained (all others), net
of debt repaid.';
COMMENT ON COLUMN @extschema@.credits_history.from_credits IS
'What all other lots bore (debit, charge, capture, expire), had set aside (hold) or gained (all others), net of debt
repaid.';
COMMENT ON COLUMN @extschema@.credits_history.overdraft IS
'Change of the debt: positive drawn, negative repaid, forgiven or invoiced.';
COMMENT ON COLUMN @extschema@.credits_history.balance IS 'Afterwards: allowance + credits + held − debt.';
COMMENT ON COLUMN @extschema@.credits_history.available IS
'Afterwards: what a debit without a feature could take, overdraft left out.';
COMMENT ON COLUMN @extschema@.credits_history.feature IS 'The feature that was used, as the caller named it.';
COMMENT ON COLUMN @extschema@.credits_history.quantity IS
'Units of the feature that a charge, or a capture by quantity, was asked for; NULL for everything else.';
COMMENT ON COLUMN @extschema@.credits_history.included IS
'Of quantity, the units that the plans'' included units covered; 0 where there are none.';
COMMENT ON COLUMN @extschema@.credits_history.actor IS 'Who or what used it.';
COMMENT ON COLUMN @extschema@.credits_history.resource IS 'What it was used on.';
COMMENT ON COLUMN @extschema@.credits_history.idempotency_key IS
'The caller''s key; NULL on entries made by time and on configuration.';
COMMENT ON COLUMN @extschema@.credits_history.refers_to IS
'Number of the entry that this one is about: of a capture, release, extend and lapse, the hold''s.';
COMMENT ON COLUMN @extschema@.credits_history.reason IS 'Why, in the caller''s words.';
COMMENT ON COLUMN @extschema@.credits_history.effective_at IS 'When it took effect.';
COMMENT ON COLUMN @extschema@.credits_history.recorded_at IS 'When it was recorded.';
COMMENT ON COLUMN @extschema@.credits_history.recorded_by IS 'The role that called.';
COMMENT ON COLUMN @extschema@.credits_history.metadata IS 'What the application keeps with the entry.';
COMMENT ON COLUMN @extschema@.credits_history.cycle IS 'The cycle in which it happened.';
COMMENT ON COLUMN @extschema@.credits_history.allowance IS
'Afterwards: what is left of allowance and rollover, without what is held.';
COMMENT ON COLUMN @extschema@.credits_history.credits IS
'Afterwards: what is left in all other lots, without what is held.';
COMMENT ON COLUMN @extschema@.credits_history.held IS
'Afterwards: what open holds set aside of lots; overdraft headroom that they reserve is not in it.';
COMMENT ON COLUMN @extschema@.credits_history.debt IS 'Afterwards: what was drawn past zero.';
COMMENT ON COLUMN @extschema@.credits_history.redacted IS 'Whether actor, resource and metadata were erased.';
COMMENT ON COLUMN @extschema@.credits_history.clock_was_set IS 'Whether credits_ledger.now replaced the clock.';
COMMENT ON COLUMN @extschema@.credits_history.hash IS 'Hash of the entry, over the previous one''s.';
COMMENT ON COLUMN @extschema@.credits_history.plan IS
'The plan that was subscribed to, changed to, given up, whose seats were set, or whose allowance or trial was granted,
rolled over or expired. NULL for everything else, also for the account''s own allowance.';
COMMENT ON COLUMN @extschema@.credits_history.pack IS 'The pack that was bought; NULL for everything else.';
COMMENT ON VIEW @extschema@.credits_grants IS 'One row per lot, with all that time has done by now.';
COMMENT ON COLUMN @extschema@.credits_grants.account IS 'The account.';
COMMENT ON COLUMN @extschema@.credits_grants.lot IS 'Number of the lot within the account.';
COMMENT ON COLUMN @extschema@.credits_grants.entry IS
'The entry that made it; where time made it and nothing recorded it yet, it is still to come in credits_history.';
COMMENT ON COLUMN @extschema@.credits_grants.kind IS
'allowance, rollover, purchase, promo, welcome, trial, bonus, adjustment or refund.';
COMMENT ON COLUMN @extschema@.credits_grants.amount IS 'What was granted.';
COMMENT ON COLUMN @extschema@.credits_grants.remaining IS 'What remains, without what is held.';
COMMENT ON COLUMN @extschema@.credits_grants.held IS 'What is held of it.';
COMMENT ON COLUMN @extschema@.credits_grants.priority IS 'Lower is spent first, after rollover and allowance.';
COMMENT ON COLUMN @extschema@.credits_grants.features IS 'The features that may spend it; NULL for all.';
COMMENT ON COLUMN @extschema@.credits_grants.effective_at IS 'From when it can be spent.';
COMMENT ON COLUMN @extschema@.credits_grants.expires_at IS
'When it expires; for lots that expire by cycle that cycle''s end as now foreseen; NULL where it has no date.';
COMMENT ON COLUMN @extschema@.credits_grants.status IS 'scheduled, active, spent, expired or voided.';
COMMENT ON COLUMN @extschema@.credits_grants.price IS 'What was paid for it, in currency.';
COMMENT ON COLUMN @extschema@.credits_grants.currency IS 'Three capital letters.';
COMMENT ON COLUMN @extschema@.credits_grants.payment_ref IS 'The payment provider''s reference.';
COMMENT ON COLUMN @extschema@.credits_grants.idempotency_key IS 'The key of the operation that made it.';
COMMENT ON COLUMN @extschema@.credits_grants.metadata IS 'The metadata of the operation that made it.';
COMMENT ON COLUMN @extschema@.credits_grants.expires_by_cycle IS 'Whether it expires at the end of a cycle.';
COMMENT ON COLUMN @extschema@.credits_grants.plan IS
'The plan whose allowance or trial it is, or rolled over from; NULL for the account''s own allowance and for
everything else.';
COMMENT ON VIEW @extschema@.credits_allocations IS
'One row per movement of a lot: which lots an operation gave to, or took from. The amounts of a lot add up to
what remains of it without what is held: a hold takes from its lots, capturing what it set aside moves nothing more.';
COMMENT ON COLUMN @extschema@.credits_allocations.account IS 'The account.';
COMMENT ON COLUMN @extschema@.credits_allocations.entry IS 'The entry that moved it.';
COMMENT ON COLUMN @extschema@.credits_allocations.operation IS 'What happened.';
COMMENT ON COLUMN @extschema@.credits_allocations.lot IS 'The lot that moved.';
COMMENT ON COLUMN @extschema@.credits_allocations.lot_kind IS 'Its kind.';
COMMENT ON COLUMN @extschema@.credits_allocations.amount IS
'Change of what remains in the lot, without what is held: + adds to it.';
COMMENT ON COLUMN @extschema@.credits_allocations.effective_at IS 'When it took effect.';
COMMENT ON VIEW @extschema@.credits_cycles IS
'One row per cycle, as recorded: the closed ones, and the running one with closed_at NULL.';
COMMENT ON COLUMN @extschema@.credits_cycles.account IS 'The account.';
COMMENT ON COLUMN @extschema@.credits_cycles.cycle IS 'Number of the cycle.';
COMMENT ON COLUMN @extschema@.credits_cycles.cycle_start IS 'When it began.';
COMMENT ON COLUMN @extschema@.credits_cycles.cycle_end IS
'When it ended or will end; NULL for the running cycle of a manual account.';
COMMENT ON COLUMN @extschema@.credits_cycles.granted IS
'Allowance granted in it, by the account''s own setting and by its plans; trials are not in it.';
COMMENT ON COLUMN @extschema@.credits_cycles.used IS 'What debits, charges and captures drew in it.';
COMMENT ON COLUMN @extschema@.credits_cycles.rolled_over IS 'What rolled over into the next cycle.';
COMMENT ON COLUMN @extschema@.credits_cycles.expired IS
'Allowance and rollover that expired at its end, or in it: with a change of plan (unused_allowance => ''expire''), or
where a hold gave back what had expired meanwhile.';
COMMENT ON COLUMN @extschema@.credits_cycles.debt_forgiven IS 'Debt written off at its end.';
COMMENT ON COLUMN @extschema@.credits_cycles.debt_invoiced IS 'Debt taken off the account at its end, to be billed.';
COMMENT ON COLUMN @extschema@.credits_cycles.closed_at IS 'When its end was recorded; NULL for the running cycle.';
COMMENT ON VIEW @extschema@.credits_usage_daily IS 'Usage by account, day, feature and actor, as recorded.';
COMMENT ON COLUMN @extschema@.credits_usage_daily.account IS 'The account.';
COMMENT ON COLUMN @extschema@.credits_usage_daily.day IS 'Day in UTC.';
COMMENT ON COLUMN @extschema@.credits_usage_daily.feature IS 'The feature, NULL where none was named.';
COMMENT ON COLUMN @extschema@.credits_usage_daily.actor IS 'The actor, NULL where none was named or it was erased.';
COMMENT ON COLUMN @extschema@.credits_usage_daily.operations IS
'How many debits, charges and captures; not charges of free features, which leave no entry.';
COMMENT ON COLUMN @extschema@.credits_usage_daily.quantity IS
'Units of the feature that charges, and captures by quantity, were asked for; a debit has none.';
COMMENT ON COLUMN @extschema@.credits_usage_daily.credits IS 'Credits drawn, debt included.';
COMMENT ON COLUMN @extschema@.credits_usage_daily.from_allowance IS 'Of these, from allowance and rollover lots.';
COMMENT ON COLUMN @extschema@.credits_usage_daily.from_credits IS 'Of these, from all other lots.';
COMMENT ON VIEW @extschema@.credits_usage_by_cycle IS 'Usage by account, cycle and feature, as recorded.';
COMMENT ON COLUMN @extschema@.credits_usage_by_cycle.account IS 'The account.';
COMMENT ON COLUMN @extschema@.credits_usage_by_cycle.cycle IS 'Number of the cycle.';
COMMENT ON COLUMN @extschema@.credits_usage_by_cycle.feature IS 'The feature, NULL where none was named.';
COMMENT ON COLUMN @extschema@.credits_usage_by_cycle.cycle_start IS 'When the cycle began.';
COMMENT ON COLUMN @extschema@.credits_usage_by_cycle.cycle_end IS
'When it ended or will end; NULL for the running cycle of a manual account.';
COMMENT ON COLUMN @extschema@.credits_usage_by_cycle.operations IS
'How many debits, charges and captures; not charges of free features, which leave no entry.';
COMMENT ON COLUMN @extschema@.credits_usage_by_cycle.quantity IS
'Units of the feature that charges, and captures by quantity, were asked for; a debit has none.';
COMMENT ON COLUMN @extschema@.credits_usage_by_cycle.included IS
'Of quantity, the units that the plans'' included units covered.';
COMMENT ON COLUMN @extschema@.credits_usage_by_cycle.credits IS 'Credits drawn, debt included.';
COMMENT ON COLUMN @extschema@.credits_usage_by_cycle.from_allowance IS 'Of these, from allowance and rollover lots.';
COMMENT ON COLUMN @extschema@.credits_usage_by_cycle.from_credits IS 'Of these, from all other lots.';
COMMENT ON VIEW @extschema@.credits_holds IS
'One row per hold. A hold whose time is over has lapsed, whether or not that is recorded yet.';
COMMENT ON COLUMN @extschema@.credits_holds.account IS 'The account.';
COMMENT ON COLUMN @extschema@.credits_holds.hold_key IS
'The idempotency_key of the credits_hold: what captures, releases and extensions name it by.';
COMMENT ON COLUMN @extschema@.credits_holds.entry IS 'The entry that made it.';
COMMENT ON COLUMN @extschema@.credits_holds.amount IS
'What was set aside when it was made, overdraft headroom included.';
COMMENT ON COLUMN @extschema@.credits_holds.remaining IS
'What it still sets aside, overdraft headroom included; 0 unless it is open.';
COMMENT ON COLUMN @extschema@.credits_holds.captured IS
'What captures have drawn so far; above amount where the work cost more than was held.';
COMMENT ON COLUMN @extschema@.credits_holds.status IS
'open; captured; released, also where 0 was captured; or lapsed, which can still be captured once.';
COMMENT ON COLUMN @extschema@.credits_holds.feature IS 'The feature that it was made for; NULL where none was named.';
COMMENT ON COLUMN @extschema@.credits_holds.actor IS
'For whom or what; NULL where none was named or it was erased.';
COMMENT ON COLUMN @extschema@.credits_holds.resource IS
'For the use of what; NULL where none was named or it was erased.';
COMMENT ON COLUMN @extschema@.credits_holds.expires_at IS
'When it lapses, or would have lapsed, by itself.';
COMMENT ON COLUMN @extschema@.credits_holds.made_at IS
'When it was made; it counts for the budgets of this period and cycle while it is open.';
COMMENT ON VIEW @extschema@.credits_expiring IS
'One row per lot of which something remains that will expire unless it is spent, with all that time has done
by now.';
COMMENT ON COLUMN @extschema@.credits_expiring.account IS 'The account.';
COMMENT ON COLUMN @extschema@.credits_expiring.lot IS 'Number of the lot within the account.';
COMMENT ON COLUMN @extschema@.credits_expiring.kind IS 'Its kind.';
COMMENT ON COLUMN @extschema@.credits_expiring.remaining IS 'What remains, without what is held.';
COMMENT ON COLUMN @extschema@.credits_expiring.expires_at IS
'When it expires; NULL for lots that expire with the running cycle of a manual account.';
COMMENT ON VIEW @extschema@.credits_invoice_lines IS
'What a cycle, closed or running, is to be billed for, as recorded: one row per account, cycle and feature.
Closed cycles never change.';
COMMENT ON COLUMN @extschema@.credits_invoice_lines.account IS 'The account.';
COMMENT ON COLUMN @extschema@.credits_invoice_lines.cycle IS 'Number of the cycle.';
COMMENT ON COLUMN @extschema@.credits_invoice_lines.feature IS
'The feature; NULL for debits and captures that named none and for debt that was invoiced.';
COMMENT ON COLUMN @extschema@.credits_invoice_lines.cycle_start IS 'When the cycle began.';
COMMENT ON COLUMN @extschema@.credits_invoice_lines.cycle_end IS
'When it ended or will end; NULL for the running cycle of a manual account.';
COMMENT ON COLUMN @extschema@.credits_invoice_lines.quantity IS
'Units of the feature that charges, and captures by quantity, were asked for; a debit has none.';
COMMENT ON COLUMN @extschema@.credits_invoice_lines.included IS
'Of quantity, the units that the plans'' included units covered.';
COMMENT ON COLUMN @extschema@.credits_invoice_lines.credits IS 'Credits drawn, debt included.';
COMMENT ON COLUMN @extschema@.credits_invoice_lines.from_allowance IS 'Of these, from allowance and rollover lots.';
COMMENT ON COLUMN @extschema@.credits_invoice_lines.from_credits IS 'Of these, from all other lots.';
COMMENT ON COLUMN @extschema@.credits_invoice_lines.debt_invoiced IS
'Debt that was taken off the account at the cycle''s end, to be billed; on the line without a feature, else 0.';
COMMENT ON VIEW @extschema@.credits_plans IS
'One row per plan: the newest version. Accounts that hold the plan get its allowance and included units from their
next cycle.';
COMMENT ON COLUMN @extschema@.credits_plans.plan IS 'Name of the plan, compared bytewise.';
COMMENT ON COLUMN @extschema@.credits_plans.allowance IS 'Credits per cycle; where per_seat, for each seat.';
COMMENT ON COLUMN @extschema@.credits_plans.per_seat IS 'Whether the allowance is multiplied by the seats.';
COMMENT ON COLUMN @extschema@.credits_plans.seat_cap IS
'Seats above this number add no allowance; NULL for no cap.';
COMMENT ON COLUMN @extschema@.credits_plans.rank IS
'Decides when a change of plan takes effect: to a higher or equal rank at once, to a lower one at the cycle''s end.';
COMMENT ON COLUMN @extschema@.credits_plans.trial IS
'Whether its allowance is given once per account, as a lot of kind trial, and never again.';
COMMENT ON COLUMN @extschema@.credits_plans.trial_period IS
'How long the trial''s lot lasts; NULL: until conversion, and where the plan is no trial.';
COMMENT ON COLUMN @extschema@.credits_plans.purchases IS
'Whether an account with this plan may buy credits; one of its plans is enough.';
COMMENT ON COLUMN @extschema@.credits_plans.rollover_percent IS
'How much of what is unused of its allowance rolls over, 0 to 100.';
COMMENT ON COLUMN @extschema@.credits_plans.rollover_max IS
'Bound on all living rollover of the plan together, in credits; NULL for none.';
COMMENT ON COLUMN @extschema@.credits_plans.rollover_cycles IS 'How many cycles what rolled over lives.';
COMMENT ON COLUMN @extschema@.credits_plans.metadata IS 'What the application keeps with the plan.';
COMMENT ON COLUMN @extschema@.credits_plans.included IS
'Included units per cycle, as an object: feature to units.';
COMMENT ON COLUMN @extschema@.credits_plans.version IS 'Number of the version within the plan: 1, 2, 3 …';
COMMENT ON COLUMN @extschema@.credits_plans.defined_at IS 'When this version was defined.';
COMMENT ON COLUMN @extschema@.credits_plans.defined_by IS 'The role that defined it.';
COMMENT ON VIEW @extschema@.credits_subscriptions IS
'One row per plan that an account holds, with what is pending for its next cycle, as recorded.';
COMMENT ON COLUMN @extschema@.credits_subscriptions.account IS 'The account.';
COMMENT ON COLUMN @extschema@.credits_subscriptions.plan IS 'The plan.';
COMMENT ON COLUMN @extschema@.credits_subscriptions.seats IS
'Its seats now, those above the plan''s seat_cap counted.';
COMMENT ON COLUMN @extschema@.credits_subscriptions.anchor IS
'The boundary from which the account''s cycles are counted; the same for all its plans.';
COMMENT ON COLUMN @extschema@.credits_subscriptions.pending_plan IS
'The plan that replaces it when the cycle ends; NULL for none.';
COMMENT ON COLUMN @extschema@.credits_subscriptions.pending_seats IS
'Its seats from the next cycle on; NULL where they stay.';
COMMENT ON COLUMN @extschema@.credits_subscriptions.pending_end IS 'Whether it ends when the cycle ends.';
COMMENT ON COLUMN @extschema@.credits_subscriptions.pending_at IS
'When what is pending takes effect; NULL where nothing is, and on a manual account.';
COMMENT ON COLUMN @extschema@.credits_subscriptions.subscribed_at IS 'When the plan was taken up.';
COMMENT ON VIEW @extschema@.credits_rates IS
'One row per rate that is in force or scheduled. Rates that are over, or were replaced before they came into force,
are not shown.';
COMMENT ON COLUMN @extschema@.credits_rates.feature IS 'The feature.';
COMMENT ON COLUMN @extschema@.credits_rates.credits IS 'Credits for per_units units, or for a package; 0 where free.';
COMMENT ON COLUMN @extschema@.credits_rates.per_units IS 'Units that credits pays for.';
COMMENT ON COLUMN @extschema@.credits_rates.model IS
'per_unit: in proportion to the quantity; package: whole packages of per_units units.';
COMMENT ON COLUMN @extschema@.credits_rates.free IS
'Whether the feature costs nothing and its charges are not recorded.';
COMMENT ON COLUMN @extschema@.credits_rates.effective_at IS 'From when it counts.';
COMMENT ON COLUMN @extschema@.credits_rates.effective_until IS
'When the next scheduled rate of the feature replaces it; NULL where none is scheduled.';
COMMENT ON COLUMN @extschema@.credits_rates.in_force IS 'Whether it counts now; false where it is scheduled.';
COMMENT ON COLUMN @extschema@.credits_rates.version IS 'Number of the version within the feature: 1, 2, 3 …';
COMMENT ON COLUMN @extschema@.credits_rates.defined_at IS 'When it was defined.';
COMMENT ON COLUMN @extschema@.credits_rates.defined_by IS 'The role that defined it.';
COMMENT ON VIEW @extschema@.credits_features IS
'One row per feature that was ever switched for an account; any other feature is on.';
COMMENT ON COLUMN @extschema@.credits_features.account IS 'The account.';
COMMENT ON COLUMN @extschema@.credits_features.feature IS 'The feature.';
COMMENT ON COLUMN @extschema@.credits_features.enabled IS
'Whether the account may use it; where false, debits, charges and holds that name it are refused (LC010).';
COMMENT ON COLUMN @extschema@.credits_features.changed_at IS 'When it was last switched.';
COMMENT ON VIEW @extschema@.credits_budgets IS
'One row per budget of an account, with what was drawn in the running period. A budget for each actor (''*'') has
a row for every actor who has drawn or holds in it, and a single row while none has.';
COMMENT ON COLUMN @extschema@.credits_budgets.account IS 'The account.';
COMMENT ON COLUMN @extschema@.credits_budgets.budget_limit IS 'Credits that may be drawn in each period.';
COMMENT ON COLUMN @extschema@.credits_budgets.period IS
'cycle, or hour, day or month in the account''s time zone.';
COMMENT ON COLUMN @extschema@.credits_budgets.actor IS
'Whose use it limits; ''*'' for each actor on its own, NULL for all together.';
COMMENT ON COLUMN @extschema@.credits_budgets.feature IS 'The use of which feature it limits; NULL for all together.';
COMMENT ON COLUMN @extschema@.credits_budgets.used IS
'Credits drawn in the running period, debt included, and what open holds that were made in it set aside; above
budget_limit where usage was recorded with allow, or the limit was lowered.';
COMMENT ON COLUMN @extschema@.credits_budgets.remaining IS 'Credits that may still be drawn in it; never below 0.';
COMMENT ON COLUMN @extschema@.credits_budgets.used_by IS
'For a budget of each actor, the one whose row it is; NULL for operations without an actor, while none has drawn or
holds, and for other budgets.';
COMMENT ON COLUMN @extschema@.credits_budgets.period_start IS 'When the running period began.';
COMMENT ON COLUMN @extschema@.credits_budgets.period_end IS
'When it ends and used is 0 again; NULL for the cycle of a manual account.';
COMMENT ON VIEW @extschema@.credits_packs IS 'One row per pack, as it is sold now: its newest version.';
COMMENT ON COLUMN @extschema@.credits_packs.pack IS 'Name of the pack.';
COMMENT ON COLUMN @extschema@.credits_packs.credits IS 'Credits that it gives for its price.';
COMMENT ON COLUMN @extschema@.credits_packs.price IS 'Its price, in currency.';
COMMENT ON COLUMN @extschema@.credits_packs.currency IS 'Three capital letters.';
COMMENT ON COLUMN @extschema@.credits_packs.minimum_price IS
'Set: the credits scale with the price paid, which must not be less; NULL: they are the same whatever was paid.';
COMMENT ON COLUMN @extschema@.credits_packs.version IS 'Number of the version within the pack.';
COMMENT ON COLUMN @extschema@.credits_packs.defined_at IS 'When it was defined.';
COMMENT ON COLUMN @extschema@.credits_packs.defined_by IS 'The role that defined it.';
COMMENT ON VIEW @extschema@.credits_auto_recharges IS
'How auto-recharge is set, and how it fares: one row per account that ever had it.';
COMMENT ON COLUMN @extschema@.credits_auto_recharges.account IS 'The account.';
COMMENT ON COLUMN @extschema@.credits_auto_recharges.threshold IS 'The level that is watched, in credits.';
COMMENT ON COLUMN @extschema@.credits_auto_recharges.pack IS
'The pack that is bought; its newest version when a request is made.';
COMMENT ON COLUMN @extschema@.credits_auto_recharges.trigger IS
'below or at_or_below: when the measure is past the threshold.';
COMMENT ON COLUMN @extschema@.credits_auto_recharges.measure IS
'What is compared with it: available, or credits; always less the debt.';
COMMENT ON COLUMN @extschema@.credits_auto_recharges.max_packs IS 'At most so many packs in one request.';
COMMENT ON COLUMN @extschema@.credits_auto_recharges.monthly_limit IS
'At most so much money in a calendar month of the account''s time zone, in the pack''s currency, open requests
counted; NULL for no limit.';
COMMENT ON COLUMN @extschema@.credits_auto_recharges.payment_method IS
'The payment provider''s name of the saved method.';
COMMENT ON COLUMN @extschema@.credits_auto_recharges.enabled IS 'Whether requests are made.';
COMMENT ON COLUMN @extschema@.credits_auto_recharges.status IS
'active; disabled where it is not enabled; suspended by failures.';
COMMENT ON COLUMN @extschema@.credits_auto_recharges.failures IS 'Recorded failures in a row.';
COMMENT ON COLUMN @extschema@.credits_auto_recharges.last_error_code IS
'The code of the last failure, until a request is completed.';
COMMENT ON COLUMN @extschema@.credits_auto_recharges.last_error IS 'Its message.';
COMMENT ON VIEW @extschema@.credits_recharges IS 'Requests for money, one row each.';
COMMENT ON COLUMN @extschema@.credits_recharges.account IS 'The account.';
COMMENT ON COLUMN @extschema@.credits_recharges.recharge IS 'Number of the request within the account.';
COMMENT ON COLUMN @extschema@.credits_recharges.status IS
'open (waiting for a worker), claimed, completed, failed or cancelled.';
COMMENT ON COLUMN @extschema@.credits_recharges.quantity IS 'How many packs.';
COMMENT ON COLUMN @extschema@.credits_recharges.credits IS 'Credits of all of them.';
COMMENT ON COLUMN @extschema@.credits_recharges.price IS 'Price of all of them, in currency.';
COMMENT ON COLUMN @extschema@.credits_recharges.currency IS 'Three capital letters.';
COMMENT ON COLUMN @extschema@.credits_recharges.attempts IS 'How often it was claimed.';
COMMENT ON COLUMN @extschema@.credits_recharges.last_error_code IS 'The code of the last failure that was recorded.';
COMMENT ON COLUMN @extschema@.credits_recharges.last_error IS 'Its message.';
COMMENT ON COLUMN @extschema@.credits_recharges.next_attempt_at IS
'From when a worker may claim it, again where one has it; NULL once it is settled.';
COMMENT ON COLUMN @extschema@.credits_recharges.payment_ref IS 'The payment that completed it.';
COMMENT ON COLUMN @extschema@.credits_recharges.requested_at IS 'When it was made; decides in which month it counts.';
COMMENT ON COLUMN @extschema@.credits_recharges.settled_at IS
'When it was completed, failed or cancelled; NULL while it is open.';
COMMENT ON COLUMN @extschema@.credits_recharges.pack IS 'The pack.';
COMMENT ON COLUMN @extschema@.credits_recharges.payment_method IS 'The payment method of the last claim.';
COMMENT ON COLUMN @extschema@.credits_recharges.payment_idempotency_key IS
'The payment provider''s idempotency key of the last claim; NULL before the first one and after a recorded failure.';
COMMENT ON COLUMN @extschema@.credits_recharges.entry IS
'The entry that gave the credits: its own, or the purchase that had credited the payment.';
COMMENT ON VIEW @extschema@.credits_events IS
'What applications are told of, one row per event, acknowledged or not. Fetch events with credits_claim_events.';
COMMENT ON COLUMN @extschema@.credits_events.account IS 'The account.';
COMMENT ON COLUMN @extschema@.credits_events.event IS 'Number of the event within the account, without gaps.';
COMMENT ON COLUMN @extschema@.credits_events.type IS
'What happened: cycle.closed, lot.expired, account.frozen; recharge.requested, recharge.completed, recharge.failed,
recharge.suspended, recharge.capped; alert.cleared, or alert. and the name of the alert that fired.';
COMMENT ON COLUMN @extschema@.credits_events.payload IS 'The figures, by type; amounts as text.';
COMMENT ON COLUMN @extschema@.credits_events.entry IS 'The account''s newest entry when it was written.';
COMMENT ON COLUMN @extschema@.credits_events.occurred_at IS 'The instant at which it happened.';
COMMENT ON COLUMN @extschema@.credits_events.acknowledged_at IS 'When a consumer was done with it; NULL: it waits.';
COMMENT ON COLUMN @extschema@.credits_events.leased_until IS
'Until when a consumer has it; then it is handed out again. NULL where it never was, or is acknowledged.';
COMMENT ON VIEW @extschema@.credits_alerts IS
'Alerts of the accounts: the two that every account has, low and exhausted, and those that were set.';
COMMENT ON COLUMN @extschema@.credits_alerts.account IS 'The account.';
COMMENT ON COLUMN @extschema@.credits_alerts.alert IS 'Its name; it fires as the event alert.<name>.';
COMMENT ON COLUMN @extschema@.credits_alerts.below IS 'Condition: less than this is available; NULL: any.';
COMMENT ON COLUMN @extschema@.credits_alerts.used_percent IS
'Condition: so many percent of used + available are used, or more; NULL: any.';
COMMENT ON COLUMN @extschema@.credits_alerts.only_if_on_pace IS 'Condition: it runs out before the cycle ends.';
COMMENT ON COLUMN @extschema@.credits_alerts.enabled IS 'Whether it may fire.';
COMMENT ON COLUMN @extschema@.credits_alerts.fired_at IS
'Since when its condition has been told; NULL: it is armed, and fires when its condition becomes true.';
