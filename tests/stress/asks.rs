//! What the sessions ask for: chosen by dice, but the same for one key wherever it is used.

pub const ACCOUNTS: [&str; 3] = ["hot", "warm", "Hot"];

/// splitmix64: a seed is all that it takes to repeat the choices of a session.
pub struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// What one key asks for: the same in every session, so that a second use of it is a retry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    Debit { amount: String, mode: &'static str },
    Grant { amount: String, kind: &'static str },
    Reset,
}

#[derive(Clone, Debug)]
pub struct Item {
    pub account: &'static str,
    pub key: String,
    pub ask: Ask,
}

pub fn amount_of(number: u64, most: u64) -> String {
    let mut dice = Dice(number);
    match dice.below(4) {
        0 => format!("{}.{:06}", dice.below(most), 1 + dice.below(999_999)),
        1 => format!("{}.5", dice.below(most)),
        _ => format!("{}", 1 + dice.below(most)),
    }
}

pub fn item(number: u64) -> Item {
    let mut dice = Dice(number);
    let account = ACCOUNTS[dice.below(3) as usize];
    let ask = match dice.below(20) {
        0..=13 => Ask::Debit {
            amount: amount_of(number, 9),
            mode: ["error", "error", "refuse", "partial"][dice.below(4) as usize],
        },
        14..=18 => {
            Ask::Grant { amount: amount_of(number, 24), kind: ["purchase", "promo", "bonus"][dice.below(3) as usize] }
        }
        _ => Ask::Reset,
    };
    Item { account, key: format!("k{number}"), ask }
}

impl Item {
    pub fn sql(&self) -> String {
        let Item { account, key, ask } = self;
        match ask {
            Ask::Debit { amount, mode } => {
                format!("SELECT * FROM credits_debit('{account}', {amount}, '{key}', on_insufficient => '{mode}')")
            }
            Ask::Grant { amount, kind } => {
                format!("SELECT * FROM credits_grant('{account}', {amount}, '{key}', '{kind}')")
            }
            Ask::Reset => format!("SELECT * FROM credits_reset_cycle('{account}', '{key}')"),
        }
    }
}
