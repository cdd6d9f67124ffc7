"""What the pages ask the ledger. SQL and figures, nothing of HTML.

Amounts stay decimals and instants stay what the server wrote, in the account's own time zone: nothing is converted
here that could be converted wrongly.
"""

import re
from contextlib import contextmanager
from datetime import datetime, timedelta

import psycopg
from psycopg.adapt import Loader
from psycopg.rows import namedtuple_row
from psycopg_pool import ConnectionPool

ACCOUNTS_PER_PAGE = 25
ENTRIES_PER_PAGE = 50
LOTS = 100
PAST_LOTS = 30
HOLDS = 50
RECHARGES = 20
EVENTS = 20
CYCLES = 12
CHART_POINTS = 400


class Instant:
    """An instant as the server writes it: local time and its offset, in the time zone of the transaction."""

    FORM = re.compile(r"(\d{4,}-\d\d-\d\d) (\d\d:\d\d):(\d\d)(?:\.(\d+))?([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?")

    def __init__(self, text):
        self.text = self.utc = self.iso = self.seconds = self.minutes = text
        form = self.FORM.fullmatch(text)
        # `infinity`, and years before Christ, are shown as they are.
        if form is None:
            return
        day, minute, second, fraction, sign, *offset = form.groups()
        self.minutes, self.seconds = f"{day} {minute}", f"{day} {minute}:{second}"
        hours, minutes, seconds = (int(part or 0) for part in offset)
        ahead = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        try:
            local = datetime.fromisoformat(self.seconds)
            utc = local + ahead if sign == "-" else local - ahead
        except (ValueError, OverflowError):
            return  # beyond the years that Python counts
        utc = utc.replace(microsecond=int((fraction or "0").ljust(6, "0")))
        self.utc = f"{utc:%Y-%m-%d %H:%M:%S}" + (f".{fraction}" if fraction else "") + " UTC"
        self.iso = utc.isoformat() + "Z"

    def shown_as(self, local):
        """The same instant with another zone's local time."""
        self.minutes, self.seconds = local[:16], local[:19]
        return self


class InstantLoader(Loader):
    def load(self, data):
        return Instant(bytes(data).decode())


class Ledger:
    """The database, for reading. Timeouts are in seconds."""

    def __init__(self, conninfo, statement_timeout=5.0, connect_timeout=3.0, connections=4):
        self.statement_timeout = f"{round(statement_timeout * 1000)}ms"
        self.pool = ConnectionPool(
            conninfo,
            # None is kept ready: a server that is down when the dashboard starts may come later.
            min_size=0,
            max_size=connections,
            timeout=connect_timeout,
            reconnect_timeout=connect_timeout,
            kwargs={
                "row_factory": namedtuple_row,
                "prepare_threshold": None,
                "connect_timeout": max(2, round(connect_timeout)),
                "application_name": "credits_dashboard",
            },
            configure=self._configure,
            # A connection that the server has closed meanwhile is not handed out.
            check=ConnectionPool.check_connection,
            open=True,
        )

    @staticmethod
    def _configure(connection):
        connection.adapters.register_loader("timestamptz", InstantLoader)
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ

    @contextmanager
    def reading(self):
        """A read-only transaction on one snapshot, so that all figures of a page belong together."""
        with self.pool.connection() as connection:
            # For this transaction only, for there may be a pooler between.
            connection.execute(
                """SELECT set_config('statement_timeout', %s, true) AS timeout,
                          set_config('TimeZone', 'UTC', true) AS zone,
                          set_config('DateStyle', 'ISO, YMD', true) AS style""",
                [self.statement_timeout],
            )
            yield connection


def accounts(c, search="", after=None, before=None):
    """A page of accounts by name, with the names to go on from: rows, previous, next."""
    backwards = before is not None
    rows = c.execute(
        f"""
        SELECT a.*, f.state, f.used, f.used_percent, f.runs_out_at,
               (a.cycle_end AT TIME ZONE a.time_zone)::text AS cycle_end_local,
               (f.runs_out_at AT TIME ZONE a.time_zone)::text AS runs_out_local
        FROM (
            SELECT account, status, available, balance, cycle_end, time_zone
            FROM credits_accounts
            WHERE account {"<" if backwards else ">"} %(from)s
              AND (%(search)s = '' OR strpos(lower(account COLLATE "default"), lower(%(search)s)) > 0)
            ORDER BY account {"DESC" if backwards else "ASC"}
            LIMIT %(limit)s
        ) a
        CROSS JOIN LATERAL credits_forecast(a.account) f
        ORDER BY a.account
        """,
        {"from": before if backwards else after or "", "search": search, "limit": ACCOUNTS_PER_PAGE + 1},
    ).fetchall()
    more = len(rows) > ACCOUNTS_PER_PAGE
    if more:
        rows = rows[1:] if backwards else rows[:-1]
    for row in rows:
        for instant, local in (row.cycle_end, row.cycle_end_local), (row.runs_out_at, row.runs_out_local):
            if instant is not None:
                instant.shown_as(local)
    has_previous, has_next = (more, True) if backwards else (after is not None, more)
    return rows, rows[0].account if rows and has_previous else None, rows[-1].account if rows and has_next else None


def account(c, name):
    """The account, and from here on its time zone; None where it does not exist."""
    known = c.execute(
        "SELECT set_config('TimeZone', time_zone, true) FROM credits_accounts WHERE account = %s", [name]
    ).fetchone()
    if known is None:
        return None
    return c.execute(
        """SELECT a.*, (a.as_of AT TIME ZONE 'UTC')::date AS today, to_char(a.as_of, 'YYYY-MM') AS month,
                  to_char(a.opened_at, 'YYYY-MM') AS opened_month
           FROM credits_accounts a WHERE account = %s""",
        [name],
    ).fetchone()


def forecast(c, name):
    return c.execute(
        """SELECT f.*, round(abs(extract(epoch FROM f.cycle_end - f.runs_out_at)) / 86400, 1) AS days_between
           FROM credits_forecast(%s) f""",
        [name],
    ).fetchone()


# The order in which debits take lots, as "Burn order" in the documentation has it; scheduled ones are not taken yet.
BURN_ORDER = """
    (status = 'scheduled'),
    CASE kind WHEN 'rollover' THEN 0 WHEN 'allowance' THEN 1 ELSE 1 + priority END,
    (features IS NULL),
    CASE WHEN expires_at IS NOT NULL THEN 0 WHEN expires_by_cycle THEN 1 ELSE 2 END,
    expires_at, effective_at, lot
"""


def lots(c, name):
    """What can be spent, now or later, in burn order: at most LOTS, and how many there are."""
    return c.execute(
        f"""SELECT *, count(*) OVER () AS total, sum(remaining) OVER () AS all_remaining,
                   sum(held) OVER () AS all_held
            FROM credits_grants WHERE account = %s AND status IN ('active', 'scheduled')
            ORDER BY {BURN_ORDER} LIMIT {LOTS}""",
        [name],
    ).fetchall()


def past_lots(c, name):
    return c.execute(
        f"""SELECT *, count(*) OVER () AS total
            FROM credits_grants WHERE account = %s AND status NOT IN ('active', 'scheduled')
            ORDER BY lot DESC LIMIT {PAST_LOTS}""",
        [name],
    ).fetchall()


def subscriptions(c, name):
    return c.execute(
        """SELECT s.*, p.allowance, p.per_seat, p.seat_cap, p.trial,
                  ARRAY(SELECT ARRAY[feature, units] FROM jsonb_each_text(p.included) AS i (feature, units)
                        ORDER BY feature) AS included
           FROM credits_subscriptions s JOIN credits_plans p USING (plan)
           WHERE s.account = %s ORDER BY s.plan""",
        [name],
    ).fetchall()


def open_holds(c, name):
    return c.execute(
        f"""SELECT *, count(*) OVER () AS total FROM credits_holds
            WHERE account = %s AND status = 'open' ORDER BY expires_at, entry LIMIT {HOLDS}""",
        [name],
    ).fetchall()


def alerts(c, name):
    return c.execute(
        "SELECT * FROM credits_alerts WHERE account = %s ORDER BY fired_at DESC NULLS LAST, alert", [name]
    ).fetchall()


def auto_recharge(c, name):
    return c.execute("SELECT * FROM credits_auto_recharges WHERE account = %s", [name]).fetchone()


def recharges(c, name):
    return c.execute(
        f"SELECT * FROM credits_recharges WHERE account = %s ORDER BY recharge DESC LIMIT {RECHARGES}", [name]
    ).fetchall()


def events(c, name):
    return c.execute(
        f"SELECT * FROM credits_events WHERE account = %s ORDER BY event DESC LIMIT {EVENTS}", [name]
    ).fetchall()


def available_over_cycle(c, account):
    """What was available in the running cycle: pairs of Unix time and amount, each until the next.

    A long cycle is sampled: a few hundred entries at even distances, whatever it has.
    """
    parameters = {"account": account.account, "cycle": account.cycle, "entry": account.entry}
    # Entries are numbered without gaps and cycles never fall, so the cycle's first entry is found by halving.
    first = (
        c.execute(
            """
        WITH RECURSIVE search (low, high) AS (
            SELECT 1::bigint, %(entry)s::bigint + 1
            UNION ALL
            SELECT CASE WHEN h.cycle < %(cycle)s THEN m.middle + 1 ELSE s.low END,
                   CASE WHEN h.cycle < %(cycle)s THEN s.high ELSE m.middle END
            FROM search s
            CROSS JOIN LATERAL (SELECT (s.low + s.high) / 2 AS middle) m
            CROSS JOIN LATERAL (SELECT cycle FROM credits_history
                                WHERE account = %(account)s AND entry = m.middle LIMIT 1) h
            WHERE s.low < s.high
        )
        SELECT max(low) AS entry FROM search
        """,
            parameters,
        )
        .fetchone()
        .entry
    )
    span = account.entry - first
    entries = sorted({first + span * i // CHART_POINTS for i in range(CHART_POINTS + 1)}) if span >= 0 else []
    return c.execute(
        """
        WITH beginning AS (
            SELECT greatest(cycle_start, opened_at) AS at FROM credits_accounts WHERE account = %(account)s
        )
        SELECT extract(epoch FROM at) AS at, available FROM (
            -- With all that happened at the instant at which the cycle, or the account, began.
            SELECT 0 AS entry, s.at, b.available
            FROM beginning s CROSS JOIN LATERAL credits_balance_at(%(account)s, s.at) b
            UNION ALL
            SELECT h.entry, h.effective_at, h.available
            FROM credits_history h JOIN beginning s ON h.effective_at > s.at
            WHERE h.account = %(account)s AND h.entry = ANY(%(entries)s)
            UNION ALL
            -- What time has done since the newest entry, and nobody has recorded.
            SELECT a.entry + 1, t.at, b.available
            FROM credits_accounts a
            JOIN credits_history h ON h.account = a.account AND h.entry = a.entry
            CROSS JOIN LATERAL (
                SELECT DISTINCT at FROM (
                    SELECT expires_at AS at FROM credits_grants WHERE account = %(account)s
                    UNION ALL SELECT effective_at FROM credits_grants WHERE account = %(account)s
                    UNION ALL SELECT expires_at FROM credits_holds WHERE account = %(account)s AND status = 'lapsed'
                ) every
                WHERE at > greatest(h.effective_at, a.cycle_start) AND at <= a.as_of
                ORDER BY at DESC LIMIT 50
            ) t
            CROSS JOIN LATERAL credits_balance_at(%(account)s, t.at) b
            WHERE a.account = %(account)s
        ) points
        ORDER BY at, entry
        """,
        {**parameters, "entries": entries},
    ).fetchall()


def axis(c, start, end, parts=4):
    """Labels of instants at even distances, in the account's time zone. `start` and `end` are Unix times."""
    form = "FMDD Mon" if end - start > 3 * 86400 else "HH24:MI" if end - start <= 86400 else "FMDD Mon HH24:MI"
    if end - start > 400 * 86400:
        form = "Mon YYYY"
    rows = c.execute(
        "SELECT to_char(to_timestamp(%s + (%s - %s) * n::float8 / %s), %s) AS label FROM generate_series(0, %s) n",
        [start, end, start, parts, form, parts],
    )
    return [row.label for row in rows]


def usage_by_cycle(c, name, cycle):
    return c.execute(
        """SELECT feature, operations, quantity, included, credits FROM credits_usage_by_cycle
           WHERE account = %s AND cycle = %s ORDER BY credits DESC, feature""",
        [name, cycle],
    ).fetchall()


def usage(c, name, first_day, last_day):
    """Usage of days in UTC, both included: one row in all, one per day, per feature and per actor, by `part`."""
    rows = c.execute(
        """
        SELECT CASE WHEN grouping(day) = 0 THEN 'day' WHEN grouping(feature) = 0 THEN 'feature'
                    WHEN grouping(actor) = 0 THEN 'actor' ELSE 'all' END AS part,
               day, feature, actor,
               coalesce(sum(operations), 0) AS operations, coalesce(sum(quantity), 0) AS quantity,
               coalesce(sum(credits), 0) AS credits, coalesce(sum(from_allowance), 0) AS from_allowance,
               coalesce(sum(from_credits), 0) AS from_credits
        FROM credits_usage_daily
        WHERE account = %s AND day BETWEEN %s AND %s
        GROUP BY GROUPING SETS ((day), (feature), (actor), ())
        ORDER BY day, credits DESC, feature, actor
        """,
        [name, first_day, last_day],
    ).fetchall()
    parts = {"day": [], "feature": [], "actor": [], "all": []}
    for row in rows:
        parts[row.part].append(row)
    return parts


def cycles(c, name):
    return c.execute(
        f"SELECT * FROM credits_cycles WHERE account = %s ORDER BY cycle DESC LIMIT {CYCLES}", [name]
    ).fetchall()


def history(c, name, before=None):
    """Entries, newest first, those before an entry: a page of them, and whether there are older ones."""
    rows = c.execute(
        f"""SELECT * FROM credits_history WHERE account = %s AND entry < %s
            ORDER BY entry DESC LIMIT {ENTRIES_PER_PAGE + 1}""",
        [name, 2**63 - 1 if before is None else before],
    ).fetchall()
    return rows[:ENTRIES_PER_PAGE], len(rows) > ENTRIES_PER_PAGE


def statement(c, name, month):
    """The statement of a calendar month in the account's time zone; `month` is YYYY-MM."""
    return c.execute(
        """SELECT s.* FROM (SELECT (%(month)s || '-01')::timestamp AS first) m
           CROSS JOIN LATERAL credits_statement(%(account)s, m.first::timestamptz, (m.first + interval '1 month')::timestamptz) s""",
        {"account": name, "month": month},
    ).fetchall()


def usage_csv(c, name, month):
    """The month's usage as CSV, a block of lines at a time: a cursor keeps a long one out of memory."""
    with c.cursor(name="usage_csv") as cursor:
        cursor.execute(
            """SELECT r.record FROM (SELECT (%(month)s || '-01')::timestamp AS first) m
               CROSS JOIN LATERAL credits_usage_csv(%(account)s, m.first::timestamptz,
                                                    (m.first + interval '1 month')::timestamptz) AS r (record)""",
            {"account": name, "month": month},
        )
        while rows := cursor.fetchmany(1000):
            yield "".join(row.record + "\r\n" for row in rows)
