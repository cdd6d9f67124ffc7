//! Random histories of one account, kept in memory twice: once on books that know as few lots as they can, as the
//! extension does it, and once on complete ones. Entries, hashes and all must be the same, the audit must find nothing,
//! and no credit may come from nowhere.

use credits_domain::account::{Account, DebtPolicy, Settings, Status};
use credits_domain::amount::Amount;
use credits_domain::audit::{Auditor, PastSettings, Rows};
use credits_domain::book::{Book, ClosedCycle, Context, Description, Extent, Outcome, Purpose, Stop};
use credits_domain::debit::{Debit, OnInsufficient};
use credits_domain::entry::{Dimensions, Entry, Operation};
use credits_domain::error::{Code, Error};
use credits_domain::grant::{Grant, GrantExpiry};
use credits_domain::lifecycle::{Changes, Detail, Opening};
use credits_domain::lot::{Lot, LotKind, LotStatus};
use credits_domain::time::{Interval, Timestamp};
use credits_domain::zone_tz::Named;
use proptest::prelude::*;
use std::collections::BTreeMap;

const HOUR: i64 = 3_600_000_000;

/// An account and all that was written of it.
#[derive(Clone)]
struct Ledger {
    zone: &'static str,
    account: Account,
    lots: BTreeMap<i32, Lot>,
    entries: Vec<Entry>,
    closed: Vec<ClosedCycle>,
    description: Option<Description>,
    /// Whether books know as few lots as they can.
    lazy: bool,
}

impl Ledger {
    fn book(&self, extent: Extent, now: Timestamp) -> Book {
        let context = Context { now, began: now, clock_was_set: true, recorded_by: "somebody".into() };
        let due = self.account.next_event_at <= now && !self.account.is_closed();
        let extent = if due { Extent::All } else { extent };
        let mut lots: Vec<Lot> = self.lots.values().filter(|lot| lot.is_open()).cloned().collect();
        lots.sort_by_key(Lot::burn_key);
        let (lots, extent) = match extent {
            Extent::Head => (Vec::new(), Extent::Head),
            Extent::Prefix if lots.len() > 2 => (lots[..2].to_vec(), Extent::Prefix),
            _ => (lots, Extent::All),
        };
        let lots = lots.into_iter().map(|lot| self.with_head(lot)).collect();
        Book::new(self.account.clone(), lots, extent, context)
    }

    fn with_head(&self, mut lot: Lot) -> Lot {
        if let Some(head) = self.account.head
            && head.lot == lot.lot
        {
            lot.changed |= lot.remaining != head.remaining;
            lot.remaining = head.remaining;
        }
        lot
    }

    fn all_lots(&self) -> Vec<Lot> {
        self.lots.values().cloned().map(|lot| self.with_head(lot)).collect()
    }

    /// Does it on the smallest book that can, and writes what it leaves.
    fn run<T>(&mut self, now: Timestamp, operation: &dyn Fn(&mut Book) -> Outcome<T>) -> Result<T, Error> {
        let extents = if self.lazy { &[Extent::Head, Extent::Prefix, Extent::All][..] } else { &[Extent::All] };
        for extent in extents {
            let mut book = self.book(*extent, now);
            let zone = Named::new(self.zone);
            let done = book.settle(&zone).and_then(|()| operation(&mut book)).and_then(|value| {
                book.seal()?;
                Ok(value)
            });
            match done {
                Ok(value) => {
                    self.save(book);
                    return Ok(value);
                }
                Err(Stop::NeedMore) => assert_ne!(*extent, Extent::All, "a complete book asked for more lots"),
                Err(Stop::Refused(error)) => return Err(error),
            }
        }
        unreachable!("a complete book asked for more lots")
    }

    fn save(&mut self, book: Book) {
        for lot in book.all_lots().filter(|lot| lot.changed) {
            self.lots.insert(lot.lot, Lot { changed: false, ..lot.clone() });
        }
        self.description = book.redescribed.clone().or(self.description.take());
        self.account = book.account;
        self.entries.extend(book.entries);
        self.closed.extend(book.closed);
    }

    fn audit(&self) {
        let lots = self.all_lots();
        let mut auditor = Auditor::new(&self.account, &lots, &self.closed);
        self.entries.iter().for_each(|entry| auditor.entry(entry));
        let opened_with = &self.description.as_ref().expect("opened").opened_with;
        let opened_with = serde_json::to_string(opened_with).expect("plain values");
        let rows = Rows { closed: &self.closed, settings: &self.settings(), opened_with: &opened_with };
        let problems = auditor.finish(&rows, &Named::new(self.zone));
        assert!(problems.is_empty(), "{problems:?}");
    }

    fn settings(&self) -> Vec<PastSettings> {
        let settings = self.entries.iter().filter(|entry| entry.operation.is_setting());
        settings
            .map(|entry| {
                let detail = Detail::from_json(entry.detail.as_deref().expect("a setting has it")).expect("it is JSON");
                let overdraft_limit = detail.settings.overdraft_limit;
                PastSettings { entry: entry.entry, status: detail.status, overdraft_limit }
            })
            .collect()
    }

    /// granted = spent + held + remaining + expired - debt that was drawn and neither repaid nor written off.
    fn conserves(&self) {
        let total = |operations: &[Operation]| -> Amount {
            let of = self.entries.iter().filter(|entry| operations.contains(&entry.operation));
            of.map(|entry| entry.amount).sum()
        };
        let balances = self.account.balances;
        let granted = total(&[Operation::Grant, Operation::Allowance]);
        let gone = total(&[Operation::Debit, Operation::Expire]);
        let written_off = total(&[Operation::Forgive, Operation::Invoice]);
        assert_eq!(granted + balances.debt + written_off, gone + balances.allowance + balances.credits);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Wait { hours: i64 },
    Grant { amount: i64, kind: LotKind, expiry: u8, delay: Option<i64>, priority: Option<i32>, restricted: bool },
    Debit { amount: i64, mode: OnInsufficient, restricted: bool },
    Reset { hours_ago: i64 },
    Configure { allowance: Option<i64>, limit: Option<i64>, policy: Option<DebtPolicy>, manual: Option<bool> },
    Freeze,
    Unfreeze,
    Close,
}

fn policy() -> impl Strategy<Value = DebtPolicy> {
    prop::sample::select(vec![DebtPolicy::Repay, DebtPolicy::ForgiveAtReset, DebtPolicy::InvoiceAtReset])
}

fn step() -> impl Strategy<Value = Step> {
    let kinds = vec![LotKind::Purchase, LotKind::Promo, LotKind::Welcome, LotKind::Adjustment];
    let modes = vec![OnInsufficient::Error, OnInsufficient::Refuse, OnInsufficient::Partial, OnInsufficient::Allow];
    prop_oneof![
        4 => (0..60i64).prop_map(|hours| Step::Wait { hours }),
        1 => (100..2000i64).prop_map(|hours| Step::Wait { hours }),
        6 => (1..100i64, prop::sample::select(kinds), 0..5u8, prop::option::weighted(0.2, 1..300i64),
              prop::option::weighted(0.3, 1..200i32), any::<bool>())
            .prop_map(|(amount, kind, expiry, delay, priority, restricted)|
                Step::Grant { amount, kind, expiry, delay, priority, restricted }),
        12 => (1..120i64, prop::sample::select(modes), any::<bool>())
            .prop_map(|(amount, mode, restricted)| Step::Debit { amount, mode, restricted }),
        1 => (0..400i64).prop_map(|hours_ago| Step::Reset { hours_ago }),
        1 => (prop::option::of(0..100i64), prop::option::of(0..50i64), prop::option::of(policy()),
              prop::option::of(any::<bool>()))
            .prop_map(|(allowance, limit, policy, manual)| Step::Configure { allowance, limit, policy, manual }),
        1 => Just(Step::Freeze),
        3 => Just(Step::Unfreeze),
    ]
}

fn expiry(kind: u8, now: Timestamp) -> GrantExpiry {
    match kind {
        0 | 1 => GrantExpiry::Never,
        2 => GrantExpiry::At(Timestamp(now.0 + 500 * HOUR)),
        3 => GrantExpiry::In(Interval { months: 0, days: 9, micros: 0 }),
        _ => GrantExpiry::AfterCycles(2),
    }
}

/// Does a step on a ledger and says what it answered, as text.
fn apply(ledger: &mut Ledger, step: &Step, number: usize, now: Timestamp) -> String {
    let zone = Named::new(ledger.zone);
    let whole = Amount::from_credits;
    let answer = match step {
        Step::Wait { .. } => Ok("waited".to_string()),
        Step::Grant { amount, kind, expiry: how, delay, priority, restricted } => {
            let grant = Grant {
                amount: whole(*amount),
                key: format!("k{number}"),
                kind: *kind,
                expiry: expiry(*how, now),
                effective_at: delay.map(|hours| Timestamp(now.0 + hours * HOUR)),
                priority: *priority,
                features: if *restricted { vec!["chat".into()] } else { Vec::new() },
                price: None,
                payment_ref: None,
                dimensions: Dimensions::default(),
            };
            ledger.run(now, &|book| book.grant(grant.clone(), &zone)).map(|receipt| format!("{receipt:?}"))
        }
        Step::Debit { amount, mode, restricted } => {
            let debit = Debit {
                amount: whole(*amount),
                key: format!("k{number}"),
                on_insufficient: *mode,
                dimensions: Dimensions { feature: restricted.then(|| "chat".into()), ..Dimensions::default() },
            };
            ledger.run(now, &|book| book.debit(&debit)).map(|receipt| format!("{receipt:?}"))
        }
        Step::Reset { hours_ago } => {
            let key = Some(credits_domain::entry::Key { key: format!("k{number}"), request: 0 });
            let starts_at = Some(Timestamp(now.0 - hours_ago * HOUR));
            ledger.run(now, &|book| book.reset(key.clone(), starts_at, &zone)).map(|result| format!("{result:?}"))
        }
        Step::Configure { allowance, limit, policy, manual } => {
            let changes = Changes {
                allowance: allowance.map(whole),
                overdraft_limit: limit.map(whole),
                debt_policy: *policy,
                cycle_length: manual.map(|manual| if manual { Interval::ZERO } else { Interval::MONTH }),
                ..Changes::default()
            };
            let description = ledger.description.clone().expect("opened");
            ledger
                .run(now, &|book| book.configure(changes.clone(), description.clone(), &zone, &zone))
                .map(|()| "configured".into())
        }
        Step::Freeze => ledger.run(now, &|book| book.freeze("why not".into(), &zone)).map(|()| "frozen".into()),
        Step::Unfreeze => ledger.run(now, &|book| book.unfreeze(&zone)).map(|()| "unfrozen".into()),
        Step::Close => ledger.run(now, &|book| book.close("the end".into(), &zone)).map(|()| "closed".into()),
    };
    answer.unwrap_or_else(|error| error.to_string())
}

fn open(zone: &'static str, settings: Settings, now: Timestamp, lazy: bool) -> Ledger {
    let account = Account::unopened("acme", settings.clone(), now);
    let mut ledger = Ledger {
        zone,
        account,
        lots: BTreeMap::new(),
        entries: Vec::new(),
        closed: Vec::new(),
        description: None,
        lazy,
    };
    let opening = Opening { settings, anchor_given: false, metadata: Dimensions::default() };
    let mut book = ledger.book(Extent::All, now);
    book.open(opening, false, &Named::new(zone)).expect("it opens");
    book.seal().expect("it knows all lots");
    ledger.save(book);
    ledger
}

fn settings() -> impl Strategy<Value = Settings> {
    let lengths = vec![
        Interval::MONTH,
        Interval { months: 0, days: 7, micros: 0 },
        Interval { months: 0, days: 1, micros: 0 },
        Interval::ZERO,
    ];
    (0..60i64, prop::sample::select(lengths), 0..=100i64, prop::option::of(0..80i64), 0..40i64, policy()).prop_map(
        |(allowance, cycle_length, percent, max, limit, debt_policy)| Settings {
            allowance: Amount::from_credits(allowance),
            cycle_length,
            rollover_percent: Amount::from_credits(percent),
            rollover_max: max.map(Amount::from_credits),
            overdraft_limit: Amount::from_credits(limit),
            debt_policy,
            ..Settings::defaults(START)
        },
    )
}

/// 31 January 2026, noon UTC.
const START: Timestamp = Timestamp(823_176_000_000_000 - 1_209_600_000_000);

/// How many histories to play; more by the environment variable HISTORIES.
fn cases() -> u32 {
    std::env::var("HISTORIES").ok().and_then(|n| n.parse().ok()).unwrap_or(100)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn books_of_any_size_leave_the_same_entries(
        settings in settings(),
        zone in prop::sample::select(vec!["UTC", "America/New_York", "Europe/Berlin"]),
        steps in prop::collection::vec(step(), 1..60),
        close in any::<bool>(),
    ) {
        let mut now = START;
        let settings = Settings { time_zone: zone.into(), ..settings };
        let mut lazy = open(zone, settings.clone(), now, true);
        let mut full = open(zone, settings, now, false);
        for (number, step) in steps.iter().chain(close.then_some(&Step::Close)).enumerate() {
            if let Step::Wait { hours } = step {
                now = Timestamp(now.0 + hours * HOUR);
            }
            let said = apply(&mut lazy, step, number, now);
            prop_assert_eq!(&said, &apply(&mut full, step, number, now));
            prop_assert_eq!(&lazy.entries, &full.entries);
            prop_assert_eq!(&lazy.closed, &full.closed);
            prop_assert_eq!(lazy.account.balances, full.account.balances);
            prop_assert!(lazy.account.next_event_at <= full.account.next_event_at);
            let lots = |ledger: &Ledger| -> Vec<_> {
                ledger.all_lots().iter().map(|lot| (lot.lot, lot.status, lot.remaining, lot.expiry)).collect()
            };
            prop_assert_eq!(lots(&lazy), lots(&full));
            lazy.audit();
            lazy.conserves();
        }
    }

    #[test]
    fn a_read_says_what_the_next_write_finds(
        settings in settings(), steps in prop::collection::vec(step(), 1..30), hours in 0..3000i64,
    ) {
        let mut now = START;
        let mut ledger = open("UTC", settings, now, true);
        for (number, step) in steps.iter().enumerate() {
            if let Step::Wait { hours } = step {
                now = Timestamp(now.0 + hours * HOUR);
            }
            apply(&mut ledger, step, number, now);
        }
        let later = Timestamp(now.0 + hours * HOUR);
        let mut read = ledger.book(Extent::Head, later);
        read.purpose = Purpose::Read;
        read.settle(&Named::new("UTC")).expect("it knows enough");
        prop_assert!(read.entries.is_empty() && read.retired.len() <= 1);
        ledger.run(later, &|_| Ok(())).expect("time passes");
        prop_assert_eq!(read.account.balances, ledger.account.balances);
        prop_assert_eq!(read.account.cycle, ledger.account.cycle);
        prop_assert_eq!((read.account.used, read.account.granted), (ledger.account.used, ledger.account.granted));
        prop_assert_eq!(read.account.entry, ledger.account.entry);
    }

    #[test]
    fn the_plan_is_what_the_debit_does(
        settings in settings(), steps in prop::collection::vec(step(), 1..30), amount in 1..300i64, restricted in any::<bool>(),
    ) {
        let mut now = START;
        let mut ledger = open("UTC", settings, now, true);
        for (number, step) in steps.iter().enumerate() {
            if let Step::Wait { hours } = step {
                now = Timestamp(now.0 + hours * HOUR);
            }
            apply(&mut ledger, step, number, now);
        }
        if ledger.account.status != Status::Open {
            return Ok(());
        }
        let feature = restricted.then_some("chat");
        let mut book = ledger.book(Extent::All, now);
        book.settle(&Named::new("UTC")).expect("it knows all lots");
        let plan = book.explain_debit(Amount::from_credits(amount), feature).expect("it knows all lots");
        let debit = Debit {
            amount: Amount::from_credits(amount),
            key: "last".into(),
            on_insufficient: OnInsufficient::Error,
            dimensions: Dimensions { feature: feature.map(Into::into), ..Dimensions::default() },
        };
        let done = book.debit(&debit);
        if plan.iter().any(|line| line.kind == "shortfall") {
            let refused = matches!(done, Err(Stop::Refused(Error { code: Code::InsufficientCredits, .. })));
            prop_assert!(refused);
        } else {
            let receipt = done.expect("the plan says so");
            let taken: Vec<_> = plan.iter().filter_map(|line| line.lot.map(|lot| (lot, -line.takes))).collect();
            let moved: Vec<_> = book.entries.last().expect("the debit").movements.iter().map(|m| (m.lot, m.amount)).collect();
            prop_assert_eq!(taken, moved);
            prop_assert_eq!(receipt.from_allowance + receipt.from_credits + receipt.overdraft, receipt.amount);
        }
    }
}

#[test]
fn a_thousand_missed_cycles_are_closed_one_by_one() {
    let settings = Settings {
        allowance: Amount::from_credits(10),
        cycle_length: Interval { months: 0, days: 1, micros: 0 },
        rollover_percent: Amount::from_credits(50),
        ..Settings::defaults(START)
    };
    let mut ledger = open("Europe/Berlin", settings, START, true);
    let later = Timestamp(START.0 + 1000 * 24 * HOUR);
    ledger.run(later, &|_| Ok(())).expect("time passes");
    assert_eq!(ledger.account.cycle.number, 1001);
    assert_eq!(ledger.closed.len(), 1000);
    // Half of each day's 10 lives one day longer: 10 of today and 5 of yesterday.
    assert_eq!(ledger.account.balances.allowance, Amount::from_credits(15));
    assert!(ledger.lots.values().filter(|lot| lot.status == LotStatus::Active).count() == 2);
    ledger.audit();
}
