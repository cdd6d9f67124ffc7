//! Exports and invoice lines: their columns add up to the usage views, and to the history.

use crate::books::{Micros, micros, shown};
use crate::csv;
use crate::player::{ACCOUNTS, Player};
use std::collections::BTreeMap;

const FIGURES: [&str; 5] = ["quantity", "included", "credits", "from_allowance", "from_credits"];

type Sums = BTreeMap<String, [Micros; 6]>;

fn lines(sums: Sums) -> Vec<String> {
    let shown = |figures: [Micros; 6]| figures.map(shown).join(" ");
    sums.into_iter().map(|(of, figures)| format!("{of} {}", shown(figures))).collect()
}

pub fn adds_up(player: &mut Player) {
    for account in ACCOUNTS {
        let rows = player.s.list(&format!("SELECT * FROM credits_usage_csv('{account}', '-infinity', 'infinity')"));
        let records = csv::usage(&rows);
        let (mut by_day, mut by_cycle, mut billed) = (Sums::new(), Sums::new(), Sums::new());
        let history = player.s.rows(&format!(
            "SELECT entry, cycle, operation, amount, idempotency_key, quantity, included, from_allowance, from_credits, overdraft,
                    entry > coalesce((SELECT min(c.entry) FROM credits_history c WHERE c.account = h.account AND c.operation = 'close'),
                                     entry) AS closed
             FROM credits_history h WHERE account = '{account}' AND operation IN ('debit', 'charge', 'capture', 'refund') ORDER BY entry"
        ));
        assert_eq!(records.len(), history.len(), "{account}: a record for each entry, after\n{}", player.story());
        for (record, entry) in records.iter().zip(&history) {
            let refund = record["operation"] == "refund";
            for column in ["entry", "operation", "idempotency_key"] {
                assert_eq!(record[column], entry.get(column), "{column} of {entry}");
            }
            let figures = FIGURES.map(|column| if record[column].is_empty() { 0 } else { micros(&record[column]) });
            let sign = if refund { -1 } else { 1 };
            for (column, figure) in FIGURES.iter().zip(figures).filter(|(column, _)| **column != "credits") {
                let recorded = entry.get(column);
                assert_eq!(record[column].is_empty(), recorded == "NULL", "{column} of {record:?}: {entry}");
                let recorded = if recorded == "NULL" { 0 } else { sign * micros(recorded) };
                assert_eq!(figure, recorded, "{column} of {record:?}: {entry}");
            }
            assert_eq!(micros(&record["overdraft"]), micros(entry.get("overdraft")), "{record:?}: {entry}");
            // Debt that was forgiven came back, though the balance did not change.
            let number: i64 = record["entry"].parse().expect("a number");
            let expected =
                if refund { -player.receipts[&((*account).to_owned(), number)] } else { -micros(entry.get("amount")) };
            assert_eq!(figures[2], expected, "credits of {record:?}: {entry}");
            let name = |column: &str| if record[column].is_empty() { "NULL" } else { &record[column] }.to_owned();
            let day = format!("{} {} {}", &record["recorded_at"][..10], name("feature"), name("actor"));
            let cycle = format!("{} {}", entry.get("cycle"), name("feature"));
            let add = |sums: &mut Sums, of: String| {
                let sums = sums.entry(of).or_default();
                sums.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
                sums[5] += Micros::from(!refund) * 1_000_000;
            };
            add(&mut by_day, day);
            add(&mut by_cycle, cycle.clone());
            // A closed account is billed for nothing any more.
            if entry.get("closed") == "f" {
                add(&mut billed, cycle);
            }
        }
        let daily = view(
            player,
            &format!(
                "SELECT concat_ws(' ', day, coalesce(feature, 'NULL'), coalesce(actor, 'NULL')) AS of, * FROM credits_usage_daily WHERE account = '{account}'"
            ),
            "0",
        );
        // The daily view does not have the included units.
        by_day.values_mut().for_each(|figures| figures[1] = 0);
        assert_eq!(lines(daily), lines(by_day), "{account} by day: view left, export right, after\n{}", player.story());

        let of = "concat_ws(' ', cycle, coalesce(feature, 'NULL')) AS of, *";
        let cycles =
            view(player, &format!("SELECT {of} FROM credits_usage_by_cycle WHERE account = '{account}'"), "included");
        assert_eq!(
            lines(cycles),
            lines(by_cycle),
            "{account} by cycle: view left, export right, after\n{}",
            player.story()
        );

        let mut expected = billed;
        // Lines do not say how many operations they are of.
        expected.values_mut().for_each(|figures| figures[5] = 0);
        for row in player.s.rows(&format!(
            "SELECT cycle, sum(amount) AS debt FROM credits_history WHERE account = '{account}' AND operation = 'invoice' GROUP BY cycle"
        )) {
            expected.entry(format!("{} NULL", row.get("cycle"))).or_default()[5] = micros(row.get("debt"));
        }
        let of_lines: Sums = player
            .s
            .rows(&format!("SELECT {of} FROM credits_invoice_lines WHERE account = '{account}'"))
            .iter()
            .map(|row| {
                let [quantity, included, credits, from_allowance, from_credits] =
                    FIGURES.map(|column| micros(row.get(column)));
                let debt = micros(row.get("debt_invoiced"));
                (row.get("of").to_owned(), [quantity, included, credits, from_allowance, from_credits, debt])
            })
            .collect();
        assert_eq!(
            lines(of_lines),
            lines(expected),
            "{account}: invoice lines left, history right, after\n{}",
            player.story()
        );
    }
}

fn view(player: &mut Player, query: &str, included: &str) -> Sums {
    let rows = player.s.rows(&format!("SELECT of, quantity, {included} AS included, credits, from_allowance, from_credits, operations FROM ({query}) v"));
    rows.iter()
        .map(|row| {
            let [quantity, included, credits, from_allowance, from_credits] =
                FIGURES.map(|column| micros(row.get(column)));
            let operations = micros(row.get("operations"));
            (row.get("of").to_owned(), [quantity, included, credits, from_allowance, from_credits, operations])
        })
        .collect()
}
