"""Credits from Python with psycopg 3.

    python credits.py [URL]     without a URL: PGHOST, PGUSER, PGDATABASE …
"""

import sys
import time
from decimal import Decimal

import psycopg
from psycopg.rows import namedtuple_row

CONNECTION = sys.argv[1] if len(sys.argv) > 1 else ""
ATTEMPTS = 6
# Nothing was done; or, where the connection broke, nobody knows. The same call with the same key is right for both.
AGAIN = {"40001", "40P01", "55P03", "57P01", "57P02", "57P03"}


def worth_another_attempt(error):
    if error.sqlstate is None:
        # The driver itself lost the connection. Other errors without a SQLSTATE are mistakes in this program.
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate in AGAIN or error.sqlstate.startswith("08")


def transaction(work):
    """Runs `work` in a transaction, as a whole and from its start as often as it takes."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            # A new connection each time keeps this short. Where there is a pool, take one of its connections.
            with psycopg.connect(CONNECTION, row_factory=namedtuple_row) as connection:
                result = work(connection)
            # Leaving the block is the COMMIT, which can fail, too. Only now it is done.
            return result
        except psycopg.Error as error:
            if attempt == ATTEMPTS or not worth_another_attempt(error):
                raise
            print(f"attempt {attempt}: {error.sqlstate or 'connection lost'}", file=sys.stderr)
            time.sleep(0.05 * 2**attempt)


def open_account(account):
    sql = "SELECT account, status FROM credits_open_account(account => %s)"
    return transaction(lambda connection: connection.execute(sql, [account]).fetchone())


def grant(account, amount, key):
    sql = """SELECT amount, balance, replayed
             FROM credits_grant(account => %s, amount => %s, idempotency_key => %s)"""
    return transaction(lambda connection: connection.execute(sql, [account, amount, key]).fetchone())


def run_job(job, account, amount):
    """Notes a job and takes its credits. The job's own name is the key: it is known before the first attempt."""

    def work(connection):
        # A repeated transaction may find the job that it has committed before.
        connection.execute(
            "INSERT INTO jobs (job, account, credits) VALUES (%s, %s, %s) ON CONFLICT (job) DO NOTHING",
            [job, account, amount],
        )
        # Last, because it locks the account until the COMMIT.
        return connection.execute(
            """SELECT amount, balance, replayed
               FROM credits_debit(account => %s, amount => %s, idempotency_key => %s, feature => 'render')""",
            [account, amount, job],
        ).fetchone()

    return transaction(work)


def history(account):
    sql = "SELECT entry, operation, amount, balance FROM credits_history WHERE account = %s ORDER BY entry"
    return transaction(lambda connection: connection.execute(sql, [account]).fetchall())


def figures(error):
    """DETAIL as a dictionary: its figures are `name=value` pairs."""
    return dict(pair.split("=", 1) for pair in (error.diag.message_detail or "").split())


def show(key, done, receipt):
    print(f"{key}: {done} {receipt.amount}, balance {receipt.balance}" + (", replayed" if receipt.replayed else ""))


def main():
    account = open_account("acme")
    print(f"{account.account}: {account.status}")
    # Decimal, int or str, and never float: amounts are exact.
    show("order-1", "granted", grant("acme", Decimal("100"), "order-1"))

    # The second time stands for a caller who never saw the first answer. Nothing is taken twice.
    for _ in range(2):
        show("job-1", "debited", run_job("job-1", "acme", Decimal("12.345678")))

    try:
        run_job("job-2", "acme", Decimal("500"))
    except psycopg.Error as error:
        if error.sqlstate != "LC001":
            raise
        missing = Decimal(figures(error)["shortfall"])
        print(f"job-2: {error.sqlstate}, {missing} credits are missing")

    for entry in history("acme"):
        print(f"{entry.entry} {entry.operation} {entry.amount}, balance {entry.balance}")
    # job-2 was refused, and its row went with it.
    jobs = transaction(lambda connection: connection.execute("SELECT job FROM jobs ORDER BY job").fetchall())
    print("jobs:", ", ".join(row.job for row in jobs))
    balance = transaction(lambda c: c.execute("SELECT available FROM credits_balance(%s)", ["acme"]).fetchone())
    print("available:", balance.available)


if __name__ == "__main__":
    main()
