//! Many sessions, few accounts, few keys: random debits, grants, resets and batches with retries and
//! rollbacks, at all three isolation levels at once. Every receipt is kept, and what they say together is
//! checked: the receipts are the oracle.

#[path = "stress/asks.rs"]
mod asks;
#[path = "stress/load.rs"]
mod load;
#[path = "stress/oracle.rs"]
mod oracle;
#[path = "stress/watch.rs"]
mod watch;

use asks::{ACCOUNTS, Ask, Item};
use credits_ledger_tests::Server;
use load::{Given, load};
use oracle::{SAME, check_chain, check_figures, check_real_time_order, entry_of, is_receipt, told};
use std::collections::BTreeMap;

#[test]
fn the_receipts_of_many_sessions_add_up() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SELECT credits_open_account('hot', 40, '0', rollover_percent => 50)");
    s.run("SELECT credits_open_account('warm', 10, '0', overdraft_limit => 5)");
    // By the clock: a reset finds nothing due and still keeps its key.
    s.run("SELECT credits_grant('Hot', 5, 'first')");

    let logs = load(&db);
    let given: Vec<&Given> = logs.iter().flat_map(|log| &log.given).collect();
    let reused: Vec<&Item> = logs.iter().flat_map(|log| &log.reused).collect();
    let mut codes: BTreeMap<&str, u64> = BTreeMap::new();
    for (code, count) in logs.iter().flat_map(|log| &log.codes) {
        *codes.entry(code).or_default() += count;
    }
    println!("{} receipts, errors met: {codes:?}", given.len());

    let mut originals: BTreeMap<(String, u64), &Given> = BTreeMap::new();
    let mut by_key: BTreeMap<(&str, &str), &Given> = BTreeMap::new();
    for g in given.iter().copied().filter(|g| is_receipt(g)) {
        assert_eq!(g.row.get("account"), g.item.account);
        if g.row.get("accepted") == "f" {
            // nothing was recorded, so the key is free and the entry unnumbered
            assert_eq!(g.row.get("refused"), "LC001", "{}", g.item.sql());
            assert_eq!(g.row.get("replayed"), "f", "{}", g.item.sql());
            continue;
        }
        check_figures(g);
        if g.row.get("replayed") == "t" {
            continue;
        }
        let before = originals.insert((g.item.account.to_owned(), entry_of(g)), g);
        assert!(before.is_none(), "{} {}: in two receipts", g.item.account, entry_of(g));
        let before = by_key.insert((g.item.account, &g.item.key), g);
        assert!(before.is_none(), "{} {}: two effects of one key", g.item.account, g.item.key);
    }

    let mut replays = 0;
    for g in given.iter().copied().filter(|g| is_receipt(g) && g.row.get("replayed") == "t") {
        let original = by_key[&(g.item.account, g.item.key.as_str())];
        assert_eq!(g.item.ask, original.item.ask, "{}: replayed for another request", g.item.key);
        for column in SAME {
            assert_eq!(g.row.get(column), original.row.get(column), "{}: {column} of the replay", g.item.key);
        }
        replays += 1;
    }

    let mut resets: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for g in given.iter().copied().filter(|g| !is_receipt(g)) {
        let count = resets.entry((g.item.account, &g.item.key)).or_default();
        *count += u64::from(g.row.get("replayed") == "f");
    }
    assert!(resets.values().all(|count| *count == 1), "a reset's key had another number of effects: {resets:?}");

    for item in reused {
        if let Some(original) = by_key.get(&(item.account, item.key.as_str())) {
            assert_ne!(item.ask, original.item.ask, "{}: LC003 for the same request", item.key);
        } else {
            assert!(
                resets.contains_key(&(item.account, item.key.as_str())) && item.ask != Ask::Reset,
                "{} {}: LC003 for a key that nobody was given a receipt of",
                item.account,
                item.key
            );
        }
    }

    for account in ACCOUNTS {
        let history = told(&mut s, account);
        let keyed = history.iter().filter(|e| !e.key.is_empty() && e.key != "first").count();
        let receipts =
            by_key.keys().filter(|(a, _)| *a == account).count() + resets.keys().filter(|(a, _)| *a == account).count();
        assert_eq!(keyed, receipts, "{account}: keyed entries, and keys that sessions have receipts of");
        let firsts: Vec<&Given> = originals.iter().filter(|((a, _), _)| a == account).map(|(_, g)| *g).collect();
        check_chain(account, &history, &originals);
        check_real_time_order(account, &firsts);
        let last = s.row(&format!("SELECT * FROM credits_balance('{account}')"));
        let highest = firsts.iter().max_by_key(|g| entry_of(g)).expect("an account without a receipt");
        if last.get("entry") == highest.row.get("entry") {
            for column in ["balance", "allowance", "credits", "held", "debt", "available"] {
                assert_eq!(last.get(column), highest.row.get(column), "{account}: {column}");
            }
        }
    }
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());

    // The load was worth its name: each kind of thing happened, many times.
    assert!(originals.len() > 300, "only {} entries", originals.len());
    assert!(replays > 100, "only {replays} replays");
    assert!(resets.len() > 5, "only {} resets", resets.len());
    for code in ["LC001", "LC003", "40001"] {
        assert!(codes.get(code).is_some_and(|n| *n > 0), "{code} was never met: {codes:?}");
    }
}
