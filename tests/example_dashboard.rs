//! examples/dashboard: what its pages show is what the ledger has, in a real browser; and it only reads.

#[path = "dashboard/service.rs"]
mod service;

use credits_ledger_tests::{Database, Server, Session};
use service::{Dashboard, conninfo, project, python, quoted, strict_csv};
use std::process::Command;

const HOSTILE: &str = "<script>alert(1)</script>";

/// A database with the example's own data, hostile accounts, and a role that may only read.
struct Setting {
    db: Database,
    role: String,
    database: String,
}

fn on(server: &Server) -> Setting {
    let db = server.database();
    for script in ["examples/dashboard/demo.sql", "tests/dashboard/hostile.sql"] {
        let text = std::fs::read_to_string(project().join(script)).expect("the script can be read");
        let output = db.psql(&text);
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let role = db.role("dashboard");
    db.session().run(&format!("SELECT credits_allow('{role}', 'analyst')"));
    let database = conninfo(server, &db, &role);
    Setting { db, role, database }
}

/// An answer without a trace of what went on inside.
#[track_caller]
fn is_tidy(answer: &service::Answer) {
    for trace in ["Traceback", "psycopg", "File \"", "SELECT ", "credits_ledger."] {
        assert!(!answer.body.contains(trace), "{trace:?} in\n{}", answer.body);
    }
    for (name, value) in [
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Frame-Options", "DENY"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Set-Cookie", ""),
        ("Server", ""),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    let policy = answer.header("Content-Security-Policy");
    assert!(policy.starts_with("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
}

#[test]
fn a_browser_shows_what_the_ledger_has() {
    let t = on(Server::shared());
    let dashboard = Dashboard::start(&t.database, &[]);
    let output = Command::new(python())
        .arg(project().join("tests/dashboard/pages.py"))
        .args([&dashboard.address(), &conninfo(Server::shared(), &t.db, "postgres")])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("python");
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{errors}");
    assert_eq!(said.lines().filter(|line| line.starts_with("ok test_")).count(), 20, "{said}\n{errors}");
    assert_eq!(dashboard.stop(), "", "nothing was worth a line in the log");
}

#[test]
fn what_does_not_exist_or_cannot_be_is_refused_tidily() {
    let t = on(Server::shared());
    let dashboard = Dashboard::start(&t.database, &[]);
    let hostile = quoted("<b>nobody</b>");
    for (target, status) in [
        ("/".into(), 200),
        ("/account?name=lumen".into(), 200),
        (format!("/account?name={}", quoted(HOSTILE)), 200),
        ("/static/style.css".into(), 200),
        (format!("/account?name={hostile}"), 404),
        ("/account".into(), 404),
        ("/account?name=Lumen".into(), 404),
        ("/account?name=lumen%00".into(), 404),
        ("/account?name=%FF%FE".into(), 404),
        ("/account/lumen".into(), 404),
        (format!("/usage?name={hostile}"), 404),
        (format!("/history?name={hostile}"), 404),
        (format!("/alerts?name={hostile}"), 404),
        (format!("/statement?name={hostile}"), 404),
        (format!("/usage.csv?name={hostile}"), 404),
        ("/static/../dashboard.py".into(), 404),
        ("/static/%2e%2e/dashboard.py".into(), 404),
        ("/?after=%00".into(), 400),
        ("/history?name=lumen&before=-1".into(), 400),
        ("/history?name=lumen&before=1%3BSELECT".into(), 400),
        ("/history?name=lumen&before=9999999999999999999".into(), 400),
        ("/usage?name=lumen&period=ever".into(), 400),
        ("/usage?name=lumen&period=custom".into(), 400),
        ("/usage?name=lumen&period=custom&from=2026-03-02&to=2026-03-01".into(), 400),
        ("/usage?name=lumen&period=custom&from=2025-01-01&to=2026-03-01".into(), 400),
        ("/statement?name=lumen&month=2026-13".into(), 400),
        ("/statement?name=lumen&month=2026-3".into(), 400),
        ("/usage.csv?name=lumen&month=March".into(), 400),
        ("/statement?name=lumen&month=9999-12".into(), 200),
        ("/statement?name=lumen&month=1000-01".into(), 200),
        ("/history?name=lumen&before=1".into(), 200),
        ("/history?name=lumen&before=999999999999999999".into(), 200),
    ] {
        let answer = dashboard.get(&target);
        assert_eq!(answer.status, status, "{target}\n{}", answer.body);
        is_tidy(&answer);
    }
    let answer = dashboard.get(&format!("/account?name={hostile}"));
    assert!(answer.body.contains("&lt;b&gt;nobody&lt;/b&gt;") && !answer.body.contains("<b>nobody"), "{}", answer.body);
    assert_eq!(answer.header("Content-Type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("Cache-Control"), "no-store");
    for method in ["POST", "PUT", "DELETE"] {
        assert_eq!(dashboard.ask(method, "/account?name=lumen", "localhost").status, 405, "{method}");
    }
    let head = dashboard.ask("HEAD", "/account?name=lumen", "localhost");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

/// Somebody else's page can have a name that leads to 127.0.0.1: it is not answered under that name.
#[test]
fn it_answers_to_its_own_names_only() {
    let t = on(Server::shared());
    let dashboard = Dashboard::start(&t.database, &[("DASHBOARD_HOSTS", "credits.example.com, other.example.com")]);
    for (host, status) in [
        ("localhost", 200),
        ("127.0.0.1:8080", 200),
        ("credits.example.com", 200),
        ("other.example.com", 200),
        ("evil.example.com", 400),
        ("credits.example.com.evil.com", 400),
    ] {
        let answer = dashboard.ask("GET", "/account?name=lumen", host);
        assert_eq!(answer.status, status, "{host}");
        assert_eq!(answer.body.contains("Balance by lot"), status == 200, "{host}");
    }
}

#[test]
fn usage_is_downloaded_as_csv() {
    let t = on(Server::shared());
    let dashboard = Dashboard::start(&t.database, &[]);
    let mut s = t.db.session();
    for (account, month, zone) in [
        ("lumen", "2026-03", "Europe/Berlin"),
        (HOSTILE, "2026-03", "Asia/Kathmandu"),
        ("'; DROP TABLE accounts; --", "2026-03", "Asia/Kathmandu"),
        ("lumen", "2025-01", "Europe/Berlin"),
    ] {
        let answer = dashboard.get(&format!("/usage.csv?name={}&month={month}", quoted(account)));
        assert_eq!(answer.status, 200);
        is_tidy(&answer);
        assert_eq!(answer.header("Content-Type"), "text/csv; charset=utf-8; header=present");
        let disposition = format!("attachment; filename=\"usage-{month}.csv\"");
        assert_eq!(answer.header("Content-Disposition"), disposition);

        let mut rows = strict_csv(&answer.body).unwrap_or_else(|error| panic!("{account}: {error}\n{}", answer.body));
        let header = rows.remove(0);
        assert_eq!(
            header.join(","),
            "account,entry,recorded_at,operation,feature,actor,resource,quantity,included,credits,from_allowance,\
             from_credits,overdraft,idempotency_key,refers_to"
        );
        let column = |name: &str| header.iter().position(|column| column == name).expect("the header has it");
        let (entry, credits) = (column("entry"), column("credits"));
        assert!(rows.iter().all(|row| row.len() == header.len()), "{rows:?}");
        let quoted = account.replace('\'', "''");
        let expected = format!(
            "SELECT entry FROM credits_history WHERE account = '{quoted}'
             AND operation IN ('debit', 'charge', 'capture', 'refund')
             AND effective_at >= '{month}-01'::timestamp AT TIME ZONE '{zone}'
             AND effective_at < ('{month}-01'::timestamp + interval '1 month') AT TIME ZONE '{zone}' ORDER BY entry"
        );
        let entries: Vec<&str> = rows.iter().map(|row| row[entry].as_str()).collect();
        assert_eq!(entries, s.list(&expected), "{account}");
        assert_eq!(entries.is_empty(), month == "2025-01", "{account}");
        let sum = rows.iter().map(|row| format!("({})", row[credits])).collect::<Vec<_>>().join(" + ");
        let sum = if sum.is_empty() { "0".to_owned() } else { sum };
        let usage = format!(
            "SELECT ({sum}) = coalesce((SELECT sum(quantity) FROM (SELECT CASE operation WHEN 'refund' THEN -1 ELSE 1 END
                 * abs(amount) AS quantity FROM credits_history WHERE account = '{quoted}'
                 AND entry = ANY('{{{}}}')) u), 0)",
            entries.join(",")
        );
        assert_eq!(s.one(&usage), "t", "the credits of {account} add up");
    }
    // A name that a spreadsheet would take for a formula, or would open a field, comes as text.
    assert!(dashboard.get("/usage.csv?name=lumen").body.lines().count() > 5, "the running month, where none is named");
}

#[test]
fn the_strict_reader_of_csv_is_strict() {
    let read = |text| strict_csv(text).map(|rows| rows.iter().map(|row| row.join("|")).collect::<Vec<_>>());
    assert_eq!(read("a,\"b \"\"c\"\"\r\n,\",d\r\n,\r\n"), Ok(vec!["a|b \"c\"\r\n,|d".to_owned(), "|".to_owned()]));
    for wrong in ["a,b\n", "a,b", "a\"b\"\r\n", "\"a\"b\r\n", "\"a\r\n"] {
        assert!(read(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn while_the_database_is_down_it_says_so_and_comes_back_with_it() {
    let mut server = Server::start(&[]);
    let t = on(&server);
    let settings = [("DASHBOARD_CONNECT_TIMEOUT", "1")];
    let dashboard = Dashboard::start(&t.database, &settings);
    assert_eq!(dashboard.get("/account?name=lumen").status, 200);
    for (round, targets) in
        [(1, &["/", "/account?name=lumen"]), (2, &["/statement?name=lumen", "/usage.csv?name=lumen"])]
    {
        server.stop("fast");
        for target in targets {
            let answer = dashboard.get(target);
            assert_eq!(answer.status, 503, "{target}, round {round}\n{}", answer.body);
            assert!(answer.body.contains("The database cannot be reached"), "{}", answer.body);
            assert_eq!(answer.header("Retry-After"), "30");
            is_tidy(&answer);
        }
        // What needs no database is there all the same.
        assert_eq!(dashboard.get("/static/style.css").status, 200);
        server.start_again();
        let answer = dashboard.get("/account?name=lumen");
        assert_eq!(answer.status, 200, "round {round}\n{}", answer.body);
    }
    // And one that is started before its database.
    server.stop("fast");
    let early = Dashboard::start(&t.database, &settings);
    assert_eq!(early.get("/").status, 503);
    server.start_again();
    assert_eq!(early.get("/").status, 200);
}

#[test]
fn what_takes_too_long_is_given_up() {
    let t = on(Server::shared());
    let dashboard = Dashboard::start(&t.database, &[("DASHBOARD_STATEMENT_TIMEOUT", "0.3")]);
    let mut busy = t.db.session();
    busy.run("BEGIN");
    busy.run("LOCK TABLE credits_ledger.entries IN ACCESS EXCLUSIVE MODE");
    for target in ["/account?name=lumen", "/history?name=lumen", "/usage.csv?name=lumen"] {
        let answer = dashboard.get(target);
        assert_eq!(answer.status, 503, "{target}");
        assert!(answer.body.contains("The database is busy"), "{}", answer.body);
        is_tidy(&answer);
    }
    busy.run("ROLLBACK");
    assert_eq!(dashboard.get("/history?name=lumen").status, 200);
}

/// Its role may only read, and it does not even ask for more.
#[test]
fn it_only_reads() {
    let server = Server::start(&[("log_statement", "all")]);
    let t = on(&server);
    let mut own = t.db.session_as(&t.role);
    assert_eq!(own.error("SELECT * FROM credits_grant('lumen', 1, 'free')").code, "42501");
    let digest = "SELECT md5(string_agg(a::text, ',' ORDER BY account)) FROM credits_accounts a";
    let before = t.db.session().one(digest);

    let dashboard = Dashboard::start(&t.database, &[]);
    let from = server.log().len();
    for target in ["/", "/account?name=lumen", "/usage?name=lumen", "/history?name=lumen", "/alerts?name=lumen"] {
        assert_eq!(dashboard.get(target).status, 200);
    }
    assert_eq!(dashboard.get("/statement?name=lumen").status, 200);
    assert_eq!(dashboard.get("/usage.csv?name=lumen").status, 200);
    let log = server.log();
    let of_role: Vec<&str> = log[from..].lines().filter(|line| line.contains(&format!("{}@", t.role))).collect();
    let begun: Vec<&&str> = of_role.iter().filter(|line| line.contains("BEGIN")).collect();
    assert_eq!(begun.len(), 7, "a transaction a page:\n{}", of_role.join("\n"));
    for line in begun {
        assert!(line.ends_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"), "{line}");
    }
    assert_eq!(t.db.session().one(digest), before);
}

#[test]
fn a_role_that_may_not_read_is_told_in_the_log_only() {
    let t = on(Server::shared());
    t.db.session().run(&format!("SELECT credits_disallow('{}', 'analyst')", t.role));
    let dashboard = Dashboard::start(&t.database, &[]);
    let answer = dashboard.get("/account?name=lumen");
    assert_eq!(answer.status, 500);
    is_tidy(&answer);
    let log = dashboard.stop();
    assert!(log.contains("permission denied for view credits_accounts"), "{log}");
}

#[test]
fn a_configuration_that_cannot_work_ends_it_at_once() {
    for (name, value) in [
        ("DASHBOARD_BIND", "8080"),
        ("DASHBOARD_BIND", "127.0.0.1:http"),
        ("DASHBOARD_STATEMENT_TIMEOUT", "soon"),
        ("DASHBOARD_CONNECT_TIMEOUT", "0"),
        ("DATABASE_URL", "hast=localhost"),
    ] {
        let output = Command::new(python())
            .arg(project().join("examples/dashboard/dashboard.py"))
            .env_clear()
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env(name, value)
            .output()
            .expect("python");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(78), "{name}={value}: {said}");
        assert!(said.starts_with("dashboard: ") && said.lines().count() == 1, "{name}={value}: {said}");
    }
}

/// The chart of an account with very many entries is made of some, and takes no longer.
#[test]
fn a_long_cycle_is_sampled() {
    let t = on(Server::shared());
    let mut s: Session = t.db.session();
    s.at("2026-03-10 00:00+00");
    s.run("SELECT credits_open_account('busy', allowance => 20000)");
    s.run(
        "DO $$ BEGIN FOR n IN 1..5000 LOOP
             PERFORM set_config('credits_ledger.now', (timestamptz '2026-03-11 00:00+00' + n * interval '5 min')::text, false);
             PERFORM credits_debit('busy', 2, n::text);
         END LOOP; END $$",
    );
    let dashboard = Dashboard::start(&t.database, &[]);
    let body = dashboard.get("/account?name=busy").body;
    let line = body.split("class=\"line\" d=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a line");
    let points = line.matches('V').count();
    assert!((300..=402).contains(&points), "{points} points");
    // From 20,000 of 20,000 to 10,000: the top, and the middle.
    assert!(line.starts_with("M0.0 0.0H") && line.ends_with("V150.0"), "{line}");
    assert!(body.contains("<dd id=\"available\"><span class=\"amount\">10<i>000</i></span></dd>"), "{body}");
}
