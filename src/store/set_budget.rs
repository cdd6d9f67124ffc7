//! Setting a budget: what was drawn in its running period counts against a new one.

use super::book::Desk;
use super::lookup::Sight;
use super::{read, terms};
use crate::pg::{Result, Spi, Statement, Type};
use credits_domain::amount::Amount;
use credits_domain::book::{Book, BudgetChange, Outcome};
use credits_domain::budget::{BudgetUse, EACH_ACTOR, Period, SetBudget, Span};
use credits_domain::time::{Timestamp, Zone};

static CYCLE_BEGAN_AFTER: Statement = Statement::new(
    "SELECT entry FROM credits_ledger.cycles WHERE account = $1 AND cycle = $2",
    &[Type::Text, Type::I32],
);

// A refund counts for whom its debit counted: where that was redacted, for nobody.
static USED_SINCE: Statement = Statement::new(
    "SELECT CASE WHEN $3 THEN coalesce(u.actor, '') ELSE '' END, sum(u.amount) FROM ( \
         SELECT actor, feature, amount FROM credits_ledger.entries \
         WHERE account = $1 AND entry > $2 AND operation IN ('debit', 'charge', 'capture') AND amount > 0 \
         UNION ALL SELECT d.actor, d.feature, -r.amount FROM credits_ledger.entries r \
         JOIN credits_ledger.entries d ON d.account = r.account AND d.entry = r.refers_to \
         WHERE r.account = $1 AND r.entry > $2 AND r.operation = 'refund' AND r.refers_to > $2) u \
     WHERE ($4 IS NULL OR u.actor = $4) AND ($5 IS NULL OR u.feature = $5) \
     GROUP BY 1",
    &[Type::Text, Type::I64, Type::Bool, Type::Text, Type::Text],
);

/// A budget's running period, and what nobody in particular has used in it.
pub struct RunningPeriod {
    pub used: Amount,
    pub span: Span,
    pub ends_at: Option<Timestamp>,
}

pub fn set(desk: &Desk, book: &mut Book, request: &SetBudget) -> Result<Outcome<RunningPeriod>> {
    let name = book.account.account.clone();
    let (now, cycle) = (book.now(), book.account.cycle);
    let rows = terms::budget_rows(desk.spi, Sight::Newest, &name)?;
    let span = request.period.span(cycle, now, desk.zone)?;
    let ends_at = request.period.end(cycle, now, desk.zone)?;
    let is_new = request.limit.is_some() && !rows.iter().any(|row| request.is_of(row));
    let used = if is_new { used_since(desk.spi, book, request, span)? } else { Vec::new() };
    let drawn = match is_new {
        true => used.iter().find(|used| used.actor.is_empty()).map(|used| used.used),
        false => {
            let actor = request.actor.as_deref().filter(|actor| *actor != EACH_ACTOR);
            let budgets = terms::budgets(desk.spi, book, desk.zone, actor, None)?;
            budgets.into_iter().find(|budget| request.is_of(&budget.row)).map(|budget| budget.used.used)
        }
    };
    let whose = request.actor.as_deref().map(|actor| if actor == EACH_ACTOR { "" } else { actor });
    let held = terms::held_since(desk.spi, book, request.period, span, request.feature.as_deref(), whose, None)?;
    let used_by_nobody = drawn.unwrap_or_default() + held;
    Ok(book.set_budget(request, &rows, used).map(|_| RunningPeriod { used: used_by_nobody, span, ends_at }))
}

/// In another time zone clock periods begin at other instants: what was drawn in the ones that run now is counted anew.
pub fn recount(spi: &Spi, book: &mut Book, zone: &dyn Zone) -> Result<()> {
    for row in terms::budget_rows(spi, Sight::Newest, &book.account.account)? {
        if row.period != Period::Cycle {
            let span = row.period.span(book.account.cycle, book.now(), zone)?;
            let request = SetBudget {
                limit: Some(row.budget_limit),
                period: row.period,
                actor: row.actor.clone(),
                feature: row.feature.clone(),
            };
            let used = used_since(spi, book, &request, span)?;
            let used = used.into_iter().map(|used| BudgetUse { budget: row.budget, ..used }).collect();
            book.budget_changes.push(BudgetChange::Set(row, used));
        }
    }
    Ok(())
}

/// What was drawn since the period began, by user.
fn used_since(spi: &Spi, book: &Book, request: &SetBudget, span: Span) -> Result<Vec<BudgetUse>> {
    let name = book.account.account.as_str();
    // What is on the book and not stored yet draws nothing.
    let stored = book.account.entry - book.entries.len() as i64;
    let before = match (request.period, book.closed.last()) {
        (Period::Cycle, Some(closed)) => closed.entry,
        (Period::Cycle, None) => {
            let closed = spi.write(&CYCLE_BEGAN_AFTER, &[name.into(), (book.account.cycle.number - 1).into()])?;
            closed.first().map_or(Ok(0), |row| row.i64(0))?
        }
        _ => read::newest_before(spi, Sight::Newest, name, stored, span.start)?,
    };
    let each = request.actor.as_deref() == Some(EACH_ACTOR);
    let actor = request.actor.as_deref().filter(|_| !each);
    let values = [name.into(), before.into(), each.into(), actor.into(), request.feature.as_deref().into()];
    let used = |row: &crate::pg::Columns| -> Result<BudgetUse> {
        Ok(BudgetUse { budget: 0, actor: row.text(0)?.into(), span, used: row.amount(1)? })
    };
    spi.write(&USED_SINCE, &values)?.iter().map(|row| used(&row)).collect()
}
