//! Installing and using the extension where little is as usual: an owner who is no superuser, schemas other
//! than public, an empty search_path, and DROP and CREATE within one session.

#[path = "trust/verbs.rs"]
mod verbs;

use credits_ledger_tests::{Database, Server, Session};
use verbs::{VIEWS, call_every_verb};

/// An empty database that belongs to a role which is no superuser, and a session of that role.
fn owned_database() -> (Database, Session) {
    let db = Server::shared().empty_database();
    let owner = db.role("owner");
    db.session().run(&format!("ALTER DATABASE {} OWNER TO {owner}", db.name));
    let session = db.session_as(&owner);
    (db, session)
}

#[test]
fn a_database_owner_who_is_no_superuser_installs_and_uses_it() {
    let (_db, mut s) = owned_database();
    assert_eq!(s.one("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"), "f");
    s.run("CREATE EXTENSION credits_ledger");
    call_every_verb(&mut s, "", "acme");
    assert_eq!(s.one("SELECT count(*) FROM credits_errors()"), "15");
}

#[test]
fn an_owner_who_is_no_superuser_gives_and_takes_access() {
    let (db, mut s) = owned_database();
    s.run("CREATE EXTENSION credits_ledger");
    s.run("SELECT credits_grant('acme', 10, 'g')");
    let (app_role, eyes_role) = (db.role("app"), db.role("eyes"));
    assert_eq!(s.one(&format!("SELECT credits_allow('{app_role}', 'spend')")), "t");
    assert_eq!(s.one(&format!("SELECT credits_allow('{app_role}', 'spend')")), "f");
    assert_eq!(s.one(&format!("SELECT credits_allow('{eyes_role}', 'analyst')")), "t");
    let mut app = db.session_as(&app_role);
    let mut eyes = db.session_as(&eyes_role);
    assert_eq!(app.row("SELECT * FROM credits_debit('acme', 4, 'd')").get("balance"), "6");
    assert_eq!(app.error("SELECT credits_grant('acme', 4, 'h')").code, "42501");
    assert_eq!(app.error("SELECT * FROM credits_accounts").code, "42501");
    for view in VIEWS {
        eyes.rows(&format!("SELECT * FROM {view}"));
    }
    assert_eq!(eyes.error("SELECT credits_debit('acme', 1, 'e')").code, "42501");
    assert_eq!(s.one(&format!("SELECT credits_disallow('{app_role}', 'spend')")), "t");
    assert_eq!(s.one(&format!("SELECT credits_disallow('{app_role}', 'spend')")), "f");
    assert_eq!(app.error("SELECT credits_debit('acme', 4, 'e')").code, "42501");
}

#[test]
fn an_owner_who_is_no_superuser_cannot_change_entries_by_accident() {
    let (_db, mut s) = owned_database();
    s.run("CREATE EXTENSION credits_ledger");
    s.run("SELECT credits_grant('acme', 10, 'g')");
    for statement in [
        "UPDATE credits_ledger.entries SET amount = 0",
        "DELETE FROM credits_ledger.entries",
        "TRUNCATE credits_ledger.entries",
    ] {
        let e = s.error(statement);
        assert!(["LC013", "42501"].contains(&e.code.as_str()), "{statement}: {} {}", e.code, e.message);
    }
    assert_eq!(s.error("SET credits_ledger.now = '2030-01-01 00:00+00'").code, "42501");
    assert_eq!(s.error("SET session_replication_role = replica").code, "42501");
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

/// Installs into the schema named (as an identifier, quoted where it must be) and works there with the
/// search_path given.
fn works_in(schema: &str, search_path: &str) {
    let (_db, mut s) = owned_database();
    s.run(&format!("CREATE SCHEMA IF NOT EXISTS {schema}"));
    s.run(&format!("SET search_path = {search_path}"));
    s.run(&format!("CREATE EXTENSION credits_ledger SCHEMA {schema}"));
    call_every_verb(&mut s, &format!("{schema}."), "acme");
    // Each public object lives there, and nothing of them anywhere else.
    let elsewhere = s.list(&format!(
        "SELECT o.name FROM (
             SELECT proname AS name, pronamespace AS schema FROM pg_catalog.pg_proc
             UNION ALL SELECT relname, relnamespace FROM pg_catalog.pg_class
             UNION ALL SELECT typname, typnamespace FROM pg_catalog.pg_type WHERE typname NOT LIKE '\\_%') o
         WHERE o.name LIKE 'credits\\_%' AND o.schema <> '{}'::pg_catalog.regnamespace",
        schema.replace('\'', "''")
    ));
    assert_eq!(elsewhere, Vec::<String>::new());
}

#[test]
fn it_works_in_a_schema_of_its_own() {
    works_in("billing", "billing");
}

#[test]
fn it_works_in_a_schema_that_is_not_in_the_search_path() {
    works_in("billing", "public");
}

#[test]
fn it_works_with_an_empty_search_path() {
    works_in("public", "''");
    works_in("billing", "''");
}

#[test]
fn it_works_in_a_schema_whose_name_must_be_quoted() {
    works_in("\"My Schema\"", "''");
    works_in("\"My Schema\"", "\"My Schema\", public");
    works_in("\"select; from.where\"", "''");
}

#[test]
fn a_view_of_the_application_on_a_view_of_the_ledger_works_with_any_search_path() {
    let (_db, mut s) = owned_database();
    s.run("CREATE SCHEMA ledger; CREATE EXTENSION credits_ledger SCHEMA ledger");
    s.run("CREATE VIEW customers AS SELECT account, balance FROM ledger.credits_accounts");
    s.run("SELECT ledger.credits_grant('acme', 10, 'g')");
    s.run("SET search_path = ''");
    assert_eq!(s.list("SELECT * FROM public.customers"), ["acme|10"]);
}

#[test]
fn default_privileges_of_the_installing_role_open_nothing() {
    let (db, mut s) = owned_database();
    let mut root = db.session();
    let guest_role = db.role("guest");
    for session in [&mut s, &mut root] {
        session.run(&format!(
            "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {guest_role};
             ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO {guest_role};
             ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO {guest_role}"
        ));
    }
    s.run("CREATE EXTENSION credits_ledger");
    s.run("SELECT credits_grant('acme', 10, 'g')");
    let mut guest = db.session_as(&guest_role);
    for statement in [
        "SELECT credits_balance('acme')",
        "SELECT credits_grant('acme', 1, 'h')",
        "SELECT * FROM credits_accounts",
        "SELECT * FROM credits_ledger.entries",
        "DELETE FROM credits_ledger.accounts",
    ] {
        assert_eq!(guest.error(statement).code, "42501", "{statement}");
    }
}

/// Drops the extension by whatever way there is for someone who means it.
fn drop_extension(s: &mut Session) {
    if s.try_run("DROP EXTENSION credits_ledger").is_err() {
        s.run("DROP EXTENSION credits_ledger CASCADE");
    }
}

#[test]
fn dropped_and_created_again_within_one_session_it_starts_anew() {
    // Kept plans and caches of the library must not outlive the tables that they were made for.
    let (_db, mut s) = owned_database();
    s.run("CREATE EXTENSION credits_ledger");
    call_every_verb(&mut s, "", "acme");
    drop_extension(&mut s);
    assert_eq!(s.error("SELECT credits_balance('acme')").code, "42883");
    s.run("CREATE EXTENSION credits_ledger");
    assert_eq!(s.error("SELECT credits_balance('acme')").code, "LC002");
    call_every_verb(&mut s, "", "acme");
    drop_extension(&mut s);
    // and in another schema
    s.run("CREATE SCHEMA other; CREATE EXTENSION credits_ledger SCHEMA other");
    call_every_verb(&mut s, "other.", "acme");
}

#[test]
fn sessions_that_were_open_go_on_after_it_was_dropped_and_created_again() {
    let (db, mut s) = owned_database();
    s.run("CREATE EXTENSION credits_ledger");
    let mut old = db.session();
    call_every_verb(&mut old, "", "acme");
    drop_extension(&mut s);
    s.run("CREATE EXTENSION credits_ledger");
    call_every_verb(&mut old, "", "acme");
    call_every_verb(&mut s, "", "other");
}

#[test]
fn a_drop_and_create_that_rolls_back_leaves_everything() {
    let (_db, mut s) = owned_database();
    s.run("CREATE EXTENSION credits_ledger");
    s.run("SELECT credits_grant('acme', 10, 'g')");
    s.run("BEGIN");
    drop_extension(&mut s);
    s.run("CREATE EXTENSION credits_ledger");
    s.run("SELECT credits_grant('acme', 99, 'other')");
    s.run("ROLLBACK");
    assert_eq!(s.row("SELECT * FROM credits_debit('acme', 4, 'd')").get("balance"), "6");
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

#[test]
fn create_extension_alone_is_enough() {
    let db = Server::shared().empty_database();
    let mut s = db.session();
    let before = s.list("SELECT rolname FROM pg_roles WHERE rolname LIKE 'credits%'");
    assert_eq!(before, Vec::<String>::new());
    assert_eq!(s.one("SHOW shared_preload_libraries"), "");
    s.run("CREATE EXTENSION credits_ledger");
    assert_eq!(s.list("SELECT rolname FROM pg_roles WHERE rolname LIKE 'credits%'"), Vec::<String>::new());
    assert_eq!(s.list("SELECT extname FROM pg_extension ORDER BY 1"), ["credits_ledger", "plpgsql"]);
    call_every_verb(&mut s, "", "acme");
}
