#!/usr/bin/env python3
"""Reads the dashboard in a real browser and compares its figures with SQL.

usage: pages.py <address of the dashboard> <connection string of an owner of the ledger>

The ledger has the data of examples/dashboard/demo.sql and of hostile.sql. Each check that fails is said; the exit
status is 1 if one did.
"""

import re
import sys
import time
import traceback
from decimal import Decimal
from urllib.parse import parse_qs, quote, urlsplit

import psycopg
from browser import chromium, color_scheme, resize

PAGES = ["account", "usage", "history", "alerts", "statement"]

# The rows of a table: the text of the header, of the cells by their label, and the row's data-lot.
READ_TABLE = """
const squeeze = (text) => text.replace(/\\s+/g, ' ').trim();
const table = document.getElementById(arguments[0]);
return table === null ? null : [...table.querySelectorAll('tbody tr')].map((row) => {
  const cells = {'': squeeze(row.querySelector('th').textContent), lot: row.dataset.lot};
  for (const cell of row.querySelectorAll('td[data-label]')) cells[cell.dataset.label] = squeeze(cell.textContent);
  return cells;
});
"""

# What a page must not have, wherever it came from; what it must have; and how wide it is.
READ_PAGE = """
const all = (what) => [...document.querySelectorAll(what)];
return {
  title: document.title,
  lang: document.documentElement.lang,
  landmarks: ['header', 'main', 'nav', 'footer'].filter((what) => document.querySelector(what) === null),
  headings: all('h1').length,
  active: all('script, img, iframe, object, embed, base, [style], [onerror], [onload], [onmouseover]').length,
  links: all('a[href]').filter((a) => !a.href.startsWith(location.origin + '/')).map((a) => a.href),
  tables: all('table').filter((t) => !t.caption || !t.querySelector('thead th[scope=col]')).length,
  rows: all('tbody tr').filter((r) => !r.querySelector('th[scope=row]')).length,
  unlabelled: all('input:not([type=hidden])').filter((i) => i.labels.length === 0).map((i) => i.name),
  twice: all('[id]').map((e) => e.id).filter((id, place, ids) => ids.indexOf(id) !== place),
  subject: document.querySelector('h1 bdi')?.textContent,
  pages: all('.subject nav a').map((a) => new URL(a.href).searchParams.get('name')),
  widths: [document.documentElement.scrollWidth, document.body.scrollWidth, innerWidth],
  pictures: all('svg').filter((s) => !s.hasAttribute('aria-hidden') && !s.hasAttribute('aria-label')).length,
};
"""

# Texts whose colour is too near to what lies behind them: less than 4.5 to 1, as WCAG counts it.
READ_CONTRAST = """
const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
const light = (colour) => {
  const [r, g, b] = colour.map((c) => c / 255).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const bad = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || element.closest('svg, .hidden, .skip') || !element.checkVisibility()) continue;
  let behind = element;
  while (behind && (parse(getComputedStyle(behind).backgroundColor)[3] ?? 1) === 0) behind = behind.parentElement;
  const [a, b] = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor].map((c) => light(parse(c).slice(0, 3)));
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) bad.push(walker.currentNode.data.trim().slice(0, 30) + ' ' + ratio.toFixed(2));
}
return [...new Set(bad)];
"""


class Failed(Exception):
    pass


def same(got, expected, what=""):
    if got != expected:
        raise Failed(f"{what}\n  on the page: {got!r}\n  in the ledger: {expected!r}")


class Tour:
    def __init__(self, base, conninfo):
        self.base = base.rstrip("/")
        self.db = psycopg.connect(conninfo, autocommit=True)
        self.browser = chromium()

    # The ledger, as text: amounts without zeros at their end.

    def rows(self, sql, *parameters):
        def shown(value):
            if isinstance(value, Decimal):
                text = format(value, "f")
                return text.rstrip("0").rstrip(".") if "." in text else text
            return "" if value is None else str(value)

        return [tuple(map(shown, row)) for row in self.db.execute(sql, parameters)]

    def one(self, sql, *parameters):
        (row,) = self.rows(sql, *parameters)
        return row[0] if len(row) == 1 else row

    # The page.

    def open(self, page, name=None, **parameters):
        parameters = ({} if name is None else {"name": name}) | parameters
        self.go(
            f"{self.base}/{page}?"
            + "&".join(f"{key}={quote(str(value), safe='')}" for key, value in parameters.items())
        )

    def go(self, address):
        self.browser.get(address)
        log = self.browser.get_log("browser")
        same(log, [], f"the console of {address}")

    def text(self, selector):
        return self.browser.execute_script(
            "return document.querySelector(arguments[0]).textContent.replace(/\\s+/g, ' ').trim()", selector
        )

    def attribute(self, selector, name):
        return self.browser.execute_script(
            "return [...document.querySelectorAll(arguments[0])].map((e) => e.getAttribute(arguments[1]))",
            selector,
            name,
        )

    def table(self, name):
        rows = self.browser.execute_script(READ_TABLE, name)
        if rows is None:
            raise Failed(f"there is no table {name} on {self.browser.current_url}")
        return rows

    def follow(self, rel):
        """Goes where a link leads; False where there is none."""
        addresses = self.browser.execute_script(
            "return [...document.querySelectorAll(arguments[0])].map((a) => a.href)", f".pages a[rel={rel}]"
        )
        if addresses:
            self.go(addresses[0])
        return bool(addresses)


def test_the_list_has_every_account_once(t):
    zone = "to_char({} AT TIME ZONE a.time_zone, 'YYYY-MM-DD HH24:MI')"
    expected = t.rows(
        f"""SELECT a.account, CASE WHEN a.status <> 'open' THEN a.status ELSE f.state END, a.available, f.used,
                   coalesce({zone.format("f.runs_out_at")}, '–'), coalesce({zone.format("a.cycle_end")}, '–')
            FROM credits_accounts a, credits_forecast(a.account) f ORDER BY a.account COLLATE "C" """
    )
    pages, found = 1, []
    t.open("")
    while True:
        table = t.table("accounts")
        found += [(r["State"], r["Available"], r["Used this cycle"], r["Runs out"], r["Cycle ends"]) for r in table]
        if not t.follow("next"):
            break
        pages += 1
    same(pages, -(-len(expected) // 25), "pages")
    same(found, [row[1:] for row in expected], "the list")
    # The names, as they are, with the spaces at their ends; and back again.
    names = []
    while True:
        names = (
            t.browser.execute_script("return [...document.querySelectorAll('#accounts bdi')].map((b) => b.textContent)")
            + names
        )
        if not t.follow("prev"):
            break
    same(names, [row[0] for row in expected], "the names")


def test_the_search_finds_parts_of_names(t):
    for search, expected in [
        ("LUM", ["lumen"]),
        ("<script>", ["<script>alert(1)</script>"]),
        ("%", None),
        ("العميل", None),
        ("_", []),
    ]:
        t.open("", q=search)
        found = t.browser.execute_script(
            "return [...document.querySelectorAll('#accounts bdi')].map((b) => b.textContent)"
        )
        if expected is None:
            expected = [
                r[0]
                for r in t.rows(
                    "SELECT account FROM credits_accounts WHERE position(%s IN account) > 0 ORDER BY 1", search
                )
            ]
            assert expected
        same(found, expected, search)
        same(t.attribute("#q", "value"), [search])
    t.open("", q="nobody")
    same(t.text("main .empty"), "No account’s name contains this.")


def test_the_figures_of_an_account(t):
    for name in ("lumen", "lots", "huge", "vast", "idle", "ended", "by hand", "ember", "garnet"):
        t.open("account", name)
        figures = [
            t.text(f"#{which}") for which in ("available", "allowance", "credits", "held", "debt", "the-balance")
        ]
        expected = t.one("SELECT available, allowance, credits, held, debt, balance FROM credits_balance(%s)", name)
        same(tuple(figures), expected, name)
        same(t.text("h1 bdi"), name)


def test_lots_are_in_burn_order(t):
    # What debits do is the judge of the order: a dry run takes everything.
    for name, feature in [
        ("lumen", "image"),
        ("lots", "image"),
        ("by hand", "x"),
        ("<script>alert(1)</script>", "<i>"),
    ]:
        t.open("account", name)
        lots = t.table("lots")
        order = [
            (lot["lot"], lot["Remaining"]) for lot in lots if lot["Status"] == "active" and lot["Remaining"] != "0"
        ]
        expected = t.rows(
            "SELECT lot, takes FROM credits_explain_debit(%s, 99999999, %s) WHERE lot IS NOT NULL", name, feature
        )
        same(order, expected, f"the burn order of {name}")
        assert len(order) >= 2, name
    t.open("account", "lots")
    same([lot[""] for lot in t.table("lots")][:2], ["rollover #13", "allowance #14"])
    same([lot["Status"] for lot in t.table("lots")][-1], "scheduled from 2026-06-01 00:00")


def test_lots_are_as_the_ledger_has_them(t):
    for name in ("lumen", "lots", "huge", "vast", "by hand", "idle"):
        t.open("account", name)
        has_lots = (
            t.one("SELECT count(*) FROM credits_grants WHERE account = %s AND status IN ('active', 'scheduled')", name)
            != "0"
        )
        found = sorted(
            (
                lot["lot"],
                lot["Remaining"],
                lot["of"],
                lot["Held"],
                lot["Expires"],
                lot["Only for"],
                lot["Status"].split(" ")[0],
            )
            for lot in (t.table("lots") if has_lots else [])
        )
        expected = t.rows(
            """SELECT g.lot, g.remaining, g.amount, g.held,
                      coalesce(to_char(g.expires_at AT TIME ZONE a.time_zone, 'YYYY-MM-DD HH24:MI'),
                               CASE WHEN g.expires_by_cycle THEN 'with the cycle' ELSE 'never' END),
                      coalesce(array_to_string(g.features, ', '), 'anything'), g.status
               FROM credits_grants g JOIN credits_accounts a USING (account)
               WHERE g.account = %s AND g.status IN ('active', 'scheduled')""",
            name,
        )
        same(found, sorted(expected), name)
        if found:
            same(
                (t.text("#lots-remaining"), t.text("#lots-held")),
                t.one("SELECT sum(remaining), sum(held) FROM credits_grants WHERE account = %s", name),
                name,
            )
        past = t.rows(
            """SELECT lot, amount, status FROM credits_grants
                         WHERE account = %s AND status NOT IN ('active', 'scheduled') ORDER BY lot DESC""",
            name,
        )
        if past:
            same([(lot["lot"], lot["Amount"], lot["Status"]) for lot in t.table("past-lots")], past, name)
    seen = set()
    for name in ("lots", "lumen"):
        t.open("account", name)
        seen |= {lot["Status"] for lot in t.table("past-lots")}
    same(sorted(seen), ["expired", "spent", "voided"])


def test_the_forecast_is_said(t):
    def expected(name):
        return t.one(
            """SELECT f.state, f.used, f.used_percent, f.burn_per_day,
                      to_char(f.runs_out_at AT TIME ZONE a.time_zone, 'YYYY-MM-DD HH24:MI'),
                      round(abs(extract(epoch FROM f.cycle_end - f.runs_out_at)) / 86400, 1), f.on_pace
               FROM credits_forecast(%s) f JOIN credits_accounts a USING (account)""",
            name,
        )

    for name, end in [("lumen", "before"), ("alder", "after")]:
        t.open("account", name)
        state, used, percent, burn, runs_out, days, on_pace = expected(name)
        same(on_pace, str(end == "before"), name)
        same(t.text(".forecast .badge"), state)
        same(
            t.text("#forecast"),
            f"{used} used ({percent} %). At {burn} a day, what is available runs out on {runs_out}, "
            f"{Decimal(days)} days {end} the cycle ends.",
            name,
        )
    t.open("account", "by hand, used")
    _, used, percent, burn, runs_out, *_ = expected("by hand, used")
    same(t.text("#forecast"), f"{used} used ({percent} %). At {burn} a day, what is available runs out on {runs_out}.")
    for name, text in [
        ("ember", "Nothing is available."),
        ("by hand", "0 used in this cycle: nothing runs out at this speed."),
        ("ended", "The account is closed."),
    ]:
        t.open("account", name)
        same(t.text("#forecast"), text, name)
    same(t.attribute("#burn-down", "id"), [], "a closed account has no running cycle")


def test_the_burn_down_is_drawn_from_the_history(t):
    def drawn(name):
        t.open("account", name)
        top = Decimal(t.text("#burn-down .y li"))
        line = re.findall(r"([MHV])([\d.]+)(?: ([\d.]+))?", t.attribute("#burn-down .line", "d")[0])
        heights = [Decimal(y if command == "M" else x) for command, x, y in line if command != "H"]
        return top, [(300 - height) / 300 * top for height in heights]

    # Every entry of the cycle, and what is available now: a hold has lapsed since the newest one.
    top, values = drawn("lumen")
    expected = t.db.execute(
        """SELECT b.available FROM credits_accounts a, credits_balance_at(a.account, a.cycle_start) b WHERE a.account = 'lumen'
           UNION ALL
           (SELECT h.available FROM credits_history h JOIN credits_accounts a USING (account, cycle)
            WHERE account = 'lumen' AND h.effective_at > a.cycle_start ORDER BY h.entry)
           UNION ALL SELECT available FROM credits_holds h, credits_balance_at('lumen', h.expires_at) b
           WHERE h.account = 'lumen' AND h.status = 'lapsed'
           UNION ALL SELECT available FROM credits_balance('lumen')"""
    ).fetchall()
    same(len(values), len(expected), "points of the line")
    for value, (exact,) in zip(values, expected, strict=True):
        assert abs(value - exact) <= top / 6000, (value, exact)
    # The forecast ends where and when it runs out.
    start, now, end, runs_out, available = t.db.execute(
        """SELECT extract(epoch FROM a.cycle_start), extract(epoch FROM a.as_of), extract(epoch FROM a.cycle_end),
                  extract(epoch FROM f.runs_out_at), a.available
           FROM credits_accounts a, credits_forecast('lumen') f WHERE a.account = 'lumen'"""
    ).fetchone()
    x0, y0, x1, y1 = map(Decimal, re.findall(r"[\d.]+", t.attribute("#burn-down .projection", "d")[0]))
    for got, exact in [
        (x0, (now - start) / (end - start) * 1000),
        (y0, 300 - available / top * 300),
        (x1, (runs_out - start) / (end - start) * 1000),
        (y1, 300),
    ]:
        assert abs(got - exact) <= Decimal("0.06"), (got, exact)
    # A cycle of which nothing is recorded yet begins with what it was given.
    top, values = drawn("idle")
    (exact,) = t.db.execute("SELECT available FROM credits_balance('idle')").fetchone()
    assert len(values) == 2 and all(abs(value - exact) <= top / 6000 for value in values), (values, exact)


def test_usage_adds_up(t):
    today = t.db.execute(
        "SELECT (as_of AT TIME ZONE 'UTC')::date FROM credits_accounts WHERE account = 'lumen'"
    ).fetchone()[0]
    same(str(today), "2026-04-02")
    periods = {
        "7d": ("2026-03-27", "2026-04-02"),
        "30d": ("2026-03-04", "2026-04-02"),
        "90d": ("2026-01-03", "2026-04-02"),
        "month": ("2026-04-01", "2026-04-02"),
        "last-month": ("2026-03-01", "2026-03-31"),
    }
    custom = {"period": "custom", "from": "2026-02-11", "to": "2026-02-11"}
    visits = [("lumen", {"period": period}, days) for period, days in periods.items()]
    visits += [("lumen", custom, ("2026-02-11",) * 2), ("<script>alert(1)</script>", {"period": "30d"}, periods["30d"])]
    for name, parameters, days in visits:
        t.open("usage", name, **parameters)
        for column, units in (("feature", ", sum(quantity)"), ("actor", "")):
            found = [
                tuple(r[k] for k in ("", "Credits", "Operations", "Units") if k in r) for r in t.table(f"by-{column}")
            ]
            expected = t.rows(
                f"""SELECT coalesce({column}, 'not named'), sum(credits), sum(operations) {units} FROM credits_usage_daily
                    WHERE account = %s AND day BETWEEN %s AND %s GROUP BY {column} ORDER BY sum(credits) DESC, {column}""",
                name,
                *days,
            )
            same(sorted(found), sorted(expected), f"{name} {parameters} by {column}")
            amounts = [Decimal(row[1]) for row in found]
            same(amounts, sorted(amounts, reverse=True), "the order")
        totals = t.one(
            """SELECT sum(credits), sum(from_allowance), sum(from_credits) FROM credits_usage_daily
               WHERE account = %s AND day BETWEEN %s AND %s""",
            name,
            *days,
        )
        same(
            tuple(t.text(f"#{which}") for which in ("total", "total-allowance", "total-credits")),
            totals,
            f"{name} {parameters}",
        )
        bars = t.browser.execute_script(
            "return [...document.querySelectorAll('#by-day rect title')].map((b) => b.textContent)"
        )
        expected = t.rows(
            """SELECT d::date || ': ' || coalesce(trim_scale(sum(u.credits)), 0) FROM generate_series(%s::date, %s::date, '1 day') d
               LEFT JOIN credits_usage_daily u ON u.account = %s AND u.day = d::date GROUP BY d ORDER BY d""",
            *days,
            name,
        )
        same([re.sub(r"(\.\d*?)0+$", r"\1", bar).rstrip(".") for bar in bars], [row[0] for row in expected], "the days")
    t.open("account", "lumen")
    same(
        [(r[""], r["Credits"], r["Operations"]) for r in t.table("by-feature")],
        t.rows("""SELECT u.feature, u.credits, u.operations FROM credits_usage_by_cycle u JOIN credits_accounts a USING (account, cycle)
                   WHERE account = 'lumen' ORDER BY u.credits DESC"""),
        "this cycle",
    )
    t.open("usage", "lumen")
    same(
        [(r[""], r["Granted"], r["Used"], r["Rolled over"], r["Expired"]) for r in t.table("cycles")],
        t.rows(
            "SELECT cycle, granted, used, rolled_over, expired FROM credits_cycles WHERE account = 'lumen' ORDER BY cycle DESC"
        ),
    )


def test_the_history_has_every_entry_once(t):
    expected = t.rows(
        """SELECT entry, to_char(effective_at AT TIME ZONE 'Europe/Berlin', 'YYYY-MM-DD HH24:MI:SS'), amount, balance, available,
                  coalesce(idempotency_key, ''), concat_ws(' ', feature, '× ' || quantity, actor, resource, reason),
                  concat_ws(' ', replace(operation, '_', ' '), nullif(kind, operation), plan, pack, 'of ' || refers_to)
           FROM credits_history WHERE account = 'lumen' ORDER BY entry DESC"""
    )
    t.open("history", "lumen")
    pages, found = [], []
    while True:
        table = t.table("history")
        found += [
            (r[""], r["When"], r["Amount"], r["Balance"], r["Available"], r["Key"], r["For"], r["Operation"])
            for r in table
        ]
        pages.append(table[0][""])
        if not t.follow("next"):
            break
    same(found, expected, "the history")
    same(len(pages), -(-len(expected) // 50), "pages")
    same(
        str(sum(Decimal(row[2]) for row in found)),
        t.one("SELECT balance FROM credits_balance('lumen')"),
        "the sum of the amounts",
    )
    # And back, by the same pages.
    back = [pages[-1]]
    while t.follow("prev"):
        back.append(t.table("history")[0][""])
    same(back, pages[::-1], "the way back")
    # Both sides of the night in which Berlin's clocks went forward.
    offsets = {
        row[0]
        for row in t.rows("""SELECT DISTINCT to_char(effective_at AT TIME ZONE 'Europe/Berlin' - effective_at AT TIME ZONE 'UTC', 'HH24')
                                           FROM credits_history WHERE account = 'lumen'""")
    }
    same(offsets, {"01", "02"})


def test_times_say_utc(t):
    t.open("history", "lumen")
    found = t.browser.execute_script(
        "return [...document.querySelectorAll('#history time')].map((e) => [e.textContent, e.title, e.dateTime])"
    )
    expected = t.rows(
        """SELECT to_char(effective_at AT TIME ZONE 'Europe/Berlin', 'YYYY-MM-DD HH24:MI:SS'),
                  to_char(effective_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'),
                  to_char(effective_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
           FROM credits_history WHERE account = 'lumen' ORDER BY entry DESC LIMIT 50"""
    )
    same([tuple(times) for times in found], expected)


def test_a_reference_leads_to_its_entry(t):
    t.open("history", "lumen")
    link = t.browser.execute_script("return document.querySelector('#entry-276 a').href")
    t.go(link)
    same(urlsplit(t.browser.current_url).fragment, "entry-275")
    same(t.table("history")[0][""], "275")
    same(t.text("#entry-275 td[data-label=Key]"), "batch-7")


def test_open_holds(t):
    for name in ("lumen", "<script>alert(1)</script>"):
        t.open("account", name)
        expected = t.rows(
            """SELECT hold_key, remaining, concat_ws(' ', feature, actor, resource),
                      to_char(h.expires_at AT TIME ZONE a.time_zone, 'YYYY-MM-DD HH24:MI')
               FROM credits_holds h JOIN credits_accounts a USING (account)
               WHERE account = %s AND h.status = 'open' ORDER BY h.expires_at""",
            name,
        )
        same([(r[""], r["Holds"], r["For"], r["Lapses"]) for r in t.table("holds")], expected, name)
    same(
        t.one("SELECT count(*) FROM credits_holds WHERE account = 'lumen' AND status = 'lapsed'"),
        "1",
        "one is not shown",
    )


def test_plans(t):
    t.open("account", "lumen")
    same(
        [(r[""], r["Seats"], r["Allowance"], r["Included"], r["Next cycle"]) for r in t.table("plans")],
        [("archive", "1", "250", "–", "the same"), ("team", "5", "500 per seat, up to 20", "100000 chat", "4 seats")],
    )
    same(
        t.rows("SELECT plan, seats, pending_seats FROM credits_subscriptions WHERE account = 'lumen' ORDER BY plan"),
        [("archive", "1", ""), ("team", "5", "4")],
    )


def test_alerts_and_recharge(t):
    t.open("alerts", "lumen")
    found = sorted((r[""], r["State"], r["Since"]) for r in t.table("alerts"))
    expected = t.rows(
        """SELECT alert, CASE WHEN NOT enabled THEN 'off' WHEN fired_at IS NULL THEN 'armed' ELSE 'fired' END,
                  coalesce(to_char(fired_at AT TIME ZONE 'Europe/Berlin', 'YYYY-MM-DD HH24:MI'), '–')
           FROM credits_alerts WHERE account = 'lumen'"""
    )
    same(found, sorted(expected), "alerts")
    same(sorted(row[1] for row in found), ["armed", "armed", "fired", "fired", "off"])
    same({r[""]: r["Fires when"] for r in t.table("alerts")}["low"], "75 % used, and it runs out before the cycle ends")
    same({r[""]: r["Fires when"] for r in t.table("alerts")}["few"], "less than 400 available")
    same(t.text("#recharge-status"), t.one("SELECT status FROM credits_auto_recharges WHERE account = 'lumen'"))
    same(t.text("#last-error"), "2 failures in a row. Last: Your card has insufficient funds. card_declined")
    requests = t.rows(
        """SELECT recharge, status, credits, price || ' ' || currency, attempts,
                  to_char(next_attempt_at AT TIME ZONE 'Europe/Berlin', 'YYYY-MM-DD HH24:MI'), last_error || ' ' || last_error_code
           FROM credits_recharges WHERE account = 'lumen' ORDER BY recharge DESC"""
    )
    same(
        [
            (r[""], r["Status"], r["Credits"], r["Price"], r["Attempts"], r["Next attempt"], r["Last error"])
            for r in t.table("recharges")
        ],
        requests,
    )
    same(
        [(r[""], r["Event"]) for r in t.table("events")],
        t.rows("SELECT event, type FROM credits_events WHERE account = 'lumen' ORDER BY event DESC LIMIT 20"),
    )
    t.open("alerts", "<script>alert(1)</script>")
    same(t.text("#recharge-status"), "suspended")
    same(
        t.text("#last-error"), "1 failure in a row. Last: <b><script>alert(1)</script> <code><script>alert(1)</script>"
    )
    t.open("alerts", "alder")
    same(t.text("section[aria-labelledby=recharge-title] .empty"), "Not set.")


def test_the_statement_adds_up(t):
    columns = ("Balance", "Allowance", "Credits", "Held", "Debt")
    for name, month, zone in [
        ("lumen", "2026-03", "Europe/Berlin"),
        ("lumen", "2026-04", "Europe/Berlin"),
        ("lumen", "2025-12", "Europe/Berlin"),
        ("<script>alert(1)</script>", "2026-03", "Asia/Kathmandu"),
        ("huge", "2026-03", "UTC"),
    ]:
        t.open("statement", name, month=month)
        opening, *movements, closing = t.table("statement")
        expected = t.rows(
            """SELECT operations, coalesce(nullif(quantity, 0)::text, '–'), amount, allowance, credits, held, debt
               FROM credits_statement(%s, %s::timestamp AT TIME ZONE %s, (%s::timestamp + interval '1 month') AT TIME ZONE %s)""",
            name,
            f"{month}-01",
            zone,
            f"{month}-01",
            zone,
        )
        same(
            [tuple(r[c] for c in columns) for r in (opening, closing)],
            [expected[0][2:], expected[-1][2:]],
            f"{name} {month}",
        )
        same(
            [(r["Entries"], r["Units"]) + tuple(r[c] for c in columns) for r in movements],
            expected[1:-1],
            f"{name} {month}",
        )
        for column in columns:
            same(
                sum(Decimal(r[column]) for r in (opening, *movements)),
                Decimal(closing[column]),
                f"{name} {month} {column}",
            )
        address = urlsplit(t.attribute("#csv", "href")[0])
        same((address.path, parse_qs(address.query)), ("/usage.csv", {"name": [name], "month": [month]}))
    t.open("statement", "lumen")
    same(t.text("h2"), "Statement, 2026-04")
    same(t.attribute(".choice a", "rel"), ["prev"], "what comes has no statement yet")


def test_hostile_names_are_text(t):
    names = [
        row[0]
        for row in t.db.execute("SELECT account FROM credits_auto_recharges WHERE account <> 'lumen' ORDER BY account")
    ]
    same(len(names), 15, "hostile accounts")
    resize(t.browser, 400, 900)
    for name in names:
        for page in PAGES:
            # `go` has seen that the console is empty; an open alert box would make every call after it fail.
            t.open(page, name)
            look_over(t, f"{page} of {name!r}", (1200, 320, 400) if len(name) > 200 else (400,), name)
        t.open("history", name)
        row = next(r for r in t.table("history") if r["Operation"].startswith("debit") and r["Key"] != "unnamed")
        squeezed = " ".join(name.split())
        same(row["For"], f"{squeezed} {squeezed} {squeezed}", "feature, actor and resource")
    resize(t.browser, 1200, 900)


def look_over(t, where, widths=(400,), name=None):
    """What holds for every page. The browser is left at the last of the widths."""
    for width in widths:
        if len(widths) > 1:
            resize(t.browser, width, 900)
        page = t.browser.execute_script(READ_PAGE)
        same(page.pop("widths"), [width] * 3, f"the width of {where}")
        assert page.pop("title").endswith(" · Credits"), where
        same((page.pop("subject"), page.pop("pages")), (name, [name] * (0 if name is None else 5)), where)
        same(
            page,
            {
                "lang": "en",
                "landmarks": [],
                "headings": 1,
                "active": 0,
                "links": [],
                "tables": 0,
                "rows": 0,
                "unlabelled": [],
                "twice": [],
                "pictures": 0,
            },
            where,
        )


def test_every_page_is_whole_at_every_width(t):
    resize(t.browser, 400, 900)
    for name in ("lumen", "lots", "huge", "vast", "by hand", "by hand, used", "idle", "fast", "ended"):
        for page in PAGES:
            t.open(page, name)
            look_over(t, f"{page} of {name}", (1200, 700, 320, 400) if name in ("lumen", "vast") else (400,), name)
    for query in ({}, {"q": "lum"}, {"q": "nobody"}):
        t.open("", **query)
        look_over(t, f"accounts, {query}", (1200, 700, 320, 400))
    resize(t.browser, 1200, 900)


def test_rows_become_cards_on_a_narrow_screen(t):
    t.open("history", "lumen")
    shape = "const [a, b] = document.querySelectorAll('#entry-276 td'); return a.getBoundingClientRect().left === b.getBoundingClientRect().left"
    same(t.browser.execute_script(shape), False, "side by side")
    resize(t.browser, 400, 900)
    same(t.browser.execute_script(shape), True, "one below the other")
    label = "return getComputedStyle(document.querySelector('#entry-276 td[data-label=Amount]'), '::before').content"
    same(t.browser.execute_script(label), '"Amount"')
    resize(t.browser, 1200, 900)


def test_text_can_be_read_in_both_colour_schemes(t):
    backgrounds = []
    for scheme in ("light", "dark"):
        color_scheme(t.browser, scheme)
        for page in PAGES:
            t.open(page, "lumen")
            same(t.browser.execute_script(READ_CONTRAST), [], f"{page}, {scheme}")
        t.open("")
        same(t.browser.execute_script(READ_CONTRAST), [], f"accounts, {scheme}")
        backgrounds.append(t.browser.execute_script("return getComputedStyle(document.body).backgroundColor"))
    color_scheme(t.browser, "light")
    assert backgrounds[0] != backgrounds[1], backgrounds


def test_it_can_be_used_by_its_links_and_forms(t):
    t.open("")
    t.browser.find_element("css selector", "#q").send_keys("lume")
    t.browser.find_element("css selector", "form[role=search] button").click()
    t.browser.find_element("link text", "lumen").click()
    t.browser.find_element("link text", "Usage").click()
    t.browser.find_element("link text", "Last month").click()
    same(
        t.text("#total"),
        t.one(
            "SELECT sum(credits) FROM credits_usage_daily WHERE account = 'lumen' AND day BETWEEN '2026-03-01' AND '2026-03-31'"
        ),
    )
    t.browser.find_element("link text", "Statement").click()
    t.browser.find_element("css selector", ".choice a[rel=prev]").click()
    same(t.text("h2"), "Statement, 2026-03")
    t.browser.find_element("css selector", "#csv")
    # And the account that does not exist, in the browser's eyes.
    t.browser.get(f"{t.base}/account?name={quote('<b>nobody</b>')}")
    same(t.text("h1"), "Not Found")
    same(t.text(".error p:nth-of-type(2)"), "There is no account “<b>nobody</b>”.")
    t.browser.get_log("browser")  # it notes that the answer was a 404


def main():
    tour = Tour(*sys.argv[1:3])
    failed = 0
    try:
        for name, test in list(globals().items()):
            if name.startswith("test_") and (len(sys.argv) < 4 or sys.argv[3] in name):
                start = time.monotonic()
                try:
                    test(tour)
                    print(f"ok {name} {time.monotonic() - start:.1f} s", flush=True)
                except Exception as error:  # noqa: BLE001 one that fails must not hide the others
                    failed += 1
                    text = str(error) if isinstance(error, Failed) else traceback.format_exc()
                    print(f"FAILED {name}: {text}", flush=True)
    finally:
        tour.browser.quit()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
