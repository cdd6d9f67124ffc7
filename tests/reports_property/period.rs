//! Periods to ask about: mostly with ends at which something happened.

use crate::Dice;
use crate::player::Player;
use std::fmt::{Display, Formatter};

/// Microseconds since 1 January 2026 UTC; the first and the last number are infinity.
pub type Instant = i64;

pub const NEVER: Instant = i64::MIN;
pub const ALWAYS: Instant = i64::MAX;

#[derive(Clone, Copy, Debug)]
pub struct Period {
    pub from: Instant,
    pub to: Instant,
}

/// The instant as a literal of SQL.
pub fn literal(at: Instant) -> String {
    match at {
        NEVER => "'-infinity'".to_owned(),
        ALWAYS => "'infinity'".to_owned(),
        _ => format!("'2026-01-01 00:00:00Z'::timestamptz + {at} * interval '1 microsecond'"),
    }
}

impl Display for Period {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {}", literal(self.from), literal(self.to))
    }
}

/// Some instants in order: those of entries, just before and after, now, before all, after all.
pub fn instants(player: &mut Player, dice: &mut Dice, number: usize) -> Vec<Instant> {
    let of_entries: Vec<Instant> = player
        .s
        .list("SELECT DISTINCT (extract(epoch FROM effective_at - '2026-01-01 00:00Z') * 1000000)::bigint FROM credits_history ORDER BY 1")
        .iter()
        .map(|at| at.parse().expect("microseconds"))
        .collect();
    let now = player.now();
    let mut instants: Vec<_> = (0..number)
        .map(|_| {
            let at = dice.pick(&of_entries);
            let between = at + dice.roll(500_000_000) * 1000;
            let special = dice.pick(&[NEVER, ALWAYS, now, now + 1]);
            dice.pick(&[at, at, at, at + 1, at - 1, between, between, special])
        })
        .collect();
    instants.sort();
    instants
}

pub fn any(player: &mut Player, dice: &mut Dice) -> Period {
    let ends = instants(player, dice, 2);
    Period { from: ends[0], to: ends[1] }
}

/// One of which nothing is still to come.
pub fn past(player: &mut Player, dice: &mut Dice) -> Period {
    let Period { from, to } = any(player, dice);
    let now = player.now();
    Period { from: from.min(now), to: to.min(now) }
}
