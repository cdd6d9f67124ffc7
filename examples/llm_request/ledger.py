"""Statements that are repeated until it is clear what became of them."""

import random
import time

import psycopg
from psycopg.rows import dict_row

# The statement had no effect, or its answer got lost: send it again, with the same key.
RETRY = {"40001", "40P01", "53300", "57P01", "57P02", "57P03"}


class Refused(Exception):
    """The ledger refused: `code` is the SQLSTATE, `figures` what it said in DETAIL."""

    def __init__(self, error):
        super().__init__(f"{error.sqlstate}: {error.diag.message_primary}")
        self.code = error.sqlstate
        pairs = (error.diag.message_detail or "").split()
        self.figures = dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def is_worth_a_retry(error):
    state = error.sqlstate
    if state is None:
        # The connection broke on the client's side. Other errors without a SQLSTATE are mistakes in this program.
        return isinstance(error, psycopg.OperationalError)
    return state in RETRY or state.startswith("08")


class Database:
    """One connection, made anew when it breaks. Each statement is a transaction of its own.

    So nothing is open in the database while a model streams its answer: an open transaction would keep the account
    locked for everyone else.
    """

    def __init__(self, conninfo):
        self._conninfo = conninfo
        self._connection = None

    def call(self, sql, values=(), attempts=8):
        """Makes one call until it is clear what became of it, and returns its row, or None where there is none.

        Where an answer got lost, the statement may have been carried out, and is sent again: it has to be one for
        which that is harmless. A call of the ledger with the same key is, and so is an UPDATE that says the same.
        """
        for attempt in range(attempts):
            try:
                return self._connected().execute(sql, values).fetchone()
            except psycopg.Error as error:
                if (error.sqlstate or "").startswith("LC"):
                    raise Refused(error) from error
                if not is_worth_a_retry(error) or attempt + 1 == attempts:
                    raise
                if error.sqlstate not in ("40001", "40P01"):
                    self._disconnect()
                # Random, so that those who were in each other's way do not meet again.
                time.sleep(random.uniform(0, min(0.1 * 2**attempt, 5)))

    def _connected(self):
        if self._connection is None:
            # No prepared statements: a pooler in transaction mode may stand in between.
            self._connection = psycopg.connect(
                self._conninfo, autocommit=True, row_factory=dict_row, prepare_threshold=None, connect_timeout=10
            )
        return self._connection

    def _disconnect(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None
