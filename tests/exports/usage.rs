//! A file of usage for each account.

use crate::page::{files, folder, load, program, run};
use credits_ledger_tests::Server;

#[test]
fn a_file_for_each_account_that_used_something() {
    let server = Server::shared();
    let db = server.database();
    let folder = folder(server, "usage");
    let mut s = db.session();
    let reader = db.role("reader");
    s.run(&format!("SELECT credits_allow('{reader}', 'analyst')"));
    // Names that a careless program stumbles over.
    let names = [
        "acme",
        "a/b",
        "../up",
        "-n",
        "=1+1",
        "o'neil",
        " blanks ",
        "c\\d",
        "$HOME",
        "\"q\",",
        "ünï",
        &"x".repeat(255),
    ];
    for (n, name) in names.iter().enumerate() {
        let name = name.replace('\'', "''");
        s.at("2026-02-27 09:00+00");
        s.run(&format!("SELECT credits_grant('{name}', 1000, 'g'), credits_debit('{name}', 900, 'february')"));
        s.at("2026-03-01 00:00+00");
        s.run(&format!("SELECT credits_debit('{name}', 1.5 + {n}, 'first', 'chat', ' =ann,\"', 'r')"));
        s.at("2026-03-31 23:59:59.999999+00");
        s.run(&format!("SELECT credits_refund('{name}', 'first', 'r', 0.25), credits_debit('{name}', 2, 'last')"));
        s.at("2026-04-01 00:00+00");
        s.run(&format!("SELECT credits_debit('{name}', 3, 'april')"));
    }
    s.run("SELECT credits_grant('idle', 10, 'g'), credits_debit('idle', 1, 'april only')");
    run(program(server, &db, &reader, "ledger-usage", &folder).args(["2026-03-01 00:00+00", "2026-04-01 00:00+00"]));

    let written = files(&folder, ".csv");
    assert_eq!(written.len(), names.len(), "{written:?}");
    assert_eq!(files(&folder, ".part"), Vec::<String>::new());
    s.run(
        "CREATE TABLE loaded (account text, entry bigint, recorded_at timestamptz, operation text, feature text, actor text, resource text,
                              quantity numeric, included numeric, credits numeric, from_allowance numeric, from_credits numeric,
                              overdraft numeric, idempotency_key text, refers_to bigint)",
    );
    for file in &written {
        s.run("CREATE TABLE one AS TABLE loaded WITH NO DATA");
        load(&mut s, "one", &folder.join(file));
        assert_eq!(s.list("SELECT count(DISTINCT account), count(*) FROM one"), ["1|3"], "{file}");
        s.run("INSERT INTO loaded TABLE one; DROP TABLE one");
    }
    // What a spreadsheet would take for a formula has an apostrophe in front.
    let mut expected: Vec<String> = names
        .iter()
        .map(|name| if name.starts_with(['-', '=']) { format!("'{name}") } else { (*name).to_owned() })
        .collect();
    expected.sort();
    let mut found = s.list("SELECT DISTINCT account FROM loaded");
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(
        s.one("SELECT sum(credits) FROM loaded"),
        s.one("SELECT sum(credits) FROM credits_usage_daily WHERE day BETWEEN '2026-03-01' AND '2026-03-31'")
    );
    let other = "SELECT l.account FROM (SELECT account, sum(credits) AS credits FROM loaded GROUP BY 1) l
                 JOIN (SELECT account, sum(credits) AS credits FROM credits_usage_daily
                       WHERE day BETWEEN '2026-03-01' AND '2026-03-31' GROUP BY 1) u
                 ON l.account IN (u.account, '''' || u.account) WHERE l.credits <> u.credits";
    assert_eq!(s.list(other), Vec::<String>::new());
    assert_eq!(s.list("SELECT DISTINCT actor FROM loaded WHERE actor IS NOT NULL"), ["' =ann,\""]);
}
