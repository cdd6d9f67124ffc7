//! What the views show: the contract's columns in the contract's order, and figures that add up.

use credits_ledger_tests::{Database, Server, Session};

fn columns(s: &mut Session, view: &str) -> String {
    s.one(&format!(
        "SELECT string_agg(column_name, ' ' ORDER BY ordinal_position) FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name = '{view}'"
    ))
}

fn attributes(s: &mut Session, composite: &str) -> String {
    s.one(&format!(
        "SELECT string_agg(attribute_name || ' ' || data_type, ', ' ORDER BY ordinal_position) FROM information_schema.attributes
         WHERE udt_schema = 'public' AND udt_name = '{composite}'"
    ))
}

const BALANCE: &str = "account status balance allowance credits held debt available allowance_granted used \
                       overdraft_limit cycle cycle_start cycle_end entry as_of";

#[test]
fn result_types() {
    let db = Server::shared().database();
    let mut s = db.session();
    assert_eq!(
        attributes(&mut s, "credits_receipt"),
        "account text, entry bigint, operation text, idempotency_key text, accepted boolean, refused text, \
         replayed boolean, amount numeric, from_allowance numeric, from_credits numeric, overdraft numeric, \
         balance numeric, allowance numeric, credits numeric, held numeric, debt numeric, available numeric, \
         included numeric, refers_to bigint, recorded_at timestamp with time zone"
    );
    let names = |s: &mut Session, composite: &str| {
        s.one(&format!(
            "SELECT string_agg(attribute_name, ' ' ORDER BY ordinal_position) FROM information_schema.attributes
             WHERE udt_schema = 'public' AND udt_name = '{composite}'"
        ))
    };
    assert_eq!(names(&mut s, "credits_account_balance"), BALANCE);
    assert_eq!(
        names(&mut s, "credits_cycle_result"),
        "account cycle cycle_start cycle_end cycles_closed expired rolled_over granted debt_forgiven debt_invoiced \
         balance allowance credits available replayed"
    );
    s.run("SELECT credits_open_account('a')");
    for (call, expected) in [
        ("credits_explain_debit('a', 1)", "lot kind takes remaining_after expires_at"),
        ("credits_forecast('a')", "account state used used_percent burn_per_day runs_out_at cycle_end on_pace"),
        ("credits_verify()", "account entry problem"),
        ("credits_errors()", "code name meaning hint"),
        ("credits_balance_at('a', 'tomorrow')", BALANCE),
    ] {
        s.run(&format!("CREATE TEMP VIEW probe AS SELECT * FROM {call}"));
        let found = s.one(
            "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'probe'::regclass AND attnum > 0",
        );
        assert_eq!(found, expected, "{call}");
        s.run("DROP VIEW probe");
    }
}

#[test]
fn documented_columns_in_order() {
    let db = Server::shared().database();
    let mut s = db.session();
    for (view, expected) in [
        ("credits_accounts", BALANCE),
        (
            "credits_history",
            "account entry operation kind amount from_allowance from_credits overdraft balance available feature quantity \
             included actor resource idempotency_key refers_to reason effective_at recorded_at recorded_by metadata",
        ),
        (
            "credits_grants",
            "account lot entry kind amount remaining held priority features effective_at expires_at status price currency \
             payment_ref idempotency_key metadata",
        ),
        ("credits_allocations", "account entry operation lot lot_kind amount effective_at"),
        (
            "credits_cycles",
            "account cycle cycle_start cycle_end granted used rolled_over expired debt_forgiven debt_invoiced closed_at",
        ),
        ("credits_usage_daily", "account day feature actor operations quantity credits from_allowance from_credits"),
        (
            "credits_usage_by_cycle",
            "account cycle feature cycle_start cycle_end operations quantity included credits from_allowance from_credits",
        ),
        ("credits_expiring", "account lot kind remaining expires_at"),
    ] {
        let found = columns(&mut s, view);
        assert!(
            found == expected || found.starts_with(&format!("{expected} ")),
            "{view}\nexpected first: {expected}\nfound: {found}"
        );
    }
    let accounts = columns(&mut s, "credits_accounts");
    for setting in [
        "cycle_length",
        "anchor",
        "time_zone",
        "rollover_percent",
        "rollover_max",
        "debt_policy",
        "opened_at",
        "head_hash",
        "metadata",
    ] {
        assert!(accounts.split(' ').any(|name| name == setting), "{setting} in {accounts}");
    }
    assert_eq!(
        s.one(
            "SELECT data_type FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name = 'credits_usage_daily' AND column_name = 'day'"
        ),
        "date"
    );
}

/// Two cycles of one account, and another account beside it.
fn history(db: &Database) -> Session {
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s.at("2026-01-01 00:00+00");
    s.run("SELECT credits_open_account('a', 100, rollover_percent => 20, overdraft_limit => 10)");
    s.run("SELECT credits_open_account('other', 7)");
    s.at("2026-01-01 10:00+00");
    s.run("SELECT credits_debit('a', 30, 'd1', 'chat', 'ann', 'r1', metadata => '{\"m\": 1}')");
    s.at("2026-01-01 23:59:59.999999+00");
    s.run("SELECT credits_debit('a', 20, 'd2', 'chat', 'bob')");
    s.at("2026-01-02 00:00+00");
    s.run("SELECT credits_debit('a', 5, 'd3')");
    s.run("SELECT credits_debit('other', 2, 'd1', 'chat', 'ann')");
    s.run(
        "SELECT credits_grant('a', 50, 'g1', price => 9.99, currency => 'EUR', payment_ref => 'pay_1', metadata => '{\"i\": 7}')",
    );
    s.run("SELECT credits_grant('a', 10, 'g2', 'promo', expires_at => '2026-01-20 00:00+00', features => '{chat}')");
    s.run("SELECT credits_debit('a', 1000, 'd4', 'chat', 'ann', on_insufficient => 'refuse')");
    s.at("2026-01-02 09:00+00");
    s.run("SELECT credits_debit('a', 10, 'd5', 'chat', 'ann')");
    s.run("SELECT credits_debit('a', 37, 'd6', 'chat', 'ann')");
    s.run("SELECT credits_grant('a', 5, 'g3', 'bonus', effective_at => '2026-03-01 00:00+00')");
    s.at("2026-02-03 00:00+00");
    s.run("SELECT credits_debit('a', 40, 'd7', 'image', 'ann')");
    s
}

#[test]
fn credits_history() {
    let db = Server::shared().database();
    let mut s = history(&db);
    assert_eq!(
        s.list(
            "SELECT entry, operation, CASE WHEN operation IN ('grant', 'schedule') THEN kind END, amount, overdraft,
                    balance, available, idempotency_key, effective_at
             FROM credits_history WHERE account = 'a' AND operation <> 'rollover' ORDER BY entry"
        )
        .iter()
        .map(|row| row.split_once('|').unwrap().1.to_owned())
        .collect::<Vec<_>>(),
        [
            "open|NULL|0|0|0|0|NULL|2026-01-01 00:00:00+00",
            "allowance|NULL|100|0|100|100|NULL|2026-01-01 00:00:00+00",
            "debit|NULL|-30|0|70|70|d1|2026-01-01 10:00:00+00",
            "debit|NULL|-20|0|50|50|d2|2026-01-01 23:59:59.999999+00",
            "debit|NULL|-5|0|45|45|d3|2026-01-02 00:00:00+00",
            "grant|purchase|50|0|95|95|g1|2026-01-02 00:00:00+00",
            "grant|promo|10|0|105|95|g2|2026-01-02 00:00:00+00",
            "debit|NULL|-10|0|95|85|d5|2026-01-02 09:00:00+00",
            "debit|NULL|-37|0|58|50|d6|2026-01-02 09:00:00+00",
            "schedule|bonus|0|0|58|50|g3|2026-01-02 09:00:00+00",
            "expire|NULL|-8|0|50|50|NULL|2026-01-20 00:00:00+00",
            "allowance|NULL|100|0|150|150|NULL|2026-02-01 00:00:00+00",
            "debit|NULL|-40|0|110|110|d7|2026-02-03 00:00:00+00",
        ]
    );
    // Numbered without gaps; a refusal left nothing.
    assert_eq!(
        s.one("SELECT bool_and(entry = n) FROM (SELECT entry, row_number() OVER (ORDER BY entry) AS n FROM credits_history WHERE account = 'a') x"),
        "t"
    );
    assert_eq!(s.one("SELECT count(*) FROM credits_history WHERE idempotency_key = 'd4'"), "0");
    assert_eq!(
        s.list("SELECT feature, actor, resource, metadata, reason, recorded_by, recorded_at FROM credits_history WHERE account = 'a' AND idempotency_key = 'd1'"),
        ["chat|ann|r1|{\"m\": 1}|NULL|postgres|2026-01-01 10:00:00+00"]
    );
    assert_eq!(s.one("SELECT count(*) FROM credits_history WHERE account = 'other'"), "3");
}

/// Who called, and the reasons given.
#[test]
fn who_and_why() {
    let db = Server::shared().database();
    let role = db.role("clerk");
    let mut s = db.session();
    s.run(&format!("SELECT credits_allow('{role}', 'admin')"));
    let mut clerk = db.session_as(&role);
    clerk.run("SELECT credits_open_account('a', 5)");
    clerk.run("SELECT credits_freeze_account('a', 'card stolen')");
    clerk.run("SELECT credits_unfreeze_account('a')");
    clerk.run("SELECT credits_close_account('a', 'moved away')");
    assert_eq!(
        clerk.list(
            "SELECT operation, reason FROM credits_history WHERE account = 'a' AND reason IS NOT NULL ORDER BY entry"
        ),
        ["freeze|card stolen", "close|moved away"]
    );
    assert_eq!(clerk.list("SELECT DISTINCT recorded_by FROM credits_history"), [role]);
}

/// Of an account, the amounts sum to the balance, step by step; of an entry, the movements of lots and the change of
/// debt make its amount; of a lot, the movements make what remains.
#[test]
fn figures_add_up() {
    let db = Server::shared().database();
    let mut s = history(&db);
    s.run("SELECT credits_debit('a', 115.5, 'over', 'image')");
    s.run("SELECT credits_debit('a', 0.000001, 'more', 'image', on_insufficient => 'allow')");
    s.at("2026-04-15 00:00+00");
    s.run("SELECT credits_grant('a', 3.25, 'late')");
    s.run("SELECT credits_configure_account('a', allowance => 12.345678)");
    s.at("2026-06-15 00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(
        s.one(
            "SELECT count(*) FROM (SELECT balance - sum(amount) OVER (PARTITION BY account ORDER BY entry) AS off FROM credits_history) x
             WHERE off <> 0"
        ),
        "0"
    );
    assert_eq!(
        s.list(
            "SELECT a.account, h.sum = a.balance FROM credits_accounts a
             JOIN (SELECT account, sum(amount) FROM credits_history GROUP BY account) h USING (account) ORDER BY account"
        ),
        ["a|t", "other|t"]
    );
    assert_eq!(
        s.list(
            "SELECT h.account, h.entry, h.operation, h.amount, h.overdraft, coalesce(m.moved, 0) FROM credits_history h
             LEFT JOIN (SELECT account, entry, sum(amount) AS moved FROM credits_allocations GROUP BY account, entry) m
                 USING (account, entry)
             WHERE h.amount <> coalesce(m.moved, 0) - h.overdraft"
        ),
        Vec::<String>::new()
    );
    assert_eq!(
        s.list(
            "SELECT g.account, g.lot, g.kind, g.remaining, coalesce(m.moved, 0) FROM credits_grants g
             LEFT JOIN (SELECT account, lot, sum(amount) AS moved FROM credits_allocations GROUP BY account, lot) m
                 USING (account, lot)
             WHERE g.remaining + g.held <> coalesce(m.moved, 0)"
        ),
        Vec::<String>::new()
    );
    assert_eq!(
        s.list(
            "SELECT a.account FROM credits_accounts a
             JOIN (SELECT account, sum(remaining) FROM credits_grants WHERE status = 'active' GROUP BY account) g USING (account)
             WHERE g.sum <> a.allowance + a.credits"
        ),
        Vec::<String>::new()
    );
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

#[test]
fn credits_allocations() {
    let db = Server::shared().database();
    let mut s = history(&db);
    assert_eq!(
        s.list(
            "SELECT h.idempotency_key, a.operation, a.lot_kind, a.amount, a.effective_at
             FROM credits_allocations a JOIN credits_history h USING (account, entry)
             WHERE a.account = 'a' AND h.idempotency_key IS NOT NULL ORDER BY a.entry, a.lot"
        ),
        [
            "d1|debit|allowance|-30|2026-01-01 10:00:00+00",
            "d2|debit|allowance|-20|2026-01-01 23:59:59.999999+00",
            "d3|debit|allowance|-5|2026-01-02 00:00:00+00",
            "g1|grant|purchase|50|2026-01-02 00:00:00+00",
            "g2|grant|promo|10|2026-01-02 00:00:00+00",
            "d5|debit|allowance|-10|2026-01-02 09:00:00+00",
            "d6|debit|allowance|-35|2026-01-02 09:00:00+00",
            "d6|debit|promo|-2|2026-01-02 09:00:00+00",
            "d7|debit|allowance|-40|2026-02-03 00:00:00+00",
        ]
    );
}

/// Closed cycles and the running one.
#[test]
fn credits_cycles() {
    let db = Server::shared().database();
    let mut s = history(&db);
    assert_eq!(
        s.list(
            "SELECT cycle_start, cycle_end, granted, used, rolled_over, expired, debt_forgiven, debt_invoiced, closed_at IS NOT NULL
             FROM credits_cycles WHERE account = 'a' ORDER BY cycle"
        ),
        [
            "2026-01-01 00:00:00+00|2026-02-01 00:00:00+00|100|102|0|0|0|0|t",
            "2026-02-01 00:00:00+00|2026-03-01 00:00:00+00|100|40|0|0|0|0|f",
        ]
    );
    // What is due and not recorded is not shown: the other account's cycle is still the recorded one.
    assert_eq!(
        s.list("SELECT cycle_start, granted, used, closed_at IS NULL FROM credits_cycles WHERE account = 'other'"),
        ["2026-01-01 00:00:00+00|7|2|t"]
    );
    assert_eq!(
        s.one("SELECT max(cycle) - min(cycle) FROM credits_cycles WHERE account = 'a'"),
        "1",
        "cycles are numbered one after the other"
    );
    assert_eq!(
        s.one("SELECT c.cycle = b.cycle FROM credits_cycles c, credits_balance('a') b WHERE c.account = 'a' AND c.closed_at IS NULL"),
        "t"
    );
    s.at("2026-03-01 00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(
        s.list(
            "SELECT granted, used, rolled_over, expired, closed_at IS NOT NULL FROM credits_cycles WHERE account = 'a' ORDER BY cycle"
        ),
        ["100|102|0|0|t", "100|40|12|48|t", "100|0|0|0|f"]
    );
}

#[test]
fn usage() {
    let db = Server::shared().database();
    let mut s = history(&db);
    assert_eq!(
        s.list(
            "SELECT account, day, feature, actor, operations, credits, from_allowance, from_credits FROM credits_usage_daily
             ORDER BY account, day, feature NULLS FIRST, actor"
        ),
        [
            "a|2026-01-01|chat|ann|1|30|30|0",
            "a|2026-01-01|chat|bob|1|20|20|0",
            "a|2026-01-02|NULL|NULL|1|5|5|0",
            "a|2026-01-02|chat|ann|2|47|45|2",
            "a|2026-02-03|image|ann|1|40|40|0",
            "other|2026-01-02|chat|ann|1|2|2|0",
        ]
    );
    assert_eq!(
        s.list(
            "SELECT account, feature, cycle_start, cycle_end, operations, included, credits, from_allowance, from_credits
             FROM credits_usage_by_cycle ORDER BY account, cycle, feature NULLS FIRST"
        ),
        [
            "a|NULL|2026-01-01 00:00:00+00|2026-02-01 00:00:00+00|1|0|5|5|0",
            "a|chat|2026-01-01 00:00:00+00|2026-02-01 00:00:00+00|4|0|97|95|2",
            "a|image|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00|1|0|40|40|0",
            "other|chat|2026-01-01 00:00:00+00|2026-02-01 00:00:00+00|1|0|2|2|0",
        ]
    );
    // The session's time zone does not move days.
    s.run("SET TimeZone = 'Asia/Tokyo'");
    assert_eq!(s.one("SELECT count(*) FROM credits_usage_daily WHERE day = '2026-01-01'"), "2");
    // What was used of a cycle is what the cycle says.
    assert_eq!(
        s.list(
            "SELECT c.account, c.cycle FROM credits_cycles c
             LEFT JOIN (SELECT account, cycle, sum(credits) FROM credits_usage_by_cycle GROUP BY account, cycle) u USING (account, cycle)
             WHERE c.used <> coalesce(u.sum, 0)"
        ),
        Vec::<String>::new()
    );
}

#[test]
fn credits_grants() {
    let db = Server::shared().database();
    let mut s = history(&db);
    assert_eq!(
        s.list(
            "SELECT kind, amount, CASE WHEN status <> 'scheduled' THEN remaining END, held, priority, features, effective_at, expires_at, status, idempotency_key
             FROM credits_grants WHERE account = 'a' AND kind NOT IN ('allowance', 'rollover') ORDER BY lot"
        ),
        [
            "purchase|50|50|0|100|NULL|2026-01-02 00:00:00+00|NULL|active|g1",
            "promo|10|0|0|50|{chat}|2026-01-02 00:00:00+00|2026-01-20 00:00:00+00|expired|g2",
            "bonus|5|NULL|0|50|NULL|2026-03-01 00:00:00+00|NULL|scheduled|g3",
        ]
    );
    assert_eq!(
        s.list("SELECT amount, remaining, effective_at, expires_at, status FROM credits_grants WHERE account = 'a' AND kind = 'allowance' ORDER BY lot"),
        [
            "100|0|2026-01-01 00:00:00+00|2026-02-01 00:00:00+00|spent",
            "100|60|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00|active"
        ]
    );
    assert_eq!(
        s.list("SELECT price, currency, payment_ref, metadata FROM credits_grants WHERE account = 'a' AND kind = 'purchase'"),
        ["9.99|EUR|pay_1|{\"i\": 7}"]
    );
    // Numbers of their own within the account, each lot made by an entry of the history.
    assert_eq!(s.list("SELECT lot FROM credits_grants WHERE account = 'a' ORDER BY lot"), ["1", "2", "3", "4", "5"]);
    assert_eq!(
        s.list(
            "SELECT h.operation FROM credits_grants g JOIN credits_history h USING (account, entry) WHERE g.account = 'a' ORDER BY lot"
        ),
        ["allowance", "grant", "grant", "schedule", "allowance"]
    );
    // Time shows without a write.
    s.at("2026-03-01 00:00+00");
    assert_eq!(
        s.list(
            "SELECT kind, remaining, status FROM credits_grants WHERE account = 'a' AND status = 'active' ORDER BY kind"
        ),
        ["allowance|100|active", "bonus|5|active", "purchase|50|active", "rollover|12|active"]
    );
}

#[test]
fn credits_expiring() {
    let db = Server::shared().database();
    let mut s = history(&db);
    let expiring = |s: &mut Session| {
        s.list("SELECT account, kind, remaining, expires_at FROM credits_expiring ORDER BY account, expires_at, kind")
    };
    // Purchased credits never expire, the promo lot has, and nothing is left of January's allowance. The other
    // account's new allowance nobody has recorded yet.
    assert_eq!(expiring(&mut s), ["a|allowance|60|2026-03-01 00:00:00+00", "other|allowance|7|2026-03-01 00:00:00+00"]);
    s.run("SELECT credits_grant('a', 4, 'g4', 'trial', expires_in => '10 days')");
    s.run("SELECT credits_grant('a', 6, 'g5', 'trial', expires_after_cycles => 1)");
    s.run("SELECT credits_debit('a', 60, 'd8')");
    assert_eq!(
        expiring(&mut s),
        [
            "a|trial|4|2026-02-13 00:00:00+00",
            "a|trial|6|2026-03-01 00:00:00+00",
            "other|allowance|7|2026-03-01 00:00:00+00"
        ]
    );
}

/// Settings, as set; and the newest entry's hash moves with every entry.
#[test]
fn credits_accounts() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s.at("2026-01-01 00:00+00");
    s.run(
        "SELECT credits_open_account('a', 10, '7 days', '2025-12-30 00:00+00', 'Asia/Tokyo', 12.5, 3, 20, 'invoice_at_reset', '{\"team\": 9}')",
    );
    s.run("SELECT credits_open_account('b')");
    assert_eq!(
        s.list(
            "SELECT account, status, balance, available, overdraft_limit, cycle_length, anchor, time_zone, rollover_percent, rollover_max,
                    debt_policy, opened_at, metadata, entry
             FROM credits_accounts ORDER BY account"
        ),
        [
            "a|open|10|10|20|7 days|2025-12-30 00:00:00+00|Asia/Tokyo|12.5|3|invoice_at_reset|2026-01-01 00:00:00+00|{\"team\": 9}|2",
            "b|open|0|0|0|1 mon|2026-01-01 00:00:00+00|UTC|0|NULL|repay|2026-01-01 00:00:00+00|NULL|1"
        ]
    );
    let mut hashes = vec![s.one("SELECT head_hash FROM credits_accounts WHERE account = 'a'")];
    for n in 0..4 {
        s.run(&format!("SELECT credits_debit('a', 1, 'd{n}')"));
        hashes.push(s.one("SELECT head_hash FROM credits_accounts WHERE account = 'a'"));
    }
    s.run("SELECT credits_debit('a', 1, 'd0')");
    assert_eq!(
        s.one("SELECT head_hash FROM credits_accounts WHERE account = 'a'"),
        hashes[4],
        "a replay writes nothing"
    );
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 5);
}

/// A charge's quantity, what of it was included, its price; and who pays which part of a cycle's bill.
fn metered(db: &Database) -> Session {
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s.at("2026-01-01 00:00+00");
    s.run(
        "SELECT credits_define_plan('team', 50, metadata => '{\"price\": 9}'), credits_include('team', 'search', 20)",
    );
    s.run("SELECT credits_define_rate('search', 0.5), credits_define_rate('run', 4, 100, 'package')");
    s.run("SELECT credits_define_rate('view', free => true)");
    s.run("SELECT credits_open_account('a', debt_policy => 'invoice_at_reset')");
    s.run("SELECT credits_subscribe('a', 'team', 's')");
    s.at("2026-01-10 10:00+00");
    s.run("SELECT credits_charge('a', 'search', 15, 'c1', 'ann', 'query 1', metadata => '{\"m\": 1}')");
    s.run("SELECT credits_charge('a', 'search', 15.5, 'c2', 'bob')");
    s.run("SELECT credits_charge('a', 'run', 130, 'c3', 'ann')");
    s.run("SELECT credits_charge('a', 'run', 70, 'c4', 'ann')");
    s.run("SELECT credits_charge('a', 'view', 1000, 'c5', 'ann')");
    s.run("SELECT credits_debit('a', 6, 'd1', 'search', 'ann')");
    s.run("SELECT credits_debit('a', 60, 'd2', on_insufficient => 'allow')");
    s.at("2026-02-02 00:00+00");
    s.run("SELECT credits_grant('a', 5, 'g')");
    s.run("SELECT credits_charge('a', 'run', 1, 'c6')");
    s.run("SELECT credits_charge('a', 'search', 20, 'c7', 'ann')");
    s.run("SELECT credits_debit('a', 48, 'd3', 'export')");
    s
}

#[test]
fn charges_in_the_history() {
    let db = Server::shared().database();
    let mut s = metered(&db);
    assert_eq!(
        s.list(
            "SELECT operation, trim_scale(amount), trim_scale(from_allowance), trim_scale(balance), feature, trim_scale(quantity),
                    trim_scale(included), actor, resource, idempotency_key, metadata
             FROM credits_history WHERE account = 'a' AND operation = 'charge' ORDER BY entry"
        ),
        [
            "charge|0|0|50|search|15|15|ann|query 1|c1|{\"m\": 1}",
            // 5 of 15.5 were included
            "charge|-5.25|5.25|44.75|search|15.5|5|bob|NULL|c2|NULL",
            // two packages, of which 70 are left
            "charge|-8|8|36.75|run|130|0|ann|NULL|c3|NULL",
            "charge|0|0|36.75|run|70|0|ann|NULL|c4|NULL",
            "charge|-4|4|51|run|1|0|NULL|NULL|c6|NULL",
            "charge|0|0|51|search|20|20|ann|NULL|c7|NULL",
        ]
    );
    // Of a debit no quantity is known, and nothing of it was included.
    assert_eq!(s.list("SELECT quantity, included FROM credits_history WHERE idempotency_key = 'd1'"), ["NULL|0"]);
}

#[test]
fn usage_with_charges() {
    let db = Server::shared().database();
    let mut s = metered(&db);
    assert_eq!(
        s.list(
            "SELECT day, feature, actor, operations, trim_scale(quantity), trim_scale(credits), trim_scale(from_allowance),
                    trim_scale(from_credits)
             FROM credits_usage_daily ORDER BY day, feature NULLS FIRST, actor NULLS FIRST"
        ),
        [
            // 32.75 more than there was became debt
            "2026-01-10|NULL|NULL|1|0|60|30.75|0",
            "2026-01-10|run|ann|2|200|8|8|0",
            "2026-01-10|search|ann|2|15|6|6|0",
            "2026-01-10|search|bob|1|15.5|5.25|5.25|0",
            "2026-02-02|export|NULL|1|0|48|46|2",
            "2026-02-02|run|NULL|1|1|4|4|0",
            "2026-02-02|search|ann|1|20|0|0|0",
        ]
    );
    assert_eq!(
        s.list(
            "SELECT cycle, feature, cycle_start, cycle_end, operations, trim_scale(quantity), trim_scale(included),
                    trim_scale(credits), trim_scale(from_allowance), trim_scale(from_credits)
             FROM credits_usage_by_cycle WHERE account = 'a' ORDER BY cycle, feature NULLS FIRST"
        ),
        [
            "1|NULL|2026-01-01 00:00:00+00|2026-02-01 00:00:00+00|1|0|0|60|30.75|0",
            "1|run|2026-01-01 00:00:00+00|2026-02-01 00:00:00+00|2|200|0|8|8|0",
            "1|search|2026-01-01 00:00:00+00|2026-02-01 00:00:00+00|3|30.5|20|11.25|11.25|0",
            "2|export|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00|1|0|0|48|46|2",
            "2|run|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00|1|1|0|4|4|0",
            "2|search|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00|1|20|20|0|0|0",
        ]
    );
}

/// Closed cycles and the running one, by feature; debt that was invoiced on a line of its own. Each column adds up.
#[test]
fn credits_invoice_lines() {
    let db = Server::shared().database();
    let mut s = metered(&db);
    let lines = "SELECT cycle, cycle_start::date, cycle_end::date, feature, trim_scale(quantity), trim_scale(included),
                        trim_scale(credits), trim_scale(from_allowance), trim_scale(from_credits), trim_scale(debt_invoiced)
                 FROM credits_invoice_lines WHERE account = 'a' ORDER BY cycle, feature NULLS FIRST";
    let january = [
        "1|2026-01-01|2026-02-01|NULL|0|0|60|30.75|0|29.25",
        "1|2026-01-01|2026-02-01|run|200|0|8|8|0|0",
        "1|2026-01-01|2026-02-01|search|30.5|20|11.25|11.25|0|0",
    ];
    let february = [
        "2|2026-02-01|2026-03-01|export|0|0|48|46|2|0",
        "2|2026-02-01|2026-03-01|run|1|0|4|4|0|0",
        "2|2026-02-01|2026-03-01|search|20|20|0|0|0|0",
    ];
    assert_eq!(s.list(lines), [january, february].concat());
    assert_eq!(
        s.list(
            "SELECT c.cycle, trim_scale(c.used), trim_scale(c.debt_invoiced), c.used = l.credits, c.debt_invoiced = l.debt
             FROM credits_cycles c JOIN (SELECT cycle, sum(credits) AS credits, sum(debt_invoiced) AS debt
                                         FROM credits_invoice_lines GROUP BY cycle) l USING (cycle) ORDER BY cycle"
        ),
        ["1|79.25|29.25|t|t", "2|52|0|t|t"]
    );
    // A closed cycle's lines stay as they are, whatever is defined or used later; debt alone makes a line, too.
    s.run("SELECT credits_define_rate('search', 100), credits_include('team', 'search', 0)");
    s.at("2026-03-01 00:00+00");
    s.run("SELECT credits_debit('a', 53, 'd4', 'run', on_insufficient => 'allow'), credits_charge('a', 'search', 0, 'c8')");
    s.at("2026-04-01 00:00+00");
    s.run("SELECT credits_maintain()");
    let later = s.list(lines);
    assert_eq!(later[..6], [january, february].concat());
    assert_eq!(later[6..], ["3|2026-03-01|2026-04-01|run|0|0|53|50|3|0", "3|2026-03-01|2026-04-01|search|0|0|0|0|0|0"]);
    s.run("SELECT credits_debit('a', 53, 'd5', 'run', on_insufficient => 'allow')");
    s.at("2026-05-01 00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(
        s.list(lines)[8..],
        ["4|2026-04-01|2026-05-01|NULL|0|0|0|0|0|3", "4|2026-04-01|2026-05-01|run|0|0|53|50|0|0"]
    );
    assert_eq!(s.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
}

#[test]
fn credits_subscriptions_and_what_is_pending() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s.at("2026-01-05 00:00+00");
    s.run("SELECT credits_define_plan('team', 10, per_seat => true), credits_define_plan('big', 100, rank => 1)");
    s.run("SELECT credits_define_plan('extra', 5), credits_define_plan('small', 20)");
    s.run("SELECT credits_open_account('a')");
    let held = |s: &mut Session| {
        s.list(
            "SELECT plan, seats, anchor, pending_plan, pending_seats, pending_end, pending_at FROM credits_subscriptions
             WHERE account = 'a' ORDER BY plan",
        )
    };
    assert_eq!(held(&mut s), Vec::<String>::new());
    s.run("SELECT credits_subscribe('a', 'team', 's1', 4, '2026-01-03 00:00+00')");
    s.run("SELECT credits_subscribe('a', 'big', 's2'), credits_subscribe('a', 'extra', 's3')");
    let anchor = "2026-01-03 00:00:00+00";
    let end = "2026-02-03 00:00:00+00";
    assert_eq!(
        held(&mut s),
        [
            format!("big|1|{anchor}|NULL|NULL|f|NULL"),
            format!("extra|1|{anchor}|NULL|NULL|f|NULL"),
            format!("team|4|{anchor}|NULL|NULL|f|NULL"),
        ]
    );
    s.at("2026-01-20 00:00+00");
    s.run("SELECT credits_set_seats('a', 'team', 2, 'n'), credits_change_plan('a', 'big', 'small', 'c')");
    s.run("SELECT credits_unsubscribe('a', 'extra', 'u')");
    let pending = [
        format!("big|1|{anchor}|small|NULL|f|{end}"),
        format!("extra|1|{anchor}|NULL|NULL|t|{end}"),
        format!("team|4|{anchor}|NULL|2|f|{end}"),
    ];
    assert_eq!(held(&mut s), pending);
    // More seats are there at once, and nothing of the fewer is pending any more.
    s.run("SELECT credits_set_seats('a', 'team', 6, 'm')");
    assert_eq!(held(&mut s)[2], format!("team|6|{anchor}|NULL|NULL|f|NULL"));
    s.run("SELECT credits_set_seats('a', 'team', 3, 'l')");
    s.at("2026-02-03 00:00+00");
    s.run("SELECT credits_maintain()");
    assert_eq!(
        held(&mut s),
        [format!("small|1|{anchor}|NULL|NULL|f|NULL"), format!("team|3|{anchor}|NULL|NULL|f|NULL")]
    );
    assert_eq!(
        s.list("SELECT plan, trim_scale(amount) FROM credits_grants WHERE status = 'active' ORDER BY plan"),
        ["small|20", "team|30"]
    );
}

#[test]
fn plans_and_rates_as_defined() {
    let db = Server::shared().database();
    let mut s = metered(&db);
    s.run("SELECT credits_define_plan('seat', 1.5, true, 10, 3, false, NULL, false, 12.5, 40, 3)");
    s.run("SELECT credits_define_plan('try', 20, trial => true, trial_period => '10 days')");
    s.run("SELECT credits_include('team', 'run', 7), credits_include('team', 'gone', 1)");
    s.run("SELECT credits_include('team', 'gone', 0)");
    s.at("2026-02-03 00:00+00");
    s.run("SELECT credits_define_plan('team', 60)");
    assert_eq!(
        s.list(
            "SELECT plan, allowance, per_seat, seat_cap, rank, trial, trial_period, purchases, rollover_percent, rollover_max,
                    rollover_cycles, metadata, included, version, defined_at, defined_by
             FROM credits_plans ORDER BY plan"
        ),
        [
            "seat|1.5|t|10|3|f|NULL|f|12.5|40|3|NULL|{}|1|2026-02-02 00:00:00+00|postgres",
            "team|60|f|NULL|0|f|NULL|t|0|NULL|1|NULL|{\"run\": 7, \"search\": 20}|2|2026-02-03 00:00:00+00|postgres",
            "try|20|f|NULL|0|t|10 days|t|0|NULL|1|NULL|{}|1|2026-02-02 00:00:00+00|postgres",
        ]
    );
    s.run("SELECT credits_define_rate('search', 0.75, effective_at => '2026-02-10 00:00+00')");
    s.run("SELECT credits_define_rate('search', 2, 1000, effective_at => '2026-03-01 00:00+00')");
    let rates = "SELECT feature, credits, per_units, model, free, effective_at, in_force FROM credits_rates
                 ORDER BY feature, effective_at";
    let rest = ["run|4|100|package|f|2026-01-01 00:00:00+00|t", "view|0|1|per_unit|t|2026-01-01 00:00:00+00|t"];
    assert_eq!(
        s.list(rates),
        [
            rest[0],
            "search|0.5|1|per_unit|f|2026-01-01 00:00:00+00|t",
            "search|0.75|1|per_unit|f|2026-02-10 00:00:00+00|f",
            "search|2|1000|per_unit|f|2026-03-01 00:00:00+00|f",
            rest[1],
        ]
    );
    s.at("2026-02-10 00:00+00");
    assert_eq!(
        s.list(rates),
        [
            rest[0],
            "search|0.75|1|per_unit|f|2026-02-10 00:00:00+00|t",
            "search|2|1000|per_unit|f|2026-03-01 00:00:00+00|f",
            rest[1],
        ]
    );
}

#[test]
fn credits_features() {
    let db = Server::shared().database();
    let mut s = db.session();
    s.run("SET TimeZone = 'UTC'");
    s.at("2026-01-05 00:00+00");
    s.run("SELECT credits_open_account('a'), credits_open_account('b')");
    s.run("SELECT credits_set_feature('a', 'chat', false), credits_set_feature('b', 'chat', true)");
    s.at("2026-01-06 00:00+00");
    s.run("SELECT credits_set_feature('a', 'chat', false), credits_set_feature('a', 'image', false)");
    s.run("SELECT credits_set_feature('a', 'image', true)");
    // Switched on is what a feature is that nobody switched: for b nothing changed.
    assert_eq!(
        s.list("SELECT * FROM credits_features WHERE account = 'a' OR NOT enabled ORDER BY account, feature"),
        ["a|chat|f|2026-01-05 00:00:00+00", "a|image|t|2026-01-06 00:00:00+00"]
    );
    assert_eq!(s.one("SELECT count(*) FROM credits_history WHERE account = 'b'"), "1");
}
