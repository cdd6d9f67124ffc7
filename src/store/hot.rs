//! Which accounts other sessions are busy with just now: there the fast path's unlocked read would mostly be in vain,
//! so the next operations lock first.

use std::cell::RefCell;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

const SLOTS: usize = 256;
/// How many operations lock first before the unlocked read is tried again.
const PATIENCE: u8 = 100;

thread_local! {
    /// By a hash of the account's name. A collision costs speed only.
    static BUSY: RefCell<[u8; SLOTS]> = const { RefCell::new([0; SLOTS]) };
}

fn slot(account: &str) -> usize {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(account) as usize % SLOTS
}

/// Another session got in between.
pub fn heat(account: &str) {
    BUSY.with_borrow_mut(|busy| busy[slot(account)] = PATIENCE);
}

/// An operation that locked first is done.
pub fn calm(account: &str) {
    BUSY.with_borrow_mut(|busy| {
        let heat = &mut busy[slot(account)];
        *heat = heat.saturating_sub(1);
    });
}

pub fn is_hot(account: &str) -> bool {
    BUSY.with_borrow(|busy| busy[slot(account)] > 0)
}
