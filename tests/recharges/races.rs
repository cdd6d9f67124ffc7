//! Many sessions at once.

use crate::asked::*;

#[test]
fn fifty_sessions_draining_an_account_across_its_threshold_make_one_request() {
    for level in ["read committed", "repeatable read", "serializable"] {
        let (db, mut s) = shop();
        s.at("");
        with_credits(&mut s, "1000", "");
        std::thread::scope(|scope| {
            for n in 0..50 {
                let mut s = db.session();
                s.run(&format!("SET default_transaction_isolation = '{level}'"));
                scope.spawn(move || {
                    // 950 are drawn; those that are refused ask, too.
                    let mut calls =
                        vec![format!("credits_debit('a', 12, 'd {n}')"), format!("credits_debit('a', 7, 'e {n}')")];
                    if n % 10 == 0 {
                        calls.insert(1, format!("credits_debit('a', 5000, 'r {n}', on_insufficient => 'refuse')"));
                    }
                    for call in calls {
                        loop {
                            match s.try_run(&format!("SELECT {call}")) {
                                Ok(_) => break,
                                Err(error) => assert_eq!(error.code, "40001", "{error}"),
                            }
                        }
                    }
                });
            }
        });
        assert_eq!(balance(&mut s), "50 50 0", "{level}");
        assert_eq!(requests(&mut s), ["1 open 1 50 4 EUR"], "{level}");
        assert_eq!(events(&mut s), ["recharge.requested"], "{level}");
        sound(&mut s);
    }
}

#[test]
fn no_request_is_with_two_workers() {
    const ACCOUNTS: usize = 40;
    let (db, mut s) = shop();
    s.at("");
    for n in 0..ACCOUNTS {
        s.run(&format!("SELECT credits_grant('{n}', 10, 'g')"));
        s.run(&format!("SELECT credits_set_auto_recharge('{n}', 50, 'pack', payment_method => 'card')"));
    }
    let claimed: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..6)
            .map(|_| {
                let mut s = db.session();
                scope.spawn(move || {
                    let mut own = Vec::new();
                    loop {
                        let rows = s.list("SELECT account FROM credits_claim_recharges(3, '1 hour')");
                        own.extend(rows);
                        if s.one("SELECT count(*) FROM credits_recharges WHERE status = 'open'") == "0" {
                            return own;
                        }
                    }
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("it ends")).collect()
    });
    let distinct: std::collections::BTreeSet<&String> = claimed.iter().collect();
    assert_eq!((claimed.len(), distinct.len()), (ACCOUNTS, ACCOUNTS));
    assert_eq!(s.one("SELECT count(*) FROM credits_recharges WHERE attempts = 1"), ACCOUNTS.to_string());
    sound(&mut s);
}

#[test]
fn of_many_that_complete_a_request_one_credits_it() {
    for level in ["read committed", "repeatable read", "serializable"] {
        let (db, mut s) = shop();
        s.at("");
        with_credits(&mut s, "60", "");
        claim_one(&mut s);
        let told: Vec<String> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..8)
                .map(|n| {
                    let mut s = db.session();
                    s.run(&format!("SET default_transaction_isolation = '{level}'"));
                    scope.spawn(move || {
                        let call = match n % 4 {
                            0 => "credits_purchase('a', 'pack', 'pi', 'webhook')",
                            1 => "credits_fail_recharge('a', 1, 1, 'x', 'y')",
                            _ => "credits_complete_recharge('a', 1, 'pi')",
                        };
                        loop {
                            match s.try_run(&format!("SELECT * FROM {call}")) {
                                Ok(_) => return "done".to_owned(),
                                Err(error) if error.code == "40001" => {}
                                Err(error) => return error.code,
                            }
                        }
                    })
                })
                .collect();
            workers.into_iter().map(|worker| worker.join().expect("it ends")).collect()
        });
        assert!(told.iter().all(|told| ["done", "LC007", "LC009"].contains(&told.as_str())), "{told:?}");
        assert_eq!(balance(&mut s), "110 110 0", "{level}");
        s.row("SELECT * FROM credits_recharges").has(&[("status", "completed"), ("payment_ref", "pi")]);
        assert_eq!(s.one("SELECT count(*) FROM credits_grants WHERE payment_ref = 'pi'"), "1");
        sound(&mut s);
    }
}

#[test]
fn a_claim_waits_for_no_account_that_is_busy() {
    let (db, mut s) = shop();
    s.at("");
    with_credits(&mut s, "60", "");
    let mut worker = db.session();
    worker.run("SET statement_timeout = '5s'");
    s.run("BEGIN; SELECT credits_debit('a', 1, 'd')");
    assert_eq!(claim(&mut worker), ["a 1 1 card"]);
    s.run("COMMIT");
    // What is to be cancelled waits for the next worker instead.
    fail(&mut worker, 1, 1);
    set(&mut s, "100, 'pack', payment_method => 'card', enabled => false");
    worker.run("SET credits_ledger.now = '2100-01-01 00:00+00'");
    s.run("BEGIN; SELECT credits_debit('a', 1, 'd2')");
    assert_eq!(claim(&mut worker), Vec::<String>::new());
    s.run("COMMIT");
    assert_eq!(requests(&mut s), ["1 open 1 50 4 EUR"]);
    assert_eq!(claim(&mut worker), Vec::<String>::new());
    assert_eq!(requests(&mut s), ["1 cancelled 1 50 4 EUR"]);
    sound(&mut s);
}

#[test]
fn switching_it_on_while_a_worker_gives_the_request_up_leaves_one_that_is_open() {
    for level in ["read committed", "repeatable read"] {
        let (db, mut s) = shop();
        s.at("");
        with_credits(&mut s, "60", "");
        set(&mut s, "100, 'pack', payment_method => 'card', enabled => false");
        let mut worker = db.session();
        worker.run(&format!("BEGIN ISOLATION LEVEL {level}"));
        assert_eq!(claim(&mut worker), Vec::<String>::new());
        std::thread::scope(|scope| {
            let mut other = db.session();
            let on = scope.spawn(move || {
                set(&mut other, "100, 'pack', payment_method => 'card'");
            });
            // It waits for the worker, or it is to come.
            std::thread::sleep(std::time::Duration::from_millis(300));
            worker.run("COMMIT");
            on.join().expect("it ends");
        });
        assert_eq!(requests(&mut s), ["1 cancelled 1 50 4 EUR", "2 open 1 50 4 EUR"], "{level}");
        sound(&mut s);
    }
}
