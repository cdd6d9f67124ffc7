"""Credits from Python with SQLAlchemy 2: the job is an ORM object, the ledger is called in the same session.

    python credits.py [URL]     without a URL: PGHOST, PGUSER, PGDATABASE …
"""

import sys
import time
from decimal import Decimal

from sqlalchemy import create_engine, make_url, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

url = make_url(sys.argv[1] if len(sys.argv) > 1 else "postgresql://")
# A connection that was lost while it lay in the pool is an error like any other: the next attempt has a new one.
sessions = sessionmaker(create_engine(url.set(drivername="postgresql+psycopg")))

ATTEMPTS = 6
# Nothing was done; or, where the connection broke, nobody knows. The same call with the same key is right for both.
AGAIN = {"40001", "40P01", "55P03", "57P01", "57P02", "57P03"}


class Base(DeclarativeBase):
    pass


class Job(Base):
    __tablename__ = "jobs"
    job: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str]
    credits: Mapped[Decimal]


def worth_another_attempt(error):
    state = sqlstate(error)
    if state is None:
        # The driver itself lost the connection. Other errors without a SQLSTATE are mistakes in this program.
        return isinstance(error, OperationalError)
    return state in AGAIN or state.startswith("08")


def sqlstate(error):
    """SQLAlchemy wraps the driver's error, which knows it."""
    return error.orig.sqlstate


def transaction(work):
    """Runs `work` in a transaction, as a whole and from its start as often as it takes."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with sessions.begin() as session:
                result = work(session)
            # Leaving the block is the COMMIT, which can fail, too. Only now it is done.
            return result
        except DBAPIError as error:
            if attempt == ATTEMPTS or not worth_another_attempt(error):
                raise
            print(f"attempt {attempt}: {sqlstate(error) or 'connection lost'}", file=sys.stderr)
            time.sleep(0.05 * 2**attempt)


def open_account(account):
    sql = text("SELECT account, status FROM credits_open_account(account => :account)")
    return transaction(lambda session: session.execute(sql, {"account": account}).one())


def grant(account, amount, key):
    sql = text(
        """SELECT amount, balance, replayed
           FROM credits_grant(account => :account, amount => :amount, idempotency_key => :key)"""
    )
    return transaction(lambda session: session.execute(sql, {"account": account, "amount": amount, "key": key}).one())


def run_job(job, account, amount):
    """Notes a job and takes its credits. The job's own name is the key: it is known before the first attempt."""
    # A repeated transaction may find the job that it has committed before.
    noted = insert(Job).values(job=job, account=account, credits=amount).on_conflict_do_nothing()
    debited = text(
        """SELECT amount, balance, replayed
           FROM credits_debit(account => :account, amount => :amount, idempotency_key => :job, feature => 'render')"""
    )

    def work(session):
        session.execute(noted)
        # Last, because it locks the account until the COMMIT.
        return session.execute(debited, {"account": account, "amount": amount, "job": job}).one()

    return transaction(work)


def history(account):
    sql = text("SELECT entry, operation, amount, balance FROM credits_history WHERE account = :account ORDER BY entry")
    return transaction(lambda session: session.execute(sql, {"account": account}).all())


def figures(error):
    """DETAIL as a dictionary: its figures are `name=value` pairs."""
    return dict(pair.split("=", 1) for pair in (error.orig.diag.message_detail or "").split())


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
    except DBAPIError as error:
        if sqlstate(error) != "LC001":
            raise
        missing = Decimal(figures(error)["shortfall"])
        print(f"job-2: {sqlstate(error)}, {missing} credits are missing")

    for entry in history("acme"):
        print(f"{entry.entry} {entry.operation} {entry.amount}, balance {entry.balance}")
    # job-2 was refused, and its row went with it.
    print("jobs:", ", ".join(transaction(lambda session: session.scalars(select(Job.job).order_by(Job.job)).all())))
    available = text("SELECT available FROM credits_balance(:account)")
    print("available:", transaction(lambda session: session.scalar(available, {"account": "acme"})))


if __name__ == "__main__":
    main()
