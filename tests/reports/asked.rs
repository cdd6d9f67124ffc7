//! What the tests of reports have in common.

use credits_ledger_tests::{Row, Server, Session};

/// A session in a database of its own; the ledger's clock stands at midnight, 1 January 2026.
pub fn ledger() -> Session {
    let mut s = Server::shared().database().session();
    s.run("SET TimeZone = 'UTC'");
    on(&mut s, "01-01");
    s
}

/// Sets the clock to a day of 2026, such as `02-01` or `02-01 12:00`.
#[track_caller]
pub fn on(s: &mut Session, day: &str) {
    s.at(&format!("2026-{day}"));
}

#[track_caller]
pub fn call(s: &mut Session, call: &str) -> Row {
    s.row(&format!("SELECT * FROM {call}"))
}

/// The rows, without trailing zeros of numbers; the same ones once maintenance has recorded what time did.
#[track_caller]
pub fn ask(s: &mut Session, question: &str) -> Vec<String> {
    let told = listed(s, question);
    s.run("BEGIN");
    s.run("SELECT credits_maintain()");
    let recorded = listed(s, question);
    s.run("ROLLBACK");
    assert_eq!(told, recorded, "{question}: told before left, recorded right");
    told
}

#[track_caller]
fn listed(s: &mut Session, question: &str) -> Vec<String> {
    let plain = |value: &String| match value.parse::<f64>() {
        Ok(_) if value.contains('.') => value.trim_end_matches('0').trim_end_matches('.').to_owned(),
        _ => value.clone(),
    };
    s.rows(question).iter().map(|row| row.values().iter().map(plain).collect::<Vec<_>>().join(" ")).collect()
}

/// A day as [`on`] takes it, or infinity.
fn instant(day: &str) -> String {
    if day.ends_with("infinity") { format!("'{day}'") } else { format!("'2026-{day}'") }
}

/// `currency kind opening_deferred sold recognised breakage voided closing_deferred`, in order.
#[track_caller]
pub fn revenue(s: &mut Session, from: &str, to: &str) -> Vec<String> {
    let mut rows = ask(s, &format!("SELECT * FROM credits_revenue({}, {})", instant(from), instant(to)));
    rows.sort();
    rows
}

/// The only row of [`revenue`].
#[track_caller]
pub fn money(s: &mut Session, from: &str, to: &str) -> String {
    let rows = revenue(s, from, to);
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0].clone()
}

/// The rows of a statement of `account`, opening and closing first and last, those between in order of their text:
/// `opening amount allowance credits held debt balance entry as_of`,
/// `operation kind feature operations quantity amount allowance credits held debt`.
#[track_caller]
pub fn statement(s: &mut Session, account: &str, from: &str, to: &str) -> Vec<String> {
    let mut rows = ask(
        s,
        &format!(
            "SELECT CASE line WHEN 'movement' THEN concat_ws(' ', operation, coalesce(kind, '-'), coalesce(feature, '-'), operations,
                                                             coalesce(trim_scale(quantity)::text, '-'))
                              ELSE line END,
                    trim_scale(amount), trim_scale(allowance), trim_scale(credits), trim_scale(held), trim_scale(debt),
                    CASE WHEN line <> 'movement'
                         THEN concat_ws(' ', trim_scale(balance), entry, replace(replace(as_of::text, '2026-', ''), ':00+00', '')) END
             FROM credits_statement('{account}', {}, {}) WITH ORDINALITY ORDER BY ordinality",
            instant(from),
            instant(to)
        ),
    );
    rows.iter_mut()
        .filter_map(|row| row.strip_suffix(" NULL").map(str::len).map(|end| (row, end)))
        .for_each(|(row, end)| row.truncate(end));
    let last = rows.len() - 1;
    rows[1..last].sort();
    rows
}

/// The movements of [`statement`].
#[track_caller]
pub fn moved(s: &mut Session, account: &str, from: &str, to: &str) -> Vec<String> {
    let rows = statement(s, account, from, to);
    rows[1..rows.len() - 1].to_vec()
}

/// The records of an export of `account`, without the header.
#[track_caller]
pub fn records(s: &mut Session, account: &str, from: &str, to: &str) -> Vec<String> {
    let mut rows = ask(s, &format!("SELECT * FROM credits_usage_csv('{account}', {}, {})", instant(from), instant(to)));
    assert_eq!(rows.remove(0), crate::csv::COLUMNS.join(","), "the header");
    rows
}
