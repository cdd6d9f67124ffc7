//! `credits_errors()`, and what every error carries.

use credits_ledger_tests::{Server, Session, SqlError};

const JAN: &str = "2026-01-31 12:00+00";

const CODES: [(&str, &str); 15] = [
    ("LC001", "insufficient_credits"),
    ("LC002", "unknown_account"),
    ("LC003", "idempotency_key_reused"),
    ("LC004", "invalid_amount"),
    ("LC005", "invalid_argument"),
    ("LC006", "not_found"),
    ("LC007", "already_closed"),
    ("LC008", "purchase_not_allowed"),
    ("LC009", "duplicate_payment"),
    ("LC010", "feature_disabled"),
    ("LC011", "account_frozen"),
    ("LC012", "budget_exceeded"),
    ("LC013", "append_only"),
    ("LC014", "unknown_feature"),
    ("LC015", "exceeds_original"),
];

#[test]
fn the_list_is_the_references() {
    let db = Server::shared().database();
    let mut s = db.session();
    let expected: Vec<String> = CODES.iter().map(|(code, name)| format!("{code}|{name}")).collect();
    assert_eq!(s.list("SELECT code, name FROM credits_errors() ORDER BY code"), expected);
    assert_eq!(s.one("SELECT count(*) FROM credits_errors() WHERE meaning <> '' AND hint <> ''"), "15");
    assert_eq!(s.one("SELECT count(DISTINCT meaning) FROM credits_errors()"), "15");
}

/// What the error lacks: one sentence, figures as name=value pairs, and what to do.
fn lacks(error: &SqlError) -> Vec<&'static str> {
    let message = error.message.as_str();
    let mut lacks = Vec::new();
    if message.is_empty() || message.contains('\n') || message.trim_end_matches('.').contains(". ") {
        lacks.push("MESSAGE of one sentence");
    }
    if !error.detail.contains('=') || error.detail.contains('\n') {
        lacks.push("DETAIL of name=value pairs");
    }
    if error.hint.is_empty() {
        lacks.push("HINT");
    }
    lacks
}

fn set_up(s: &mut Session) {
    s.at(JAN);
    s.run("SELECT * FROM credits_open_account('a', 10)");
    s.run("SELECT * FROM credits_grant('a', 1, 'paid', price => 1, currency => 'EUR', payment_ref => 'pi_1')");
    s.run("SELECT * FROM credits_open_account('frozen', 10)");
    s.run("SELECT * FROM credits_freeze_account('frozen', 'why')");
    s.run("SELECT * FROM credits_open_account('closed', 10)");
    s.run("SELECT * FROM credits_close_account('closed', 'why')");
}

const FAILING: [(&str, &str); 40] = [
    ("LC001", "SELECT * FROM credits_debit('a', 100, 'k')"),
    ("LC001", "SELECT * FROM credits_debit_many(ARRAY['a'], ARRAY[100], ARRAY['k'], NULL, 'error')"),
    ("LC002", "SELECT * FROM credits_debit('nobody', 1, 'k')"),
    ("LC002", "SELECT * FROM credits_balance('nobody')"),
    ("LC002", "SELECT * FROM credits_configure_account('nobody', 1)"),
    ("LC002", "SELECT * FROM credits_reset_cycle('nobody')"),
    ("LC003", "SELECT * FROM credits_debit('a', 1, 'paid')"),
    ("LC003", "SELECT * FROM credits_grant('a', 2, 'paid')"),
    ("LC003", "SELECT * FROM credits_reset_cycle('a', 'paid')"),
    ("LC004", "SELECT * FROM credits_debit('a', 0, 'k')"),
    ("LC004", "SELECT * FROM credits_debit('a', -1, 'k')"),
    ("LC004", "SELECT * FROM credits_grant('a', 'NaN', 'k')"),
    ("LC004", "SELECT * FROM credits_grant('a', 1.1234567, 'k')"),
    ("LC004", "SELECT * FROM credits_grant('a', 100000000000000, 'k')"),
    ("LC004", "SELECT * FROM credits_grant('a', 99999999999999, 'k')"),
    ("LC004", "SELECT * FROM credits_debit_many(ARRAY['a'], ARRAY[0], ARRAY['k'])"),
    ("LC004", "SELECT * FROM credits_open_account('b', -1)"),
    ("LC005", "SELECT * FROM credits_grant('a', 1, 'k', 'gift')"),
    ("LC005", "SELECT * FROM credits_grant('a', 1, 'k', expires_in => '1 day', expires_after_cycles => 1)"),
    ("LC005", "SELECT * FROM credits_grant('a', 1, 'k', expires_at => '2020-01-01 00:00+00')"),
    ("LC005", "SELECT * FROM credits_grant('a', 1, 'k', effective_at => '2020-01-01 00:00+00')"),
    ("LC005", "SELECT * FROM credits_grant('a', 1, 'k', priority => 0)"),
    ("LC005", "SELECT * FROM credits_grant('a', 1, 'k', price => 1)"),
    ("LC005", "SELECT * FROM credits_grant('a', 1, 'k', price => 1, currency => 'euro')"),
    ("LC005", "SELECT * FROM credits_grant('a', 1, NULL)"),
    ("LC005", "SELECT * FROM credits_debit('a', 1, '')"),
    ("LC005", "SELECT * FROM credits_debit('a', 1, repeat('x', 256))"),
    ("LC005", "SELECT * FROM credits_debit('a', 1, E'a\\nb')"),
    ("LC005", "SELECT * FROM credits_debit('a', 1, 'k', on_insufficient => 'never')"),
    ("LC005", "SELECT * FROM credits_debit_many(ARRAY['a'], ARRAY[1, 2], ARRAY['k'])"),
    ("LC005", "SELECT * FROM credits_open_account('a', 11)"),
    ("LC005", "SELECT * FROM credits_open_account('b', time_zone => 'Nowhere')"),
    ("LC005", "SELECT * FROM credits_configure_account('a', clear => ARRAY['balance'])"),
    ("LC005", "SELECT * FROM credits_balance_at('a', '2020-01-01 00:00+00')"),
    ("LC005", "SELECT * FROM credits_reset_cycle('a', 'k', '2030-01-01 00:00+00')"),
    ("LC009", "SELECT * FROM credits_grant('a', 1, 'k', price => 1, currency => 'EUR', payment_ref => 'pi_1')"),
    ("LC011", "SELECT * FROM credits_debit('frozen', 1, 'k')"),
    ("LC011", "SELECT * FROM credits_grant('closed', 1, 'k')"),
    ("LC013", "UPDATE credits_ledger.entries SET amount = 0"),
    ("LC013", "DELETE FROM credits_ledger.entries"),
];

#[test]
fn every_error_has_its_code_sentence_figures_and_hint() {
    let db = Server::shared().database();
    let mut s = db.session();
    set_up(&mut s);
    let mut incomplete = Vec::new();
    for (code, sql) in FAILING {
        let error = s.error(sql);
        assert_eq!(error.code, code, "{sql}: {}", error.message);
        incomplete.extend(lacks(&error).iter().map(|part| format!("{sql} lacks its {part}: {error}")));
    }
    // An entry that is not there: by either reading of the list it is an error of this kind.
    let error = s.error("SELECT * FROM credits_redact('a', 99)");
    assert!(["LC005", "LC006"].contains(&error.code.as_str()), "{}", error.code);
    incomplete.extend(lacks(&error).iter().map(|part| format!("credits_redact lacks its {part}: {error}")));
    assert!(incomplete.is_empty(), "{}", incomplete.join("\n"));
}

#[test]
fn an_error_leaves_no_trace_and_a_usable_session() {
    let db = Server::shared().database();
    let mut s = db.session();
    set_up(&mut s);
    let before = s.list("SELECT * FROM credits_history ORDER BY account, entry");
    s.run("BEGIN");
    for (code, sql) in FAILING {
        s.run("SAVEPOINT here");
        assert_eq!(s.error(sql).code, code, "{sql}");
        s.run("ROLLBACK TO SAVEPOINT here");
    }
    s.run("COMMIT");
    assert_eq!(s.list("SELECT * FROM credits_history ORDER BY account, entry"), before);
    s.row("SELECT * FROM credits_debit('a', 1, 'k')").has(&[("replayed", "f"), ("balance", "10")]);
    assert_eq!(s.one("SELECT count(*) FROM credits_verify()"), "0");
}

#[test]
fn plpgsql_reads_the_parts() {
    let db = Server::shared().database();
    let mut s = db.session();
    set_up(&mut s);
    s.run(
        "CREATE FUNCTION parts() RETURNS text LANGUAGE plpgsql AS $$
         DECLARE code text; message text; detail text; hint text;
         BEGIN
             PERFORM credits_debit('a', 100, 'k');
             RETURN 'no error';
         EXCEPTION WHEN SQLSTATE 'LC001' THEN
             GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
                 hint = PG_EXCEPTION_HINT;
             RETURN concat_ws('|', code, (message <> '')::text, substring(detail FROM '^.* resets_at='), (hint <> '')::text);
         END $$",
    );
    assert_eq!(s.one("SELECT parts()"), "LC001|true|available=11 required=100 shortfall=89 resets_at=|true");
}

/// Form; replay or LC003; LC002; LC011; LC005 by state; LC009; LC001: where several apply, the first is told.
#[test]
fn errors_have_an_order() {
    let db = Server::shared().database();
    let mut s = db.session();
    set_up(&mut s);
    s.run("SELECT * FROM credits_open_account('hand', 10, '0')");
    s.run("SELECT * FROM credits_open_account('hand closed', 10, '0')");
    s.run("SELECT * FROM credits_close_account('hand closed', 'why')");
    s.run("SELECT * FROM credits_grant('frozen', 1, 'used')");
    let paid = "price => 1, currency => 'EUR', payment_ref => 'pi_1'";
    let past = "'2020-01-01 00:00+00'";
    for (code, call) in [
        // form before all
        ("LC004", "credits_debit('nobody', 0, 'k')".to_string()),
        ("LC004", "credits_debit('a', -1, 'paid')".to_string()),
        ("LC005", "credits_debit('nobody', 1, '')".to_string()),
        ("LC005", "credits_debit('closed', 1, 'k', on_insufficient => 'x')".to_string()),
        ("LC005", "credits_configure_account('nobody', debt_policy => 'x')".to_string()),
        ("LC005", "credits_configure_account('closed', debt_policy => 'x')".to_string()),
        ("LC005", "credits_grant('closed', 1, 'k', 'gift')".to_string()),
        ("LC005", "credits_grant('a', 1, 'paid', priority => 0)".to_string()),
        // the key before the account's state and the times
        ("LC003", "credits_debit('frozen', 999, 'used')".to_string()),
        ("LC003", format!("credits_grant('a', 1, 'paid', expires_at => {past})")),
        ("LC003", format!("credits_grant('a', 1, 'paid', effective_at => {past}, {paid})")),
        ("LC003", "credits_reset_cycle('a', 'paid', '2030-01-01 00:00+00')".to_string()),
        // the account before times and payments
        ("LC002", "credits_reset_cycle('nobody', 'k', '2030-01-01 00:00+00')".to_string()),
        ("LC002", format!("credits_balance_at('nobody', {past})")),
        ("LC011", format!("credits_grant('closed', 1, 'k', expires_at => {past})")),
        ("LC011", "credits_reset_cycle('closed', 'k', '2030-01-01 00:00+00')".to_string()),
        ("LC011", "credits_reset_cycle('hand closed')".to_string()),
        ("LC011", "credits_debit('frozen', 999, 'k')".to_string()),
        // times before payments
        ("LC005", format!("credits_grant('a', 1, 'k', expires_at => {past}, {paid})")),
        ("LC005", format!("credits_grant('a', 1, 'k', effective_at => {past}, {paid})")),
        ("LC009", format!("credits_grant('a', 1, 'k', {paid})")),
    ] {
        let error = s.error(&format!("SELECT * FROM {call}"));
        assert_eq!(error.code, code, "{call}: {}", error.message);
    }
    // A frozen account is frozen for `refuse`, too, before it is poor.
    s.row("SELECT * FROM credits_debit('frozen', 999, 'k', on_insufficient => 'refuse')").has(&[("refused", "LC011")]);
    // Time goes on where it is frozen: a reset works.
    s.run("SELECT * FROM credits_freeze_account('hand', 'why')");
    s.at("2026-02-01 12:00+00");
    s.row("SELECT * FROM credits_reset_cycle('hand', 'k')").has(&[
        ("cycles_closed", "1"),
        ("balance", "10"),
        ("replayed", "f"),
    ]);
}
