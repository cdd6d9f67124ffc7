//! Statements: they add up, they chain, and they say what the history says.

use crate::books::{Micros, micros};
use crate::period::{Instant, Period, literal};
use crate::player::{ACCOUNTS, Player};
use credits_ledger_tests::Row;

const FIGURES: [&str; 5] = ["amount", "allowance", "credits", "held", "debt"];

fn figures(row: &Row) -> [Micros; 5] {
    FIGURES.map(|column| micros(row.get(column)))
}

fn ask(player: &mut Player, account: &str, period: &Period) -> Vec<Row> {
    let rows = player.s.rows(&format!("SELECT * FROM credits_statement('{account}', {period})"));
    let (opening, closing) = (&rows[0], &rows[rows.len() - 1]);
    opening.has(&[("line", "opening"), ("operation", "NULL"), ("operations", "NULL"), ("quantity", "NULL")]);
    closing.has(&[("line", "closing"), ("operation", "NULL"), ("operations", "NULL"), ("quantity", "NULL")]);
    let mut sum = figures(opening);
    for row in &rows[1..rows.len() - 1] {
        row.has(&[("line", "movement"), ("balance", "NULL"), ("entry", "NULL"), ("as_of", "NULL")]);
        sum.iter_mut().zip(figures(row)).for_each(|(sum, figure)| *sum += figure);
    }
    assert_eq!(sum, figures(closing), "{account} {period} adds up after\n{}", player.story());
    for row in &rows {
        let [amount, allowance, credits, held, debt] = figures(row);
        assert_eq!(amount, allowance + credits + held - debt, "{row}\nafter\n{}", player.story());
    }
    for row in [opening, closing] {
        assert_eq!(row.get("balance"), row.get("amount"), "{row}");
    }
    rows
}

/// What `credits_balance_at` says just before each instant.
pub fn balances(player: &mut Player, instants: &[Instant]) -> Vec<String> {
    let mut said = Vec::new();
    for account in ACCOUNTS {
        for at in instants.iter().filter(|at| at.checked_abs().is_some_and(|at| at != Instant::MAX)) {
            let call = format!(
                "SELECT balance, allowance, credits, held, debt FROM credits_balance_at('{account}', {})",
                literal(*at - 1)
            );
            said.push(match player.s.try_run(&call) {
                Ok(rows) => rows[0].values().join("|"),
                Err(error) => error.code,
            });
        }
    }
    said
}

/// Opening is what `credits_balance_at` says just before; the movements of each kind are those of the history.
pub fn agrees_with_history(player: &mut Player, periods: &[Period]) {
    let now = player.now();
    for account in ACCOUNTS {
        for period in periods {
            let rows = ask(player, account, period);
            for (row, at) in [(&rows[0], period.from), (&rows[rows.len() - 1], period.to)] {
                let count = if at == Instant::MIN {
                    "false".to_owned()
                } else if at > now {
                    "true".to_owned()
                } else {
                    format!("effective_at < {}", literal(at))
                };
                let last = player.s.one(&format!(
                    "SELECT coalesce(max(entry), 0) FROM credits_history WHERE account = '{account}' AND {count}"
                ));
                assert_eq!(row.get("entry"), last, "{account} {period}: {row}\nafter\n{}", player.story());
                if at == Instant::MIN {
                    assert_eq!(figures(row), [0; 5], "{row}");
                    continue;
                }
                let asked = if at > now { literal(now) } else { literal(at - 1) };
                let balance = player.s.try_run(&format!(
                    "SELECT balance AS amount, allowance, credits, held, debt FROM credits_balance_at('{account}', {asked})"
                ));
                match balance {
                    Ok(balance) => assert_eq!(
                        figures(row),
                        figures(&balance[0]),
                        "{account} {period}: {row}, balance {}\nafter\n{}",
                        balance[0],
                        player.story()
                    ),
                    // Before the account was opened.
                    Err(error) => {
                        assert_eq!(error.code, "LC005", "{error}");
                        assert_eq!(figures(row), [0; 5], "{row}\nafter\n{}", player.story());
                    }
                }
            }
            let found: Vec<_> = rows[1..rows.len() - 1]
                .iter()
                .map(|row| {
                    let names = ["operation", "kind", "feature", "operations"].map(|column| row.get(column)).join("|");
                    let quantity = if row.get("quantity") == "NULL" {
                        "NULL".into()
                    } else {
                        micros(row.get("quantity")).to_string()
                    };
                    format!("{names}|{quantity}|{:?}", figures(row))
                })
                .collect();
            let end = |at: Instant| if at > now { "'infinity'".to_owned() } else { literal(at) };
            let expected: Vec<_> = player
                .s
                .rows(&format!(
                    "WITH changes AS (
                         SELECT *, allowance - lag(allowance, 1, 0::numeric) OVER entries AS of_allowance,
                                credits - lag(credits, 1, 0::numeric) OVER entries AS of_credits,
                                held - lag(held, 1, 0::numeric) OVER entries AS of_held,
                                debt - lag(debt, 1, 0::numeric) OVER entries AS of_debt
                         FROM credits_history WHERE account = '{account}' WINDOW entries AS (ORDER BY entry))
                     SELECT operation, kind, feature, count(*) AS operations, sum(quantity) AS quantity, sum(amount) AS amount,
                            sum(of_allowance) AS allowance, sum(of_credits) AS credits, sum(of_held) AS held, sum(of_debt) AS debt
                     FROM changes
                     WHERE effective_at >= {} AND effective_at < {}
                     GROUP BY operation, kind, feature
                     HAVING operation IN ('debit', 'charge', 'capture', 'refund')
                         OR bool_or((of_allowance, of_credits, of_held, of_debt) <> (0, 0, 0, 0))
                     ORDER BY min(entry)",
                    end(period.from),
                    end(period.to)
                ))
                .iter()
                .map(|row| {
                    let names = ["operation", "kind", "feature", "operations"].map(|column| row.get(column)).join("|");
                    let quantity = if row.get("quantity") == "NULL" { "NULL".into() } else { micros(row.get("quantity")).to_string() };
                    format!("{names}|{quantity}|{:?}", figures(row))
                })
                .collect();
            assert_eq!(found, expected, "{account} {period}: ledger left, history right, after\n{}", player.story());
        }
    }
}

/// Adjacent periods: one closes as the next opens.
pub fn chains(player: &mut Player, instants: &[Instant]) {
    for account in ACCOUNTS {
        let mut before: Option<Row> = None;
        for ends in instants.windows(2) {
            let rows = ask(player, account, &Period { from: ends[0], to: ends[1] });
            if let Some(before) = before {
                for column in FIGURES.into_iter().chain(["entry", "as_of"]) {
                    assert_eq!(
                        rows[0].get(column),
                        before.get(column),
                        "{column} at {} after\n{}",
                        literal(ends[0]),
                        player.story()
                    );
                }
            }
            before = rows.last().cloned();
        }
    }
}
