//! How fast an account uses what it has, and when it runs out at that speed.

use crate::account::Account;
use crate::alert::Condition;
use crate::amount::Amount;
use crate::book::{Book, Extent, Outcome, Stop};
use crate::lot::LotStatus;
use crate::time::Timestamp;

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;
/// 100 percent, counted in millionths.
const WHOLE: i128 = 100_000_000;
/// 1 January 10000 UTC: so far ahead nothing is foreseen. Many languages know no later date.
const FAR: Timestamp = Timestamp(252_455_616_000_000_000);

/// What the use of an account is judged by, at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// In this cycle; after late refunds zero, never less.
    pub used: Amount,
    pub available: Amount,
    /// What the cycle's usage can come to without another grant: used, available, or set aside by holds.
    whole: Amount,
    now: Timestamp,
    /// Microseconds since the cycle began, or the account was opened in it; at least an hour.
    elapsed: i64,
    /// `None`: closed by hand.
    pub cycle_end: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Ok,
    /// The condition of the alert `low` holds.
    Low,
    /// Nothing is available, and something was once.
    Exhausted,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Low => "low",
            State::Exhausted => "exhausted",
        }
    }
}

impl Account {
    /// As it stands at `now`, once time is settled.
    pub fn standing(&self, now: Timestamp) -> Standing {
        let (used, available) = (self.used.or_zero(), self.balances.available());
        Standing {
            used,
            available,
            whole: used + available + self.balances.held + self.headroom,
            now,
            elapsed: now.0.saturating_sub(self.cycle.start.max(self.opened_at).0).max(HOUR),
            cycle_end: self.cycle.end,
        }
    }
}

impl Standing {
    /// 0 to 100, rounded to the sixth decimal; 0 where there is nothing of either.
    pub fn used_percent(&self) -> Amount {
        let both = (self.used + self.available).micros();
        Amount::from_micros(if both == 0 { 0 } else { rounded(self.used.micros() * WHOLE, both) })
    }

    /// Credits used per day, rounded to the sixth decimal.
    pub fn burn_per_day(&self) -> Amount {
        Amount::from_micros(rounded(self.used.micros() * i128::from(DAY), i128::from(self.elapsed)))
    }

    /// When nothing is available any more if usage goes on as it has; `None`: nothing is used, or it is too far ahead.
    pub fn runs_out_at(&self) -> Option<Timestamp> {
        let time = self.available.micros().checked_mul(i128::from(self.elapsed))?;
        let left = time.checked_div(self.used.micros())?;
        let at = self.now.0.checked_add(i64::try_from(left).ok()?)?;
        (at < FAR.0).then_some(Timestamp(at))
    }

    /// Whether it runs out before the cycle ends; one that is closed by hand has no end yet.
    pub fn on_pace(&self) -> bool {
        self.runs_out_at().is_some_and(|at| self.cycle_end.is_none_or(|end| at < end))
    }

    /// Whether so many percent are used, exactly.
    pub(crate) fn has_used(&self, percent: Amount) -> bool {
        let (used, percent) = (self.used.micros(), percent.micros());
        used > 0 && used * (WHOLE - percent) >= self.available.micros() * percent
    }

    /// [`Standing::has_used`] can only become true where less than this is available, unless more is granted.
    pub(crate) fn level_of_use(&self, percent: Amount) -> Amount {
        let left = self.whole.micros() * (WHOLE - percent.micros()) / WHOLE;
        Amount::from_micros(left + 1).min(self.whole)
    }

    /// [`Standing::on_pace`] can only become true in this cycle where less than this is available, unless more is granted:
    /// as time goes by, it takes ever more usage to be on pace.
    pub(crate) fn level_of_pace(&self) -> Amount {
        let Some(end) = self.cycle_end else { return self.whole };
        let left = i128::from(end.0.saturating_sub(self.now.0).max(0));
        let length = i128::from(self.elapsed) + left;
        let level = self.whole.micros().checked_mul(left).map(|product| crate::amount::divided_up(product, length));
        level.map_or(self.whole, Amount::from_micros)
    }
}

/// `a / b`, to the nearest; neither may be negative, `b` must be above zero.
fn rounded(a: i128, b: i128) -> i128 {
    (2 * a + b) / (2 * b)
}

impl Book {
    /// Whether the account has ever got anything; a grant that is yet to become effective is nothing yet.
    pub(crate) fn was_granted(&self) -> Outcome<bool> {
        let account = &self.account;
        let balances = &account.balances;
        if account.lots == 0 {
            return Ok(false);
        }
        if (balances.allowance + balances.credits + balances.held + account.granted).is_positive() {
            return Ok(true);
        }
        if self.extent != Extent::All {
            return Err(Stop::NeedMore);
        }
        let scheduled = self.lots.iter().filter(|lot| lot.status == LotStatus::Scheduled).count();
        Ok(account.lots as usize > scheduled)
    }

    /// Whether nothing is available, though something was once.
    pub(crate) fn is_exhausted(&self) -> Outcome<bool> {
        if self.account.balances.available().is_positive() { Ok(false) } else { self.was_granted() }
    }

    /// How the account stands by the condition of its alert `low`. Time must be settled.
    pub fn state(&self, low: &Condition) -> Outcome<State> {
        let standing = self.account.standing(self.now());
        Ok(match self.is_exhausted()? {
            true => State::Exhausted,
            false if low.holds(&standing) => State::Low,
            false => State::Ok,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Cycle, Settings};
    use proptest::prelude::*;

    fn account(used: i64, available: i64, start: i64, end: Option<i64>) -> Account {
        let mut account = Account::unopened("a", Settings::defaults(Timestamp(0)), Timestamp(0));
        account.opened_at = Timestamp(start);
        account.cycle = Cycle { number: 1, start: Timestamp(start), end: end.map(Timestamp) };
        account.used = Amount::from_micros(used.into());
        account.balances.credits = Amount::from_micros(available.into());
        account
    }

    #[test]
    fn the_first_hour_counts_as_a_whole_one() {
        let standing = |at| account(100_000_000, 900_000_000, 0, Some(30 * DAY)).standing(Timestamp(at));
        let burn = |at| standing(at).burn_per_day().to_string();
        assert_eq!([burn(0), burn(1), burn(HOUR), burn(2 * HOUR)], ["2400", "2400", "2400", "1200"]);
        assert_eq!(standing(0).runs_out_at(), Some(Timestamp(9 * HOUR)));
        assert_eq!(standing(1).runs_out_at(), Some(Timestamp(9 * HOUR + 1)));
    }

    #[test]
    fn what_is_not_used_does_not_run_out() {
        for available in [0, 5] {
            let standing = account(0, available, 0, Some(DAY)).standing(Timestamp(HOUR));
            assert_eq!((standing.runs_out_at(), standing.on_pace()), (None, false));
            assert_eq!((standing.used_percent(), standing.burn_per_day()), (Amount::ZERO, Amount::ZERO));
        }
    }

    #[test]
    fn what_a_refund_took_below_zero_is_nothing_used() {
        let standing = account(-7, 5, 0, None).standing(Timestamp(HOUR));
        assert_eq!(
            (standing.used, standing.burn_per_day(), standing.runs_out_at()),
            (Amount::ZERO, Amount::ZERO, None)
        );
    }

    #[test]
    fn to_run_out_as_the_cycle_ends_is_not_before_it_ends() {
        let standing = |used| account(used, 100 - used, 0, Some(2 * DAY)).standing(Timestamp(DAY));
        assert!(!standing(50).on_pace());
        assert!(standing(51).on_pace());
    }

    #[test]
    fn nothing_is_foreseen_beyond_the_year_9999() {
        assert_eq!(FAR.to_string(), "+10000-01-01T00:00:00Z");
        let years = |years| account(1, years, 0, None).standing(Timestamp(365 * DAY));
        assert_eq!(years(7_000).runs_out_at().map(|at| at.to_string()).as_deref(), Some("8996-05-08T00:00:00Z"));
        assert!(years(7_000).on_pace());
        assert_eq!((years(9_000).runs_out_at(), years(9_000).on_pace()), (None, false));
    }

    proptest! {
        /// Against the definition, in rational numbers.
        #[test]
        fn pace_and_percent_are_exact(
            used in 0..10_000_i64, available in 0..10_000_i64, elapsed in 1..60 * 24_i64, left in 1..60 * 24_i64,
            percent in 1..=100_i64,
        ) {
            let (now, end) = (Timestamp(elapsed * HOUR), Timestamp((elapsed + left) * HOUR));
            let standing = account(used, available, 0, Some(end.0)).standing(now);
            // available / (used / elapsed) < left
            prop_assert_eq!(standing.on_pace(), used > 0 && available * elapsed < left * used);
            let whole = used + available;
            prop_assert_eq!(
                standing.has_used(Amount::from_credits(percent)),
                whole > 0 && used * 100 >= percent * whole
            );
            prop_assert_eq!(standing.used_percent() >= Amount::from_credits(percent),
                standing.has_used(Amount::from_credits(percent)));
        }

        /// Whatever is debited, held, captured and released later on in the cycle: nothing holds above its level.
        #[test]
        fn above_its_level_no_condition_holds(
            used in -50..1_000_i64, available in 0..1_000_i64, held in 0..300_i64, percent in 1..=100_i64,
            start in -2..2_i64, at in 0..400_i64, later in 0..400_i64, end in 1..800_i64,
            parts in (0..=1_000_i64, 0..=1_000_i64), manual in any::<bool>(),
        ) {
            let end = (!manual).then_some(end.max(at + 1) * HOUR);
            let mut account = account(used, available, start * HOUR, end);
            account.balances.held = Amount::from_micros(held.into());
            let before = account.standing(Timestamp(at * HOUR));
            let later = Timestamp(end.map_or(i64::MAX, |end| end - 1).min((at + later) * HOUR));
            // What there is, in other shares of used, available and held.
            let whole = available + held;
            let debited = whole * parts.0 / 1_000;
            let holding = (whole - debited) * parts.1 / 1_000;
            account.used += Amount::from_micros(debited.into());
            account.balances.held = Amount::from_micros(holding.into());
            account.balances.credits = Amount::from_micros((whole - debited - holding).into());
            let after = account.standing(later);
            let percent = Amount::from_credits(percent);
            prop_assert!(!after.has_used(percent) || after.available < before.level_of_use(percent));
            prop_assert!(!after.on_pace() || after.available < before.level_of_pace());
            // So that nobody looks again and again: where nothing is held, a level lies above what is available only
            // where the condition holds.
            let mut bare = account.clone();
            bare.balances.held = Amount::ZERO;
            let bare = bare.standing(later);
            prop_assert!(bare.has_used(percent) || bare.available >= bare.level_of_use(percent));
            prop_assert!(bare.on_pace() || bare.available >= bare.level_of_pace());
        }
    }
}
