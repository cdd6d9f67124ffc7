"""Requests to a language model, each paid for by the tokens that it really used.

Whenever and however a process ends, the next one finishes what it began, and nothing is paid for twice. What has to
be known for that stands in the table `requests` before it is acted upon, and every key is made of the request's id.
"""

import argparse
import os
import sys
import time
from decimal import Decimal

from ledger import Database, Refused
from model import BrokenOff, NotStarted, stream

FEATURE = "chat-large"
HOLD_FOR = "10 minutes"
EXTEND_EVERY = 300  # seconds: half of it
NOTE_EVERY = 50  # tokens

# Which states a state may follow. A note that was sent again and comes late changes nothing.
MAY_FOLLOW = {
    "new": ["new"],
    "streaming": ["new", "streaming"],
    "answered": ["streaming", "answered"],
    "paid": ["answered", "paid"],
    "refused": ["new", "refused"],
    "failing": ["new", "failing"],
    "failed": ["failing", "failed"],
}


class Overtaken(Exception):
    """Another process has taken the request over, and will finish it."""


class Request:
    """A row of `requests` that this process has taken over."""

    def __init__(self, database, request):
        self.database = database
        self.row = database.call(
            "UPDATE requests SET attempt = attempt + 1 WHERE request = %s RETURNING *", (request,)
        )
        if self.row is None:
            raise LookupError(f"there is no request {request}")
        self.extensions = 0

    def finish(self, model, deliver):
        """Brings the request to its end, from wherever an earlier process left it."""
        if self.row["state"] == "new":
            if self.hold():
                self.ask(model, deliver)
        elif self.row["state"] == "streaming":
            # The process that listened is gone. What it had noted was used.
            self.note("answered", reason="the process ended")
        if self.row["state"] == "answered":
            self.capture()
        elif self.row["state"] == "failing":
            self.release()

    def hold(self):
        """Holds the most that the request may cost, and says whether it may be sent."""
        if self.row["most"] is None:
            units = units_of(self.row["prompt_tokens"], self.row["max_tokens"])
            quote = self.database.call(
                "SELECT credits_quote(%s, %s, %s) AS most", (self.row["account"], FEATURE, units)
            )
            # Before the hold: prices change, and the same key must ask for the same amount.
            self.note("new", most=quote["most"])
        if self.row["most"] == 0:
            return True  # Included units cover it. There is nothing to hold.
        receipt = self.database.call(
            "SELECT * FROM credits_hold(account => %(account)s, amount => %(most)s, idempotency_key => %(request)s,"
            " expires_in => %(hold_for)s, feature => %(feature)s, actor => %(person)s, resource => %(request)s,"
            " on_insufficient => 'refuse')",
            {**self.row, "hold_for": HOLD_FOR, "feature": FEATURE},
        )
        if not receipt["accepted"]:
            self.note("refused", reason=receipt["refused"])
            return False
        # A receipt that is replayed tells of a hold that was made, not of one that is still there.
        if receipt["replayed"] and not self.extend():
            self.note("failing", reason="the hold has lapsed")
            return False
        return True

    def ask(self, model, deliver):
        """Streams the answer, and notes what is used as it goes."""
        answer, units, reason = "", None, None
        note_at, extend_at = 0, time.monotonic() + EXTEND_EVERY
        try:
            for piece in stream(model, self.row["prompt"], self.row["max_tokens"]):
                deliver(piece.text)
                answer += piece.text
                units = units_of(piece.prompt_tokens, piece.completion_tokens)
                if piece.completion_tokens >= note_at:
                    self.note("streaming", units=units, answer=answer)
                    note_at = piece.completion_tokens + NOTE_EVERY
                if time.monotonic() >= extend_at and self.row["most"] > 0:
                    self.extend()
                    extend_at = time.monotonic() + EXTEND_EVERY
        except NotStarted as error:
            self.note("failing", reason=str(error))
            return
        except BrokenOff as error:
            reason = str(error)
        # Before the capture: who repeats it must capture the same, and the model is not asked again.
        self.note("answered", units=units, answer=answer, reason=reason)

    def extend(self):
        """Puts off when the hold lapses; says no where it has lapsed. To capture it is possible all the same."""
        self.extensions += 1
        key = f"{self.row['request']} at {self.row['attempt']}.{self.extensions}"
        try:
            self.database.call(
                "SELECT * FROM credits_extend_hold(%s, %s, %s, %s)",
                (self.row["account"], self.row["request"], key, HOLD_FOR),
            )
        except Refused as refused:
            if refused.code == "LC007":
                return False
            raise
        return True

    def capture(self):
        """Pays for what was used. What was held and not used goes back."""
        if self.row["most"] > 0:
            call = (
                "SELECT * FROM credits_capture(account => %(account)s, hold_key => %(request)s,"
                " idempotency_key => %(key)s, quantity => %(units)s)"
            )
        else:
            call = (
                "SELECT * FROM credits_charge(account => %(account)s, feature => %(feature)s, quantity => %(units)s,"
                " idempotency_key => %(key)s, actor => %(person)s, resource => %(request)s,"
                " on_insufficient => 'allow')"
            )
        key = self.row["request"] + " done"
        receipt = self.database.call(call, {**self.row, "key": key, "feature": FEATURE})
        self.note("paid", charged=receipt["amount"])

    def release(self):
        """Gives back what is held. Where the hold has lapsed, nothing is, and the ledger says that it is so."""
        if self.row["most"] > 0:
            self.database.call(
                "SELECT * FROM credits_release(%s, %s, %s)",
                (self.row["account"], self.row["request"], self.row["request"] + " failed"),
            )
        self.note("failed")

    def note(self, state, **figures):
        """Notes how far the request has come, and commits it, unless another process has taken it over."""
        columns = "".join(f", {column} = %({column})s" for column in figures)
        row = self.database.call(
            f"UPDATE requests SET state = %(state)s{columns}"
            " WHERE request = %(request)s AND attempt = %(attempt)s AND state = ANY(%(before)s) RETURNING *",
            {**figures, "state": state, "before": MAY_FOLLOW[state],
             "request": self.row["request"], "attempt": self.row["attempt"]},
        )
        if row is None:
            raise Overtaken(f"another process has taken over {self.row['request']}")
        self.row = row


def units_of(prompt_tokens, completion_tokens):
    """Units of the feature, exactly: an input token counts as a quarter of an output token."""
    return prompt_tokens / Decimal(4) + completion_tokens


def add(database, arguments):
    # A token is at least one byte. Who has the model's tokenizer counts better, and holds less.
    prompt_tokens = len(arguments.prompt.encode())
    database.call(
        "INSERT INTO requests (request, account, person, prompt, prompt_tokens, max_tokens)"
        " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING request",
        (arguments.request, arguments.account, arguments.person, arguments.prompt, prompt_tokens, arguments.max_tokens),
    )
    return 0


def work(database, arguments):
    """Brings the requests named, or else all that are unfinished, to their ends, one after the other."""
    unfinished = database.call(
        "SELECT coalesce(array_agg(request ORDER BY request), '{}') AS requests FROM requests"
        " WHERE state IN ('new', 'streaming', 'answered', 'failing')"
    )["requests"]
    failed = 0
    for request in arguments.request or unfinished:
        try:
            taken = Request(database, request)
            taken.finish(arguments.model, deliver=lambda text: print(text, end="", flush=True))
            row = taken.row
            print(f"\n{request} {row['state']}, charged {row['charged'] or 0}, {row['reason'] or 'complete'}")
        except (Overtaken, Refused, LookupError) as problem:
            print(f"\n{request}: {problem}", file=sys.stderr)
            failed = 1
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", default="", help="connection string; default: PGHOST, PGDATABASE …")
    parser.add_argument(
        "--model", default=os.environ.get("LLM_URL", "http://127.0.0.1:8089/v1/chat/completions"), help="URL"
    )
    commands = parser.add_subparsers(required=True)
    adding = commands.add_parser("add", help="add a request")
    for name in ("request", "account", "person", "prompt"):
        adding.add_argument(name)
    adding.add_argument("--max-tokens", type=int, default=400)
    adding.set_defaults(run=add)
    working = commands.add_parser("work", help="finish requests")
    working.add_argument("request", nargs="*")
    working.set_defaults(run=work)
    arguments = parser.parse_args()
    return arguments.run(Database(arguments.database), arguments)


if __name__ == "__main__":
    sys.exit(main())
