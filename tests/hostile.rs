//! A caller who owns a schema full of look-alikes — operators, functions, types, temporary tables — and puts
//! it first in the search_path. Nothing the ledger does may go through any of them.

#[path = "trust/verbs.rs"]
mod verbs;

use credits_ledger_tests::{Database, Server, Session};
use verbs::{VIEWS, call_every_verb};

/// Makes look-alikes in the schema `evil` (and in pg_temp, where they can be): each raises an error when
/// it is used, so that a use cannot go unseen.
fn set_the_trap(s: &mut Session) {
    s.run(
        r#"
        CREATE SCHEMA evil;
        DO $do$
        DECLARE
            o record;
            f record;
        BEGIN
            -- each operator there is over the types that a ledger uses
            FOR o IN
                SELECT oprname, oprleft::regtype AS l, oprright::regtype AS r, oprresult::regtype AS result
                FROM pg_operator
                WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprkind = 'b'
                  AND oprleft IN ('numeric'::regtype, 'text'::regtype, 'int4'::regtype, 'int8'::regtype, 'bool'::regtype,
                      'timestamptz'::regtype, 'interval'::regtype, 'jsonb'::regtype, 'bytea'::regtype, 'oid'::regtype, 'name'::regtype)
                  AND oprright IN ('numeric'::regtype, 'text'::regtype, 'int4'::regtype, 'int8'::regtype, 'bool'::regtype,
                      'timestamptz'::regtype, 'interval'::regtype, 'jsonb'::regtype, 'bytea'::regtype, 'oid'::regtype, 'name'::regtype)
            LOOP
                EXECUTE format('CREATE FUNCTION evil.%I(%s, %s) RETURNS %s LANGUAGE plpgsql AS
                         $$ BEGIN RAISE EXCEPTION ''a look-alike operator was used''; END $$',
                    'op ' || o.oprname, o.l, o.r, o.result);
                EXECUTE format('CREATE OPERATOR evil.%s (FUNCTION = evil.%I, LEFTARG = %s, RIGHTARG = %s)',
                    o.oprname, 'op ' || o.oprname, o.l, o.r);
            END LOOP;
            -- each function of these names, with the arguments that the built-in one has
            FOR f IN
                SELECT p.proname, pg_get_function_identity_arguments(p.oid) AS args, p.prorettype::regtype AS result
                FROM pg_proc p
                WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f'
                  AND NOT p.proretset AND p.prorettype NOT IN ('internal'::regtype, 'trigger'::regtype)
                  AND 'internal'::regtype <> ALL (p.proargtypes::oid[])
                  AND (p.proname IN ('now', 'clock_timestamp', 'statement_timestamp', 'transaction_timestamp', 'length',
                      'octet_length', 'lower', 'upper', 'trim_scale', 'abs', 'round', 'floor', 'ceil', 'trunc', 'scale', 'sha256',
                      'digest', 'encode', 'decode', 'convert_to', 'timezone', 'date_trunc', 'date_part', 'cardinality', 'array_length',
                      'current_setting', 'set_config', 'numeric', 'text', 'int4', 'int8', 'quote_ident', 'session_user', 'current_user',
                      'pg_has_role', 'to_jsonb', 'jsonb_build_object', 'greatest', 'least', 'hashtext', 'md5', 'concat', 'format',
                      'pg_get_userbyid', 'to_timestamp', 'extract', 'date', 'timestamptz', 'array_position', 'array_to_string'))
            LOOP
                BEGIN
                    EXECUTE format('CREATE FUNCTION evil.%I(%s) RETURNS %s LANGUAGE plpgsql AS
                        $$ BEGIN RAISE EXCEPTION ''a look-alike function was used''; END $$', f.proname, f.args, f.result);
                EXCEPTION WHEN OTHERS THEN NULL;
                END;
            END LOOP;
        END $do$;
        CREATE FUNCTION evil.statement_time() RETURNS timestamptz LANGUAGE sql AS 'SELECT timestamptz ''2100-01-01''';
        CREATE FUNCTION evil.broken(numeric, numeric) RETURNS numeric LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'a look-alike aggregate was used'; END $$;
        CREATE AGGREGATE evil.sum(numeric) (SFUNC = evil.broken, STYPE = numeric, INITCOND = '0');
        CREATE AGGREGATE evil.max(numeric) (SFUNC = evil.broken, STYPE = numeric, INITCOND = '0');
        CREATE TABLE evil.accounts (account text);
        CREATE TABLE evil.entries (account text);
        CREATE TABLE evil.lots (account text);
        CREATE TABLE evil.cycles (account text);
        CREATE TABLE evil.pg_class (oid oid);
        CREATE TABLE evil.pg_timezone_names (name pg_catalog.text);
        CREATE VIEW evil.credits_accounts AS SELECT 'forged' AS account;
        CREATE DOMAIN evil.text AS pg_catalog.text CHECK (false);
        CREATE DOMAIN evil."numeric" AS pg_catalog.numeric CHECK (false);
        CREATE DOMAIN evil.timestamptz AS pg_catalog.timestamptz CHECK (false);
        CREATE DOMAIN evil.jsonb AS pg_catalog.jsonb CHECK (false);
        CREATE DOMAIN evil.int4 AS pg_catalog.int4 CHECK (false);
        CREATE DOMAIN evil.int8 AS pg_catalog.int8 CHECK (false);
        CREATE DOMAIN evil.bytea AS pg_catalog.bytea CHECK (false);
        CREATE TYPE evil.credits_receipt AS (account pg_catalog.text);
        CREATE TYPE evil.fake AS (n pg_catalog.int4);
        CREATE FUNCTION evil.cast_it(evil.fake) RETURNS pg_catalog.text LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'a look-alike cast was used'; END $$;
        CREATE CAST (evil.fake AS pg_catalog.text) WITH FUNCTION evil.cast_it(evil.fake) AS IMPLICIT;
        CREATE TEMP TABLE accounts (account pg_catalog.text);
        CREATE TEMP TABLE entries (account pg_catalog.text);
        CREATE TEMP TABLE lots (account pg_catalog.text);
        CREATE TEMP TABLE cycles (account pg_catalog.text);
        CREATE TEMP TABLE subscriptions (account pg_catalog.text);
        CREATE TEMP TABLE plans (plan pg_catalog.text);
        CREATE TEMP TABLE rates (feature pg_catalog.text);
        CREATE TEMP TABLE budgets (account pg_catalog.text);
        CREATE TEMP TABLE budget_use (account pg_catalog.text);
        CREATE TEMP TABLE credits_history (account pg_catalog.text);
        CREATE TEMP TABLE pg_proc (oid oid);
        CREATE TEMP TABLE pg_attribute (oid oid);
        "#,
    );
}

/// The search_paths an attacker may set.
const PATHS: [&str; 4] = [
    "evil, pg_catalog, public",
    "pg_temp, evil, pg_catalog",
    "evil",
    "pg_temp, evil, credits_ledger, public, pg_catalog",
];

/// A database whose role `attacker…` may make schemas, and is allowed all verbs and views.
fn database_with_attacker() -> (Database, String) {
    let db = Server::shared().database();
    let mut owner = db.session();
    let role = db.role("attacker");
    owner.run(&format!("GRANT CREATE, TEMP ON DATABASE {} TO {role}", db.name));
    assert_eq!(owner.one(&format!("SELECT credits_allow('{role}', 'admin')")), "t");
    (db, role)
}

#[test]
fn look_alikes_in_the_search_path_change_nothing() {
    let (db, role) = database_with_attacker();
    let mut attacker = db.session_as(&role);
    set_the_trap(&mut attacker);
    // The trap works: a function that trusts its caller's search_path falls into it.
    attacker.run("SET search_path = evil, pg_catalog, public");
    assert_eq!(attacker.error("SELECT 1::pg_catalog.numeric >= 2::pg_catalog.numeric").code, "P0001");
    assert_eq!(attacker.error("SELECT 'a'::text").code, "23514");
    for (number, path) in PATHS.into_iter().enumerate() {
        attacker.run(&format!("SET search_path = {path}"));
        call_every_verb(&mut attacker, "public.", &format!("victim {number}"));
    }
}

#[test]
fn look_alikes_made_before_a_verbs_first_call_change_nothing() {
    // Plans are kept per session: the trap stands when they are made.
    let (db, role) = database_with_attacker();
    let mut first = db.session_as(&role);
    set_the_trap(&mut first);
    for path in PATHS {
        let mut attacker = db.session_as(&role);
        attacker.run(&format!("SET search_path = {path}"));
        attacker
            .run("CREATE TEMP TABLE accounts (account pg_catalog.text); CREATE TEMP TABLE entries (n pg_catalog.int4)");
        attacker.run("SELECT public.credits_grant('acme', 10, 'g')");
        let e = attacker.error("SELECT public.credits_debit('acme', 10.5, 'over')");
        assert_eq!(e.code, "LC001", "{path}: {}", e.message);
        let balance = attacker.row("SELECT * FROM public.credits_balance('acme')");
        assert_eq!((balance.get("balance"), balance.get("credits")), ("10", "10"), "{path}");
    }
}

#[test]
fn views_read_with_a_hostile_search_path_show_the_same() {
    let (db, role) = database_with_attacker();
    let mut owner = db.session();
    call_every_verb(&mut owner, "", "acme");
    owner.run("SELECT credits_open_account('late', 10, '1 day', anchor => clock_timestamp() - interval '23:59:59.8')");
    owner.run("SELECT pg_sleep(0.3)");
    let mut attacker = db.session_as(&role);
    set_the_trap(&mut attacker);
    for path in PATHS {
        attacker.run(&format!("SET search_path = {path}"));
        for view in VIEWS {
            // as_of moves on between two reads
            let columns =
                if view == "credits_accounts" { "account, balance, allowance, credits, cycle, entry" } else { "*" };
            let mut seen = attacker.list(&format!("SELECT {columns} FROM public.{view}"));
            let mut shown = owner.list(&format!("SELECT {columns} FROM {view}"));
            seen.sort();
            shown.sort();
            assert_eq!(seen, shown, "{path} {view}");
        }
    }
}

#[test]
fn allowing_and_disallowing_do_not_go_through_look_alikes_either() {
    // The owner of the database, a superuser here, stands in the attacker's schema.
    let (db, role) = database_with_attacker();
    let mut attacker = db.session_as(&role);
    set_the_trap(&mut attacker);
    let mut owner = db.session();
    owner.run(&format!("CREATE ROLE \"quoted {role}\""));
    owner.run("SET search_path = evil, pg_catalog, public");
    for access in ["spend", "billing", "analyst", "admin"] {
        for (verb, answer) in [("allow", "t"), ("allow", "f"), ("disallow", "t"), ("disallow", "f")] {
            let call = format!("SELECT public.credits_{verb}('\"quoted {role}\"', '{access}')");
            assert_eq!(owner.one(&call), answer, "{call}");
        }
    }
}
