//! `credits_allow`, `credits_disallow`: who may do what, as ordinary privileges that pg_dump saves.
//!
//! An access level is a list of functions and views. Giving it grants those that the role lacks, and USAGE on their
//! schema where the role lacks that. Taking it revokes them again, but for what another level gives that the role holds
//! in full: taking `spend` from a role with `billing` changes nothing, because billing would be incomplete without it.
//! A level that is part of the one taken goes with it: taking `billing` takes `spend`. USAGE on the schema stays: it may
//! have been given for the sake of other things in it.

use crate::pg::{Args, Columns, Output, Result, Spi, Statement, Type, sql_function};
use credits_domain::error::Error;

sql_function! { credits_allow(role: regrole, access: text) -> boolean, volatile, handler = allow, signature = ALLOW }
sql_function! { credits_disallow(role: regrole, access: text) -> boolean, volatile, handler = disallow, signature = DISALLOW }

struct Access {
    name: &'static str,
    /// The access levels that it includes.
    parts: &'static [&'static Access],
    /// The functions and views that it adds to them.
    own: &'static [&'static str],
}

static SPEND: Access = Access {
    name: "spend",
    parts: &[],
    own: &[
        "credits_debit",
        "credits_debit_many",
        "credits_charge",
        "credits_quote",
        "credits_hold",
        "credits_capture",
        "credits_release",
        "credits_extend_hold",
        "credits_refund",
        "credits_balance",
        "credits_explain_debit",
        "credits_forecast",
    ],
};

static BILLING: Access = Access {
    name: "billing",
    parts: &[&SPEND],
    own: &[
        "credits_open_account",
        "credits_configure_account",
        "credits_grant",
        "credits_grant_many",
        "credits_reset_cycle",
        "credits_void_grant",
        "credits_maintain",
        "credits_subscribe",
        "credits_change_plan",
        "credits_set_seats",
        "credits_unsubscribe",
        "credits_set_feature",
        "credits_set_budget",
        "credits_check_purchase",
        "credits_purchase",
        "credits_set_auto_recharge",
        "credits_resume_auto_recharge",
        "credits_claim_recharges",
        "credits_complete_recharge",
        "credits_fail_recharge",
        "credits_set_alert",
        "credits_claim_events",
        "credits_ack_event",
    ],
};

static ANALYST: Access = Access {
    name: "analyst",
    parts: &[],
    own: &[
        "credits_accounts",
        "credits_history",
        "credits_grants",
        "credits_allocations",
        "credits_cycles",
        "credits_usage_daily",
        "credits_usage_by_cycle",
        "credits_expiring",
        "credits_holds",
        "credits_invoice_lines",
        "credits_plans",
        "credits_subscriptions",
        "credits_rates",
        "credits_features",
        "credits_budgets",
        "credits_packs",
        "credits_auto_recharges",
        "credits_recharges",
        "credits_alerts",
        "credits_events",
        "credits_balance",
        "credits_balance_at",
        "credits_explain_debit",
        "credits_forecast",
        "credits_statement",
        "credits_usage_csv",
        "credits_revenue",
        "credits_verify",
        // A view reads tables as its owner, but calls functions as whoever reads it.
        "statement_time",
        "budget_period",
        "settled_account",
        "settled_lots",
    ],
};

static ADMIN: Access = Access {
    name: "admin",
    parts: &[&BILLING, &ANALYST],
    own: &[
        "credits_define_plan",
        "credits_include",
        "credits_define_rate",
        "credits_define_pack",
        "credits_freeze_account",
        "credits_unfreeze_account",
        "credits_close_account",
        "credits_redact",
    ],
};

static LEVELS: [&Access; 4] = [&SPEND, &BILLING, &ANALYST, &ADMIN];

impl Access {
    /// LC005 for another name.
    fn parse(name: &str) -> Result<&'static Access> {
        let level = LEVELS.into_iter().find(|level| level.name == name);
        Ok(level.ok_or_else(|| {
            Error::argument("access", name, "access is unknown")
                .hint("The access levels are spend, billing, analyst and admin.")
        })?)
    }

    fn gives(&self, member: &str) -> bool {
        self.own.contains(&member) || self.parts.iter().any(|part| part.gives(member))
    }

    fn includes(&self, other: &Access) -> bool {
        self.name == other.name || self.parts.iter().any(|part| part.includes(other))
    }

    fn is_held(&self, members: &[Member]) -> bool {
        members.iter().filter(|member| self.gives(&member.name)).all(|member| member.granted)
    }
}

/// A function or view of the extension, and whether its owner granted it to the role: what the role has from elsewhere
/// — as a member of another role, as a superuser — is not ours to give or take.
struct Member {
    is_view: bool,
    name: String,
    /// With its schema, quoted; a function with the types of its arguments.
    identity: String,
    granted: bool,
}

static MEMBERS: Statement = Statement::new(
    r#"SELECT m.is_view, m.name, m.identity,
              EXISTS (SELECT FROM aclexplode(coalesce(m.acl, acldefault(m.class, m.owner))) AS p
                      WHERE p.grantee = $1::oid AND p.grantor = m.owner AND p.privilege_type = m.privilege)
       FROM (SELECT 'pg_proc'::regclass AS catalog, f.oid, false AS is_view, f.proname::text AS name,
                    f.oid::regprocedure::text AS identity, 'EXECUTE' AS privilege, f.proowner AS owner,
                    f.proacl AS acl, 'f'::"char" AS class
             FROM pg_proc f
             UNION ALL
             SELECT 'pg_class'::regclass, v.oid, true, v.relname::text, v.oid::regclass::text, 'SELECT', v.relowner,
                    v.relacl, 'r'
             FROM pg_class v
             WHERE v.relkind = 'v') m
       JOIN pg_depend d ON d.classid = m.catalog AND d.objid = m.oid AND d.deptype = 'e'
       JOIN pg_extension x ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = x.oid
       WHERE x.extname = 'credits_ledger'
       ORDER BY m.name"#,
    &[Type::I64],
);

/// A role to give or take privileges.
struct Role {
    oid: i64,
    /// Quoted.
    name: String,
    /// It owns the functions and views, and so may do everything.
    is_owner: bool,
    /// The extension's schema, quoted, where the role may not use it.
    schema: Option<String>,
}

// current_user: the functions run as the extension's owner.
static ROLE: Statement = Statement::new(
    "SELECT quote_ident(r.rolname), r.rolname = current_user, quote_ident(n.nspname),
            has_schema_privilege(r.oid, n.oid, 'USAGE')
     FROM pg_roles r
     CROSS JOIN pg_extension x
     JOIN pg_namespace n ON n.oid = x.extnamespace
     WHERE r.oid = $1::oid AND x.extname = 'credits_ledger'",
    &[Type::I64],
);

fn arguments(args: &Args, spi: &Spi) -> Result<(Role, &'static Access)> {
    args.required(0)?;
    let access = Access::parse(args.required_text(1)?)?;
    let oid = args.role(0)?.map_or(0, |oid| i64::from(oid.to_u32()));
    // Not read(): a call sees what an earlier call of the same statement gave.
    let rows = spi.write(&ROLE, &[oid.into()])?;
    // '-' and numbers are regroles, too.
    let row = rows.first().ok_or_else(|| {
        Error::argument("role", oid, "there is no such role")
            .hint("Create the role first. PUBLIC cannot be given access.")
    })?;
    let schema = if row.bool(3)? { None } else { Some(row.text(2)?.to_owned()) };
    Ok((Role { oid, name: row.text(0)?.to_owned(), is_owner: row.bool(1)?, schema }, access))
}

fn member(row: &Columns) -> Result<Member> {
    Ok(Member {
        is_view: row.bool(0)?,
        name: row.text(1)?.to_owned(),
        identity: row.text(2)?.to_owned(),
        granted: row.bool(3)?,
    })
}

fn members(spi: &Spi, role: &Role) -> Result<Vec<Member>> {
    spi.write(&MEMBERS, &[role.oid.into()])?.iter().map(|row| member(&row)).collect()
}

/// `GRANT … ON FUNCTION a, b TO role`, and the same for views.
fn run(spi: &Spi, role: &Role, verb: &str, preposition: &str, members: &[&Member]) -> Result<()> {
    for (is_view, privilege) in [(false, "EXECUTE ON FUNCTION"), (true, "SELECT ON TABLE")] {
        let names: Vec<&str> =
            members.iter().filter(|member| member.is_view == is_view).map(|member| member.identity.as_str()).collect();
        if !names.is_empty() {
            spi.run_text(&format!("{verb} {privilege} {} {preposition} {}", names.join(", "), role.name))?;
        }
    }
    Ok(())
}

/// Gives what is missing; true where something was.
fn allow(args: &Args) -> Result<Output> {
    let spi = Spi::connect()?;
    let (role, access) = arguments(args, &spi)?;
    let members = members(&spi, &role)?;
    let missing: Vec<&Member> = members.iter().filter(|member| !member.granted && access.gives(&member.name)).collect();
    run(&spi, &role, "GRANT", "TO", &missing)?;
    if let Some(schema) = &role.schema {
        spi.run_text(&format!("GRANT USAGE ON SCHEMA {schema} TO {}", role.name))?;
    }
    Ok(Output::Value((!missing.is_empty() || role.schema.is_some()).into()))
}

/// Takes what no other level needs; true where something was taken.
fn disallow(args: &Args) -> Result<Output> {
    let spi = Spi::connect()?;
    let (role, access) = arguments(args, &spi)?;
    if role.is_owner {
        return Err(Error::argument("role", &role.name, "the role owns the extension")
            .hint("The owner may do everything: let applications connect as another role.")
            .into());
    }
    let members = members(&spi, &role)?;
    let kept: Vec<&Access> =
        LEVELS.into_iter().filter(|level| !access.includes(level) && level.is_held(&members)).collect();
    let taken: Vec<&Member> = members
        .iter()
        .filter(|member| member.granted && access.gives(&member.name))
        .filter(|member| !kept.iter().any(|level| level.gives(&member.name)))
        .collect();
    run(&spi, &role, "REVOKE", "FROM", &taken)?;
    Ok(Output::Value((!taken.is_empty()).into()))
}
