#!/usr/bin/env python3
"""A dashboard of a credits ledger: pages for people who answer customers, rendered on the server.

It only reads, and has no login of its own: see README.md for where it belongs and how it is set.
"""

import os
import re
import signal
import sys
from datetime import date, timedelta
from decimal import Decimal

import psycopg
import psycopg_pool
import waitress
from flask import Flask, Response, abort, render_template, request
from jinja2 import StrictUndefined
from markupsafe import Markup, escape
from werkzeug.exceptions import HTTPException, SecurityError

import charts
import ledger as ask
from ledger import Ledger

HEADERS = {
    # Nothing but the page, its style sheet and its icon: what a hostile name might smuggle in has nowhere to run.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Addresses hold account names.
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
PERIODS = {"7d": "7 days", "30d": "30 days", "90d": "90 days", "month": "This month", "last-month": "Last month"}
LONGEST_PERIOD = timedelta(days=366)
ROWS = 50


def create_app(ledger, hosts=()):
    app = Flask(__name__)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(amount=amount, share=charts.share)
    app.jinja_env.globals.update(PERIODS=PERIODS, WIDTH=charts.WIDTH, HEIGHT=charts.HEIGHT)
    # A page of somebody else's, under a name that leads to this machine, reads nothing here.
    app.config["TRUSTED_HOSTS"] = ["localhost", "127.0.0.1", "[::1]", *hosts]

    @app.after_request
    def headers(response):
        response.headers.update(HEADERS)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    @app.get("/")
    def accounts():
        search = request.args.get("q", "").strip()
        after, before = request.args.get("after"), request.args.get("before")
        if any("\0" in (text or "") for text in (search, after, before)):
            abort(400, "A name has no NUL in it.")
        with ledger.reading() as c:
            rows, previous, following = ask.accounts(c, search, after, before)
        return render_template("accounts.html", rows=rows, search=search, previous=previous, following=following)

    @app.get("/account")
    def account():
        with ledger.reading() as c:
            a = the_account(c)
            forecast = ask.forecast(c, a.account)
            lots = ask.lots(c, a.account)
            spendable = [lot for lot in lots if lot.status == "active" and lot.remaining > 0]
            used = ask.usage_by_cycle(c, a.account, a.cycle)
            return render_template(
                "account.html",
                page="account",
                a=a,
                forecast=forecast,
                burn_down=burn_down(c, a, forecast),
                lots=lots,
                stack=list(zip(spendable, charts.stack([lot.remaining for lot in spendable]), strict=True)),
                past_lots=ask.past_lots(c, a.account),
                subscriptions=ask.subscriptions(c, a.account),
                holds=ask.open_holds(c, a.account),
                features=short(used),
                largest=largest(used),
            )

    @app.get("/usage")
    def usage():
        with ledger.reading() as c:
            a = the_account(c)
            period, first, last = chosen_period(a.today)
            parts = ask.usage(c, a.account, first, last)
            used = {row.day: row.credits for row in parts["day"]}
            days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
            return render_template(
                "usage.html",
                page="usage",
                a=a,
                period=period,
                first=first,
                last=last,
                total=parts["all"][0],
                features=short(parts["feature"]),
                actors=short(parts["actor"]),
                largest_feature=largest(parts["feature"]),
                largest_actor=largest(parts["actor"]),
                days=days,
                by_day=used,
                columns=charts.columns([used.get(day, Decimal(0)) for day in days]),
                cycles=ask.cycles(c, a.account),
            )

    @app.get("/history")
    def history():
        before = request.args.get("before")
        if before is not None and not re.fullmatch(r"[0-9]{1,18}", before):
            abort(400, "`before` is the number of an entry.")
        with ledger.reading() as c:
            a = the_account(c)
            rows, older = ask.history(c, a.account, None if before is None else int(before))
            newer = None
            if before is not None and rows and rows[0].entry < a.entry:
                newer = rows[0].entry + ask.ENTRIES_PER_PAGE + 1
            return render_template(
                "history.html", page="history", a=a, rows=rows, newer=newer, older=rows[-1].entry if older else None
            )

    @app.get("/alerts")
    def alerts():
        with ledger.reading() as c:
            a = the_account(c)
            return render_template(
                "alerts.html",
                page="alerts",
                a=a,
                alerts=ask.alerts(c, a.account),
                recharge=ask.auto_recharge(c, a.account),
                requests=ask.recharges(c, a.account),
                events=ask.events(c, a.account),
            )

    @app.get("/statement")
    def statement():
        with ledger.reading() as c:
            a = the_account(c)
            month = chosen_month(a.month)
            opening, *movements, closing = ask.statement(c, a.account, month)
            return render_template(
                "statement.html",
                page="statement",
                a=a,
                month=month,
                previous=other_month(month, -1),
                following=other_month(month, 1),
                opening=opening,
                movements=movements,
                closing=closing,
            )

    @app.get("/usage.csv")
    def usage_csv():
        def blocks():
            with ledger.reading() as c:
                a = the_account(c)
                month = chosen_month(a.month)
                yield month
                yield from ask.usage_csv(c, a.account, month)

        # The first lines come before the response begins: what is wrong with the request, or with the database, has a
        # page of its own.
        rest = blocks()
        month, first = next(rest), next(rest)

        def body():
            yield first
            yield from rest

        response = Response(body(), content_type="text/csv; charset=utf-8; header=present")
        response.headers["Content-Disposition"] = f'attachment; filename="usage-{month}.csv"'
        response.call_on_close(rest.close)
        return response

    @app.errorhandler(SecurityError)
    def not_this_host(error):
        return Response("This is not a name of the dashboard: see DASHBOARD_HOSTS.\n", 400, content_type="text/plain")

    @app.errorhandler(HTTPException)
    def refused(error):
        return failure(error.code or 500, error.name, error.description or "")

    @app.errorhandler(psycopg.errors.QueryCanceled)
    def too_slow(error):
        app.logger.warning("%s: %s", request.path, error)
        return failure(
            503, "The database is busy", "It took too long to answer. Try again, or choose a shorter period."
        )

    @app.errorhandler(psycopg.OperationalError)
    @app.errorhandler(psycopg_pool.PoolTimeout)
    def database_down(error):
        app.logger.error("%s: %s", request.path, error)
        return failure(
            503, "The database cannot be reached", "Nothing is wrong with the account. Try again in a minute."
        )

    @app.errorhandler(Exception)
    def unforeseen(error):
        app.logger.exception("%s", request.path)
        return failure(500, "Something went wrong", "The dashboard's log says what.")

    def failure(code, title, text):
        response = Response(render_template("error.html", code=code, title=title, text=text), code)
        if code == 503:
            response.headers["Retry-After"] = "30"
        return response

    return app


def the_account(c):
    """The account that the address names, in `name`: a parameter, for a name may hold slashes and anything else."""
    name = request.args.get("name", "")
    known = ask.account(c, name) if name and "\0" not in name else None
    if known is None:
        abort(404, f"There is no account “{name}”." if name else "The address names no account.")
    return known


def burn_down(c, a, forecast):
    """The chart of the running cycle; None where it has not got a length yet, or the account is closed."""
    seconds = c.execute(
        "SELECT extract(epoch FROM %s::timestamptz) AS start, extract(epoch FROM %s::timestamptz) AS end, "
        "extract(epoch FROM %s::timestamptz) AS now, extract(epoch FROM %s::timestamptz) AS runs_out",
        [*(instant and instant.text for instant in (a.cycle_start, a.cycle_end, a.as_of, forecast.runs_out_at))],
    ).fetchone()
    start, now = seconds.start, seconds.now
    # A cycle that somebody closes by hand has no end: as much again as has passed is a horizon as good as any.
    end = seconds.end if seconds.end is not None else now + max((now - start) / 2, Decimal(3600))
    if a.status == "closed" or end <= start or now < start:
        return None
    points = ask.available_over_cycle(c, a)
    chart = charts.burn_down(points, now, start, end, a.available, seconds.runs_out, forecast.burn_per_day)
    return {**chart, "axis": ask.axis(c, start, end)}


def chosen_period(today):
    """The period that the address asks for: its name, first and last day."""
    period = request.args.get("period", "30d")
    if period == "custom":
        try:
            first, last = (date.fromisoformat(request.args.get(end, "")) for end in ("from", "to"))
        except ValueError:
            abort(400, "A period goes from a day to a day, both as YYYY-MM-DD.")
        if first > last or last - first >= LONGEST_PERIOD:
            abort(400, "A period goes from a day to a later one, at most 366 days.")
        return period, first, last
    if period not in PERIODS:
        abort(400, "There is no such period.")
    if period == "month":
        return period, today.replace(day=1), today
    if period == "last-month":
        last = today.replace(day=1) - timedelta(days=1)
        return period, last.replace(day=1), last
    return period, today - timedelta(days=int(period[:-1]) - 1), today


def chosen_month(default):
    month = request.args.get("month") or default
    if not re.fullmatch(r"[1-9][0-9]{3}-(0[1-9]|1[0-2])", month):
        abort(400, "A month is written as YYYY-MM.")
    return month


def other_month(month, step):
    year, number = map(int, month.split("-"))
    year, number = divmod(year * 12 + number - 1 + step, 12)
    return f"{year:04}-{number + 1:02}" if 1000 <= year <= 9999 else None


def short(rows):
    """The first rows, and the sums of the others where there are more."""
    rest = rows[ROWS:]
    columns = ("operations", "quantity", "credits")
    return rows[:ROWS], {name: sum(getattr(row, name) for row in rest) for name in columns} | {"rows": len(rest)}


def largest(rows):
    return max((row.credits for row in rows), default=Decimal(0))


def amount(value):
    """An amount, digit by digit as the ledger has it, without zeros at its end.

    Thousands are set apart by the style sheet alone, so that what is copied or read aloud is the bare number.
    """
    if value is None:
        return Markup('<span class="none">–</span>')
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    sign, digits, fraction = re.fullmatch(r"(-?)(\d+)(\.\d+)?", text).groups()
    first = len(digits) % 3 or 3
    groups = [digits[place : place + 3] for place in range(first, len(digits), 3)]
    parts = escape(sign + digits[:first]) + Markup("").join(Markup("<i>{}</i>").format(group) for group in groups)
    return Markup('<span class="amount">{}</span>').format(parts + escape(fraction or ""))


def main():
    conninfo = os.environ.get("DATABASE_URL", "")
    host, _, port = os.environ.get("DASHBOARD_BIND", "127.0.0.1:8080").rpartition(":")
    hosts = [name.strip() for name in os.environ.get("DASHBOARD_HOSTS", "").split(",") if name.strip()]
    try:
        psycopg.conninfo.conninfo_to_dict(conninfo)
        timeouts = [
            float(os.environ.get(name, default))
            for name, default in (("DASHBOARD_STATEMENT_TIMEOUT", "5"), ("DASHBOARD_CONNECT_TIMEOUT", "3"))
        ]
        if not (all(0.1 <= timeout <= 3600 for timeout in timeouts) and 0 <= int(port) <= 65535 and host):
            raise ValueError("DASHBOARD_BIND is host:port, a timeout is a number of seconds")
    except (ValueError, psycopg.ProgrammingError) as error:
        print(f"dashboard: {error}".strip(), file=sys.stderr)
        sys.exit(78)
    ledger = Ledger(conninfo, *timeouts)
    server = waitress.create_server(
        create_app(ledger, hosts), host=host.strip("[]"), port=int(port), threads=4, ident=None
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"Listening on http://{host}:{server.effective_port}", flush=True)
    server.run()


if __name__ == "__main__":
    main()
