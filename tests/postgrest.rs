//! docs/recipes/postgrest.md: with the SQL of the page, a user of PostgREST reaches their own account and no other.
//!
//! PostgREST is played here: one connection for all users, in each request a transaction, read-only unless a volatile
//! function is called by POST, with role, search_path and claims set for that transaction alone.

use credits_ledger_tests::{Database, Server, Session, SqlError};
use std::sync::OnceLock;

/// The blocks of SQL before the page's requests: what is installed.
fn installed_sql() -> Vec<&'static str> {
    let page = include_str!("../docs/recipes/postgrest.md");
    let (installs, _) = page.split_once("## A user's requests").expect("the page has requests");
    let blocks: Vec<&str> =
        installs.split("```sql\n").skip(1).map(|block| block.split("```").next().expect("a block ends")).collect();
    assert!(blocks.len() >= 2, "{} blocks", blocks.len());
    blocks
}

/// A database with the page's roles and wrappers, and a price for an image: 4.
fn site() -> &'static Database {
    static SITE: OnceLock<Database> = OnceLock::new();
    SITE.get_or_init(|| {
        let db = Server::shared().database();
        let mut s = db.session();
        for block in installed_sql() {
            s.run(block);
        }
        s.run("SELECT credits_define_rate('image', 4)");
        db
    })
}

/// Who may call the wrappers.
const USERS: &str = "web_user";

/// Each wrapper that users may call, with arguments.
const WRAPPERS: [(&str, &str); 6] = [
    ("my_credits", ""),
    ("my_history", "page_size := 100"),
    ("my_usage", ""),
    ("my_statement", "from_time := '-infinity', to_time := '2100-01-01'"),
    ("my_usage_csv", "from_time := '-infinity', to_time := '2100-01-01'"),
    ("render_image", "request_id := '6b1f9c1e-58a8-4c0c-9c39-5d9d3a1e5b10'"),
];

/// So many of them only read.
const READERS: usize = 5;

const IMAGE: &str = WRAPPERS[READERS].1;

fn claims(account: &str) -> String {
    format!(r#"{{"role": "web_user", "sub": "ann", "account": "{account}"}}"#)
}

/// PostgREST with its connection.
struct PostgRest(Session);

impl PostgRest {
    fn connect() -> PostgRest {
        PostgRest(site().session_as("authenticator"))
    }

    /// What PostgREST answers with, as JSON.
    fn request(&mut self, method: &str, claims: &str, function: &str, arguments: &str) -> Result<String, SqlError> {
        self.request_as(USERS, method, claims, function, arguments)
    }

    fn request_as(
        &mut self,
        role: &str,
        method: &str,
        claims: &str,
        function: &str,
        arguments: &str,
    ) -> Result<String, SqlError> {
        let s = &mut self.0;
        // What PostgREST knows of a function it has read before as the connection's role.
        let volatile = s.list(&format!(
            "SELECT FROM pg_proc WHERE pronamespace = 'api'::regnamespace AND proname = '{function}' AND provolatile = 'v'"
        ));
        let mode = if method == "POST" && !volatile.is_empty() { "READ WRITE" } else { "READ ONLY" };
        s.run(&format!("BEGIN ISOLATION LEVEL READ COMMITTED {mode}"));
        let claims = claims.replace('\'', "''");
        let answer = s
            .try_run(&format!(
                r#"SELECT set_config('search_path', '"api", "public"', true), set_config('role', '{role}', true),
                          set_config('request.jwt.claims', '{claims}', true),
                          set_config('request.method', '{method}', true),
                          set_config('request.path', '/rpc/{function}', true)"#
            ))
            .and_then(|_| {
                s.try_run(&format!(
                    r#"WITH pgrst_source AS (SELECT pgrst_call.* FROM "api"."{function}"({arguments}) pgrst_call)
                       SELECT coalesce(json_agg(_postgrest_t), '[]') FROM (SELECT * FROM pgrst_source) _postgrest_t"#
                ))
            });
        s.run(if answer.is_ok() { "COMMIT" } else { "ROLLBACK" });
        assert_eq!(
            s.list("SELECT current_user, coalesce(current_setting('request.jwt.claims', true), '')"),
            ["authenticator|"],
            "nothing of a request stays with the connection"
        );
        Ok(answer?[0].values()[0].clone())
    }

    /// The value of a column of the one row that is answered.
    #[track_caller]
    fn value(&mut self, account: &str, function: &str, arguments: &str, column: &str) -> String {
        let answer = self.request("POST", &claims(account), function, arguments).unwrap_or_else(|e| panic!("{e}"));
        self.0.one(&format!("SELECT v ->> '{column}' FROM json_array_elements('{answer}') v"))
    }
}

/// The state of an account, by which a test sees that nothing has touched it.
fn state(s: &mut Session, account: &str) -> Vec<String> {
    s.list(&format!(
        "SELECT entry, balance, encode(head_hash, 'hex') FROM credits_accounts WHERE account = '{account}'"
    ))
}

#[test]
fn a_user_sees_and_spends_the_account_of_the_token() {
    let mut owner = site().session();
    owner.run("SELECT credits_grant('mine', 10, 'g'), credits_hold('mine', 1, 'h')");
    owner.run("SELECT credits_grant('theirs', 500, 'g')");
    let before = state(&mut owner, "theirs");
    let mut web = PostgRest::connect();
    assert_eq!(web.value("mine", "my_credits", "", "available"), "9");
    assert_eq!(web.value("mine", "my_credits", "", "held"), "1");
    assert_eq!(web.value("theirs", "my_credits", "", "available"), "500");
    let id = |n: u32| format!("request_id := '00000000-0000-4000-8000-00000000000{n}'");
    // 4 each, whatever the user says; the third is refused, and the second call of the first replays.
    let spent: Vec<[String; 2]> = [1, 2, 1, 3]
        .map(|n| ["accepted", "available"].map(|column| web.value("mine", "render_image", &id(n), column)))
        .to_vec();
    assert_eq!(spent, [["true", "5"], ["true", "1"], ["true", "5"], ["false", "1"]]);
    assert_eq!(web.request("GET", &claims("mine"), "my_usage", "").unwrap().matches(r#""feature":"image""#).count(), 1);
    assert_eq!(web.value("mine", "my_usage", "", "operations"), "2");
    assert_eq!(web.value("mine", "my_usage", "", "credits"), "8");
    assert_eq!(web.request("GET", &claims("theirs"), "my_usage", "").unwrap(), "[]");
    assert_eq!(web.value("mine", "my_history", "page_size := 1", "amount"), "-4");
    assert_eq!(web.value("theirs", "my_history", "page_size := 1", "amount"), "500");
    assert_eq!(state(&mut owner, "theirs"), before);
    // The user's key is not the application's, and the user stands in the entry.
    assert_eq!(
        owner.list("SELECT idempotency_key, actor, recorded_by FROM credits_history WHERE account = 'mine' AND operation = 'charge' ORDER BY entry"),
        [1, 2].map(|n| format!("web-00000000-0000-4000-8000-00000000000{n}|ann|web_user"))
    );
    // The same id from two users is two requests.
    assert_eq!(web.value("theirs", "render_image", &id(1), "available"), "496");
    for account in ["mine", "theirs"] {
        assert_eq!(owner.list(&format!("SELECT * FROM credits_verify('{account}')")), Vec::<String>::new());
    }
}

#[test]
fn a_statement_and_a_file_of_the_own_account() {
    let mut owner = site().session();
    owner.at("2026-03-01 09:00+00");
    owner.run("SELECT credits_grant('billed', 100, 'g'), credits_grant('other', 500, 'g')");
    owner.run("SELECT credits_debit('billed', 30, 'd1', 'chat', '=1+1', 'a, \"b\"'), credits_debit('other', 7, 'd1', 'chat', 'bob')");
    owner.at("2026-04-02 09:00+00");
    owner.run("SELECT credits_refund('billed', 'd1', 'r1', 10.5)");
    let mut web = PostgRest::connect();
    let march = "from_time := '2026-03-01', to_time := '2026-04-01'";
    let statement = web.request("GET", &claims("billed"), "my_statement", march).unwrap();
    assert_eq!(
        owner.list(&format!(
            "SELECT v ->> 'line', v ->> 'operation', v ->> 'amount', v ->> 'balance' FROM json_array_elements('{statement}') v"
        )),
        ["opening|NULL|0|0", "movement|grant|100|NULL", "movement|debit|-30|NULL", "closing|NULL|70|70"]
    );
    let file = |web: &mut PostgRest, account: &str, period: &str| {
        let answer = web.request("GET", &claims(account), "my_usage_csv", period).unwrap();
        let mut s = site().session();
        s.run("SET standard_conforming_strings = on");
        s.one(&format!("SELECT string_agg(v #>> '{{pgrst_call}}', '') FROM json_array_elements($csv${answer}$csv$) v"))
    };
    let header = "account,entry,recorded_at,operation,feature,actor,resource,quantity,included,credits,\
                  from_allowance,from_credits,overdraft,idempotency_key,refers_to\r\n";
    let debit = "billed,3,2026-03-01T09:00:00.000000Z,debit,chat,'=1+1,\"a, \"\"b\"\"\",,0,30,0,30,0,d1,\r\n";
    let refund = "billed,4,2026-04-02T09:00:00.000000Z,refund,chat,'=1+1,\"a, \"\"b\"\"\",,0,-10.5,0,-10.5,0,r1,3\r\n";
    assert_eq!(file(&mut web, "billed", march), format!("{header}{debit}"));
    let always = "from_time := '-infinity', to_time := '2100-01-01'";
    assert_eq!(file(&mut web, "billed", always), format!("{header}{debit}{refund}"));
    assert_eq!(file(&mut web, "other", always).matches("\r\n").count(), 2);
    // Nothing yet, but a header.
    assert_eq!(file(&mut web, "billed", "from_time := '2020-01-01', to_time := '2021-01-01'"), header);
}

#[test]
fn history_is_read_page_by_page_and_never_in_bulk() {
    let mut owner = site().session();
    owner.run("SELECT credits_grant('pages', 1000, 'g')");
    owner.run("SELECT credits_debit('pages', 1, 'd' || n) FROM generate_series(1, 118) n");
    let mut web = PostgRest::connect();
    let mut seen: Vec<i64> = Vec::new();
    loop {
        let before = seen.last().map_or(String::new(), |last| format!("before_entry := {last}, "));
        let page = web.request("GET", &claims("pages"), "my_history", &format!("{before}page_size := 50")).unwrap();
        let entries = web.0.list(&format!("SELECT v ->> 'entry' FROM json_array_elements('{page}') v"));
        if entries.is_empty() {
            break;
        }
        seen.extend(entries.iter().map(|entry| entry.parse::<i64>().unwrap()));
        // What is added meanwhile moves no page.
        owner.run(&format!("SELECT credits_debit('pages', 1, 'meanwhile {}')", seen.len()));
    }
    assert_eq!(seen, (1..=120).rev().collect::<Vec<i64>>());
    for (asked, rows) in [("1000000", "100"), ("0", "1"), ("-5", "1"), ("NULL", "1"), ("7", "7")] {
        let page = web.request("GET", &claims("pages"), "my_history", &format!("page_size := {asked}")).unwrap();
        assert_eq!(web.0.one(&format!("SELECT json_array_length('{page}')")), rows, "{asked}");
    }
    let first = "first_day := '1990-01-01', last_day := '1990-12-31'";
    assert_eq!(web.request("GET", &claims("pages"), "my_usage", first).unwrap(), "[]");
}

#[test]
fn without_an_account_in_the_token_nothing_is_told_or_done() {
    let mut owner = site().session();
    // Accounts that a careless reading of a claim could mean.
    for account in ["null", "5", "true", "{}", "[]", "claimed"] {
        owner.run(&format!("SELECT credits_grant('{account}', 77, 'g')"));
    }
    // Of other accounts other tests are busy with.
    let accounts = "SELECT account, entry, balance FROM credits_accounts WHERE account IN
                        ('null', '5', 'true', '{}', '[]', 'claimed') ORDER BY 1";
    let before = owner.list(accounts);
    assert_eq!(before.len(), 6);
    let mut web = PostgRest::connect();
    let tokens = [
        "",
        "not json",
        "{",
        "null",
        "5",
        r#""claimed""#,
        r#"["account", "claimed"]"#,
        "{}",
        r#"{"role": "web_user", "sub": "ann"}"#,
        r#"{"sub": "ann", "account": null}"#,
        r#"{"sub": "ann", "account": 5}"#,
        r#"{"sub": "ann", "account": true}"#,
        r#"{"sub": "ann", "account": {}}"#,
        r#"{"sub": "ann", "account": []}"#,
        r#"{"sub": "ann", "account": ["claimed"]}"#,
        r#"{"sub": "ann", "account": {"account": "claimed"}}"#,
        r#"{"sub": "ann", "Account": "claimed"}"#,
        r#"{"sub": "ann", "account": "claimed\u0000"}"#,
        r#"{"sub": "ann", "account": "claimed}"#,
    ];
    for token in tokens {
        for (function, arguments) in WRAPPERS {
            let e = web.request("POST", token, function, arguments).unwrap_err();
            assert_eq!((e.code.as_str(), e.message.as_str()), ("28000", "not signed in"), "{function} {token}");
            assert_eq!((e.detail.as_str(), e.hint.as_str()), ("", ""), "{function} {token}");
        }
    }
    // A request without any claims at all, such as a connection's first.
    for (function, arguments) in WRAPPERS {
        let mut fresh = site().session_as("authenticator");
        fresh.run("SET ROLE web_user");
        assert_eq!(fresh.error(&format!("SELECT * FROM api.{function}({arguments})")).code, "28000", "{function}");
    }
    // Names that are not quite that of an account are another's, which does not exist; one is no name.
    for (account, code) in [("Claimed", "LC002"), ("claimed ", "LC002"), ("claimed%", "LC002"), ("", "LC005")] {
        for (function, arguments) in WRAPPERS.into_iter().filter(|(name, _)| !["my_history", "my_usage"].contains(name))
        {
            let e = web.request("POST", &claims(account), function, arguments).unwrap_err();
            assert_eq!(e.code, code, "{function} {account:?}: {e}");
        }
        for function in ["my_history", "my_usage"] {
            assert_eq!(web.request("GET", &claims(account), function, "").unwrap(), "[]", "{function} {account:?}");
        }
    }
    // Who spends is told, too.
    let e = web.request("POST", r#"{"account": "claimed"}"#, "render_image", IMAGE).unwrap_err();
    assert_eq!(e.code, "28000");
    assert_eq!(owner.list(accounts), before);
}

#[test]
fn no_argument_names_another_account() {
    let mut owner = site().session();
    owner.run("SELECT credits_grant('asker', 100, 'g'), credits_grant('asked', 777123, 'secret-key', payment_ref => 'secret-ref')");
    let before = state(&mut owner, "asked");
    let mut web = PostgRest::connect();
    for (function, arguments) in WRAPPERS {
        for name in ["account", "acc", "claim", "role"] {
            let more = format!("{name} := 'asked'");
            let arguments = if arguments.is_empty() { more } else { format!("{arguments}, {more}") };
            let e = web.request("POST", &claims("asker"), function, &arguments).unwrap_err();
            assert_eq!(e.code, "42883", "{function} {arguments}: {e}");
        }
    }
    let attempts = [
        ("my_history", "before_entry := 9223372036854775807, page_size := 2147483647"),
        ("my_history", "before_entry := -1"),
        ("my_history", "before_entry := NULL, page_size := NULL"),
        ("my_history", "before_entry := '1 OR true'"),
        ("my_usage", "first_day := '-infinity', last_day := 'infinity'"),
        ("my_usage", "first_day := 'asked'"),
        ("my_statement", "from_time := '-infinity', to_time := 'infinity'"),
        ("my_statement", "from_time := 'infinity', to_time := '-infinity'"),
        ("my_statement", "from_time := NULL, to_time := NULL"),
        ("my_usage_csv", "from_time := '-infinity', to_time := 'infinity'"),
        ("my_usage_csv", "from_time := 'asked', to_time := 'infinity'"),
        ("render_image", "request_id := NULL"),
        ("render_image", "request_id := 'secret-key'"),
        ("render_image", "request_id := '6b1f9c1e58a84c0c9c395d9d3a1e5b10'"),
    ];
    for (function, arguments) in attempts {
        let told = match web.request("POST", &claims("asker"), function, arguments) {
            Ok(answer) => answer,
            Err(e) => {
                assert!(["22P02", "22007", "LC005"].contains(&e.code.as_str()), "{function}({arguments}): {e}");
                // The caller's own words may come back.
                e.to_string().replace("\"asked\"", "").replace("\"secret-key\"", "")
            }
        };
        for secret in ["asked", "777123", "secret"] {
            assert!(!told.contains(secret), "{function}({arguments}) told {told}");
        }
    }
    assert_eq!(state(&mut owner, "asked"), before);
}

#[test]
fn errors_tell_of_the_callers_account_only() {
    let mut owner = site().session();
    owner.run("SELECT credits_grant('poor', 1, 'g'), credits_grant('rich', 888321, 'web-secret', payment_ref => 'secret-ref')");
    owner.run("SELECT credits_open_account('frozen'), credits_freeze_account('frozen', 'secret-reason')");
    owner.run("SELECT credits_open_account('off'), credits_set_feature('off', 'image', false)");
    owner.run("SELECT credits_grant('tight', 100, 'g'), credits_set_budget('tight', 1, 'day', 'ann')");
    owner.run("SELECT credits_grant('taken', 100, 'g')");
    owner.run("SELECT credits_debit('taken', 3, 'web-6b1f9c1e-58a8-4c0c-9c39-5d9d3a1e5b10')");
    let mut web = PostgRest::connect();
    let image = IMAGE;
    let answers = [
        ("poor", Ok("LC001")),
        ("frozen", Ok("LC011")),
        ("off", Ok("LC010")),
        ("tight", Ok("LC012")),
        ("nobody", Err("LC002")),
        ("taken", Err("LC003")),
    ];
    for (account, expected) in answers {
        let answer = web.request("POST", &claims(account), "render_image", image);
        let told = match (&answer, expected) {
            (Ok(refusal), Ok(code)) => {
                assert!(
                    refusal.starts_with(&format!(r#"[{{"accepted":false,"refused":"{code}","#)),
                    "{account}: {refusal}"
                );
                refusal.clone()
            }
            (Err(e), Err(code)) => {
                assert_eq!(e.code, code, "{account}: {e}");
                e.to_string()
            }
            _ => panic!("{account}: expected {expected:?}, found {answer:?}"),
        };
        for secret in ["rich", "888321", "secret"] {
            assert!(!told.contains(secret), "{account}: {told}");
        }
    }
}

#[test]
fn a_get_never_writes() {
    let mut owner = site().session();
    owner.run("SELECT credits_grant('reader', 100, 'g')");
    let mut web = PostgRest::connect();
    let e = web.request("GET", &claims("reader"), "render_image", IMAGE).unwrap_err();
    assert_eq!(e.code, "25006", "{e}");
    for (function, arguments) in &WRAPPERS[..READERS] {
        web.request("GET", &claims("reader"), function, arguments).unwrap_or_else(|e| panic!("{function}: {e}"));
    }
    assert_eq!(owner.one("SELECT balance FROM credits_balance('reader')"), "100");
}

/// The button was pressed once, and the request sent by eight connections.
#[test]
fn a_request_sent_many_times_is_paid_once() {
    site().session().run("SELECT credits_grant('clicker', 100, 'g')");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut web = PostgRest::connect();
                for n in 1..=3 {
                    let id = format!("request_id := '00000000-0000-4000-8000-0000000000a{n}'");
                    assert_eq!(web.value("clicker", "render_image", &id, "accepted"), "true");
                }
            });
        }
    });
    let mut owner = site().session();
    assert_eq!(owner.list("SELECT balance, entry FROM credits_balance('clicker')"), ["88|5"]);
}

/// Of all that the extension has: nothing for users, for those who have no token, or for the connection's own role.
#[test]
fn the_ledger_itself_is_closed() {
    let mut owner = site().session();
    owner.run("SELECT credits_grant('closed', 100, 'g')");
    let before = state(&mut owner, "closed");
    let members = "SELECT d.classid::regclass AS class, d.objid FROM pg_depend d
                   JOIN pg_extension x ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = x.oid
                   WHERE x.extname = 'credits_ledger' AND d.deptype = 'e'";
    for role in ["web_user", "web_anon", "authenticator"] {
        let open = owner.list(&format!(
            "SELECT m.objid::regprocedure::text FROM ({members}) m
             WHERE m.class = 'pg_proc'::regclass AND has_function_privilege('{role}', m.objid, 'EXECUTE')
             UNION ALL
             SELECT m.objid::regclass::text FROM ({members}) m
             WHERE m.class = 'pg_class'::regclass
               AND has_table_privilege('{role}', m.objid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')"
        ));
        assert_eq!(open, Vec::<String>::new(), "{role}");
    }
    for role in ["web_user", "web_anon"] {
        let mut s = site().session_as("authenticator");
        s.run(&format!("SET ROLE {role}"));
        s.run(&format!("SET request.jwt.claims = '{}'", claims("closed")));
        for statement in [
            "SELECT * FROM credits_balance('closed')",
            "SELECT * FROM credits_debit('closed', 1, 'k')",
            "SELECT * FROM credits_grant('closed', 1, 'k')",
            "SELECT credits_allow('web_user', 'admin')",
            "SELECT * FROM credits_history",
            "SELECT * FROM credits_accounts",
            "SELECT * FROM credits_ledger.entries",
            "UPDATE credits_ledger.accounts SET credits = 1000",
            "SELECT api.my_account()",
            "SELECT api.my_claim('account')",
            "SET ROLE ledger_gateway",
            "ALTER FUNCTION api.my_credits OWNER TO web_user",
            "CREATE FUNCTION api.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        ] {
            assert_eq!(s.error(statement).code, "42501", "{role}: {statement}");
        }
    }
    // Who has no token may nothing.
    let mut web = PostgRest::connect();
    for (function, arguments) in WRAPPERS {
        for token in [r#"{"role": "web_anon"}"#.to_owned(), claims("closed")] {
            let e = web.request_as("web_anon", "POST", &token, function, arguments).unwrap_err();
            assert_eq!(e.code, "42501", "{function}: {e}");
        }
        // The connection's own role has inherited nothing.
        let e = site().session_as("authenticator").error(&format!("SELECT * FROM api.{function}({arguments})"));
        assert_eq!(e.code, "42501", "{function}: {e}");
    }
    // And a token cannot name a role that was not given to the connection.
    for role in ["postgres", "ledger_gateway"] {
        let e = web.request_as(role, "POST", &claims("closed"), "my_credits", "").unwrap_err();
        assert_eq!(e.code, "42501", "{role}: {e}");
    }
    assert_eq!(state(&mut owner, "closed"), before);
}

#[test]
fn every_wrapper_is_tried_here_and_made_as_the_page_says() {
    let mut owner = site().session();
    let mut names: Vec<String> = WRAPPERS.iter().map(|(name, _)| (*name).to_owned()).collect();
    names.sort();
    assert_eq!(
        owner.list(&format!(
            "SELECT p.proname FROM pg_proc p
             WHERE p.pronamespace = 'api'::regnamespace AND has_function_privilege('{USERS}', p.oid, 'EXECUTE') ORDER BY 1"
        )),
        names
    );
    assert_eq!(
        owner.list(
            "SELECT DISTINCT p.proowner::regrole, p.prosecdef, p.prosqlbody IS NOT NULL
             FROM pg_proc p WHERE p.pronamespace = 'api'::regnamespace AND p.proname NOT IN ('my_claim', 'my_account')"
        ),
        ["ledger_gateway|t|t"]
    );
    assert_eq!(
        owner.list("SELECT DISTINCT p.proconfig FROM pg_proc p WHERE p.pronamespace = 'api'::regnamespace"),
        [r#"{"search_path=pg_catalog, pg_temp"}"#]
    );
    for role in ["public", "web_anon", "authenticator"] {
        let open = owner.list(&format!(
            "SELECT p.proname FROM pg_proc p
             WHERE p.pronamespace = 'api'::regnamespace AND has_function_privilege('{role}', p.oid, 'EXECUTE')"
        ));
        assert_eq!(open, Vec::<String>::new(), "{role}");
    }
}

/// More than a user of PostgREST can do: SQL of their own, with tables, functions and operators that shadow what the
/// wrappers use. What they see stays their account, by its own figures.
#[test]
fn nothing_that_a_user_makes_is_meant_by_a_wrapper() {
    let mut owner = site().session();
    owner.run("SELECT credits_grant('shadow', 40, 'g'), credits_grant('victim', 999777, 'g')");
    let before = state(&mut owner, "victim");
    owner.run("CREATE ROLE crafty LOGIN; GRANT web_user TO crafty; CREATE SCHEMA evil AUTHORIZATION crafty");
    let mut web = PostgRest::connect();
    let fair: Vec<String> = WRAPPERS[..READERS]
        .iter()
        .map(|(function, arguments)| web.request("GET", &claims("shadow"), function, arguments).unwrap())
        .collect();

    let mut s = site().session_as("crafty");
    s.run(
        "CREATE TEMP TABLE credits_history AS SELECT 'victim'::text AS account, 1::bigint AS entry;
         CREATE TEMP VIEW credits_usage_daily AS SELECT 'victim'::text AS account, date '2026-01-01' AS day;
         CREATE TEMP TABLE entries AS SELECT 'victim'::text AS account;
         CREATE FUNCTION pg_temp.my_account() RETURNS text LANGUAGE sql AS $$ SELECT 'victim' $$;
         CREATE FUNCTION evil.my_account() RETURNS text LANGUAGE sql AS $$ SELECT 'victim' $$;
         CREATE FUNCTION evil.my_claim(text) RETURNS text LANGUAGE sql AS $$ SELECT 'victim' $$;
         CREATE FUNCTION evil.current_setting(text, boolean) RETURNS text LANGUAGE sql
             AS $$ SELECT '{\"sub\": \"x\", \"account\": \"victim\"}' $$;
         CREATE FUNCTION evil.credits_balance(text) RETURNS TABLE (available numeric, held numeric, cycle_end timestamptz)
             LANGUAGE sql AS $$ SELECT 999777, 0, NULL::timestamptz $$;
         CREATE FUNCTION evil.jsonb_typeof(jsonb) RETURNS text LANGUAGE sql AS $$ SELECT 'string' $$;
         CREATE FUNCTION evil.yes(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
         CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.yes);
         CREATE FUNCTION evil.yes(bigint, bigint) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
         CREATE OPERATOR evil.< (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = evil.yes);
         CREATE FUNCTION evil.victim(jsonb, text) RETURNS jsonb LANGUAGE sql AS $$ SELECT '\"victim\"'::jsonb $$;
         CREATE OPERATOR evil.-> (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = evil.victim);
         CREATE FUNCTION evil.victim(jsonb, text[]) RETURNS text LANGUAGE sql AS $$ SELECT 'victim' $$;
         CREATE OPERATOR evil.#>> (LEFTARG = jsonb, RIGHTARG = text[], FUNCTION = evil.victim);
         CREATE FUNCTION evil.key(text, uuid) RETURNS text LANGUAGE sql AS $$ SELECT 'g' $$;
         CREATE OPERATOR evil.|| (LEFTARG = text, RIGHTARG = uuid, FUNCTION = evil.key)",
    );
    s.run(&format!("SET request.jwt.claims = '{}'", claims("shadow")));
    for path in ["evil, pg_catalog, public", "pg_temp, evil, pg_catalog, public", "evil, public", "pg_temp", "''"] {
        s.run(&format!("SET search_path = {path}"));
        for ((function, arguments), fair) in WRAPPERS[..READERS].iter().zip(&fair) {
            let seen =
                s.one(&format!("SELECT coalesce(pg_catalog.json_agg(t), '[]') FROM (SELECT pgrst_call.* FROM api.{function}({arguments}) pgrst_call) t"));
            assert_eq!(&seen, fair, "{function} with search_path {path}");
        }
    }
    s.run("SET search_path = evil, pg_catalog, public");
    let paid = s.row(&format!("SELECT accepted, available FROM api.render_image({})", IMAGE));
    assert_eq!(paid.values(), ["t", "36"]);
    assert_eq!(state(&mut owner, "victim"), before);
    assert_eq!(
        owner.list("SELECT idempotency_key FROM credits_history WHERE account = 'shadow' AND operation = 'charge'"),
        ["web-6b1f9c1e-58a8-4c0c-9c39-5d9d3a1e5b10"]
    );
}
