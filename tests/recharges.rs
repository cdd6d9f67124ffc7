//! Auto-recharge: when money is asked for, how much, by whom it is charged, and that it is credited once.

#[path = "recharges/always.rs"]
mod always;
#[path = "recharges/asked.rs"]
mod asked;
#[path = "recharges/asking.rs"]
mod asking;
#[path = "recharges/changing.rs"]
mod changing;
#[path = "recharges/completing.rs"]
mod completing;
#[path = "recharges/failing.rs"]
mod failing;
#[path = "recharges/limits.rs"]
mod limits;
#[path = "recharges/races.rs"]
mod races;
#[path = "recharges/sound.rs"]
mod sound;
