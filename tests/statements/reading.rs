//! Who may read reports of an account, and what a reader sees.

use crate::asked::*;
use credits_ledger_tests::{Server, Session};

const ALL: &str = "SELECT * FROM credits_statement('a', '-infinity', 'infinity')";

#[test]
fn columns() {
    let mut s = ledger();
    call(&mut s, "credits_open_account('a')");
    let rows = s.rows(ALL);
    assert_eq!(
        rows[0].columns().join(" "),
        "line operation kind feature operations quantity amount allowance credits held debt balance entry as_of"
    );
    assert_eq!(
        s.list("SELECT proname, provolatile FROM pg_proc WHERE proname IN ('credits_statement', 'credits_usage_csv') ORDER BY 1"),
        ["credits_statement|s", "credits_usage_csv|s"]
    );
}

#[test]
fn an_analyst_may_and_others_may_not() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SELECT credits_grant('a', 10, 'g')");
    for (access, may) in [("analyst", true), ("admin", true), ("spend", false), ("billing", false), ("", false)] {
        let role = db.role(if access.is_empty() { "nobody" } else { access });
        if !access.is_empty() {
            s.run(&format!("SELECT credits_allow('{role}', '{access}')"));
        }
        let mut theirs = db.session_as(&role);
        for question in [ALL, "SELECT * FROM credits_usage_csv('a', '-infinity', 'infinity')"] {
            if may {
                assert!(!theirs.rows(question).is_empty(), "{access}: {question}");
            } else {
                assert_eq!(theirs.error(question).code, "42501", "{access}: {question}");
            }
        }
    }
}

#[test]
fn in_another_schema_with_nothing_on_the_path() {
    let mut s = Server::shared().empty_database().session();
    s.run("CREATE SCHEMA books; CREATE EXTENSION credits_ledger SCHEMA books; SET search_path = ''");
    s.run("SELECT books.credits_grant('a', 10, 'g', price => 5, currency => 'EUR'), books.credits_debit('a', 4, 'd')");
    let rows = s.rows("SELECT * FROM books.credits_statement('a', '-infinity', 'infinity')");
    rows.last().expect("a row").has(&[("line", "closing"), ("balance", "6")]);
    assert_eq!(s.rows("SELECT * FROM books.credits_usage_csv('a', '-infinity', 'infinity')").len(), 2);
    s.row("SELECT * FROM books.credits_revenue('-infinity', 'infinity')").has(&[("recognised", "2")]);
}

/// Names that a caller puts before the ledger's own.
#[test]
fn on_a_hostile_path() {
    let mut s = Server::shared().database().session();
    s.run("CREATE SCHEMA evil; SET search_path = evil, public, pg_catalog");
    s.run("CREATE FUNCTION evil.sum(numeric) RETURNS numeric LANGUAGE sql AS 'SELECT 666::numeric'");
    s.run("CREATE FUNCTION evil.round(numeric, int) RETURNS numeric LANGUAGE sql AS 'SELECT 666::numeric'");
    s.run("CREATE FUNCTION evil.plus(numeric, numeric) RETURNS numeric LANGUAGE sql AS 'SELECT 666::numeric'");
    s.run("CREATE OPERATOR evil.+ (FUNCTION = evil.plus, LEFTARG = numeric, RIGHTARG = numeric)");
    s.run("CREATE OPERATOR evil.- (FUNCTION = evil.plus, LEFTARG = numeric, RIGHTARG = numeric)");
    assert_eq!(s.one("SELECT 1::numeric + 1"), "666");
    s.run("SELECT credits_grant('a', 10, 'g', price => 5, currency => 'EUR'), credits_debit('a', 4, 'd')");
    assert_eq!(closing(&mut s), "6");
    s.row("SELECT * FROM credits_revenue('-infinity', 'infinity')")
        .has(&[("recognised", "2"), ("closing_deferred", "3")]);
    assert!(
        s.list("SELECT * FROM credits_usage_csv('a', '-infinity', 'infinity')")[1].contains(",debit,,,,,0,4,0,4,0,d,")
    );
}

fn closing(s: &mut Session) -> String {
    s.rows(ALL).last().expect("a row").get("balance").to_owned()
}

#[test]
fn a_reader_sees_its_snapshot() {
    let db = Server::shared().database();
    let (mut reader, mut writer) = (db.session(), db.session());
    writer.run("SELECT credits_grant('a', 10, 'g')");
    reader.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
    assert_eq!(closing(&mut reader), "10");
    writer.run("SELECT credits_debit('a', 4, 'd')");
    assert_eq!(closing(&mut reader), "10");
    reader.run("COMMIT");
    assert_eq!(closing(&mut reader), "6");
}

#[test]
fn its_own_transactions_debits_count_until_it_rolls_back() {
    let mut s = ledger();
    call(&mut s, "credits_grant('a', 10, 'g')");
    s.run("BEGIN");
    s.run("SELECT credits_debit('a', 4, 'd')");
    assert_eq!(closing(&mut s), "6");
    s.run("ROLLBACK");
    assert_eq!(closing(&mut s), "10");
}

/// What is due is shown, and cannot be recorded: in a read-only transaction, and on a standby.
#[test]
fn where_nothing_can_be_written() {
    let server = Server::start(&[]);
    let db = server.database();
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    on(&mut s, "01-01");
    call(&mut s, "credits_open_account('a', 20, '7 days', rollover_percent => 50)");
    call(&mut s, "credits_grant('a', 100, 'g', price => 10, currency => 'EUR', expires_at => '2026-01-20')");
    call(&mut s, "credits_debit('a', 35, 'd', 'chat')");
    call(&mut s, "credits_hold('a', 10, 'h', '15 days')");
    call(&mut s, "credits_grant('a', 50, 'g2', effective_at => '2026-01-15', price => 5, currency => 'USD')");
    on(&mut s, "02-01");
    let questions = ["credits_statement('a', ", "credits_usage_csv('a', ", "credits_revenue("].map(|function| {
        ["'-infinity', 'infinity'", "'2026-01-15', '2026-01-20'"]
            .map(|period| format!("SELECT * FROM {function}{period})"))
    });
    let questions = questions.concat();
    let standby = server.standby();
    server.wait_for(&standby);
    let mut copy = standby.existing_database(&db.name).session();
    copy.run("SET TimeZone = 'UTC'");
    on(&mut copy, "02-01");
    let mut read_only = db.session();
    read_only.run("SET default_transaction_read_only = on; SET TimeZone = 'UTC'");
    on(&mut read_only, "02-01");
    let of_standby: Vec<_> = questions.iter().map(|question| copy.list(question)).collect();
    let of_reader: Vec<_> = questions.iter().map(|question| read_only.list(question)).collect();
    assert_eq!(s.one("SELECT max(entry) FROM credits_history"), "6", "nothing was recorded");
    s.run("SELECT credits_maintain()");
    let recorded: Vec<_> = questions.iter().map(|question| s.list(question)).collect();
    assert_eq!(of_standby, recorded, "the standby left");
    assert_eq!(of_reader, recorded, "the reader left");
    assert_eq!(recorded[0].len(), 10, "{:?}", recorded[0]);
}
