#!/usr/bin/env python3
"""A small stateful stand-in for the part of Stripe's API that recharge_worker.py uses, for tests and for trying it out.

It keeps customers, their cards and payments in memory, answers a repeated Idempotency-Key with the first answer, and
declines by the card's number as Stripe's test mode does. What a test needs beside that is under /_fake/:

  POST /_fake/cards?number=4242424242424242   a new customer with this card; answers "cus_…/pm_…"
  GET  /_fake/payments                        one line each: id, status, amount, currency, idempotency key
  POST /_fake/settle?payment=pi_…&outcome=succeeded
  POST /_fake/faults?kind=…&times=1&pid=…     what happens to the next attempts to pay: see FAULTS
  GET  /_fake/attempts                        how many attempts to pay there have been, replays included

usage: fake_stripe.py [port]                  prints "listening on <port>"
"""

import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlsplit

# card number: (code, decline_code, message)
DECLINES = {
    "4000000000000341": ("card_declined", "generic_decline", "Your card was declined."),
    "4000000000009995": ("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    "4000000000000069": ("expired_card", None, "Your card has expired."),
    "4000002500003155": (
        "authentication_required",
        "authentication_required",
        "Your card was declined. This transaction requires authentication.",
    ),
}
# A payment with it stays in processing until /_fake/settle, as a bank debit does.
SLOW = "000123456789"

FAULTS = {
    "rate_limit": "answers 429 and does nothing",
    "outage": "answers 500 and does nothing",
    "lost_response": "takes the money and breaks the connection",
    "kill_before": "kills the process pid and does nothing",
    "kill_after": "takes the money and kills the process pid",
}

PARAMETERS = {"amount", "currency", "customer", "payment_method", "off_session", "confirm", "description", "metadata"}


class Stripe:
    """What the stand-in remembers."""

    def __init__(self):
        self.lock = threading.Lock()
        self.cards = {}
        self.payments = []
        self.answers = {}
        self.faults = []
        self.attempts = 0
        self.made = 0

    def new_id(self, prefix):
        self.made += 1
        return f"{prefix}_{self.made:06d}"

    def add_card(self, number):
        with self.lock:
            card = {"id": self.new_id("pm"), "customer": self.new_id("cus"), "number": number}
            self.cards[card["id"]] = card
            return f"{card['customer']}/{card['id']}"

    def next_fault(self):
        with self.lock:
            self.attempts += 1
            return self.faults.pop(0) if self.faults else (None, None)

    def pay(self, params, key):
        """(status, answer) of POST /v1/payment_intents; the first answer again for a key that was used before."""
        with self.lock:
            if key in self.answers:
                first, status, answer = self.answers[key]
                if first != params:
                    return 400, error("idempotency_error", "This key was first used with other parameters.")
                return status, answer
            status, answer = self.pay_once(params, key)
            # What was refused for its form may be sent again with this key.
            if key and status != 400:
                self.answers[key] = (params, status, answer)
            return status, answer

    def pay_once(self, params, key):
        unknown = {name.split("[")[0] for name in params} - PARAMETERS
        if unknown:
            return 400, invalid(f"Received unknown parameter: {unknown.pop()}", "parameter_unknown")
        for name in ("amount", "currency"):
            if name not in params:
                return 400, invalid(f"Missing required param: {name}.", "parameter_missing")
        if not params["amount"].isdigit():
            return 400, invalid(f"Invalid integer: {params['amount']}", "parameter_invalid_integer")
        if int(params["amount"]) < 50:
            return 400, invalid("Amount must be no less than 50 of the smallest unit", "amount_too_small")
        if (params.get("off_session"), params.get("confirm")) != ("true", "true"):
            return 400, invalid("Only payments off_session and confirmed are implemented", "not_implemented")
        card = self.cards.get(params.get("payment_method"))
        if card is None:
            return 400, invalid(f"No such PaymentMethod: '{params.get('payment_method')}'", "resource_missing")
        if card["customer"] != params.get("customer"):
            return 400, invalid("The customer has no such payment method.", "payment_method_unexpected_state")
        payment = {
            "id": self.new_id("pi"),
            "object": "payment_intent",
            "amount": int(params["amount"]),
            "currency": params["currency"],
            "customer": params["customer"],
            "payment_method": card["id"],
            "metadata": {name[9:-1]: value for name, value in params.items() if name.startswith("metadata[")},
            "status": "succeeded",
            "last_payment_error": None,
            "key": key,
        }
        self.payments.append(payment)
        if card["number"] in DECLINES:
            return 402, {"error": self.decline(payment, *DECLINES[card["number"]])}
        if card["number"] == SLOW:
            payment["status"] = "processing"
        return 200, dict(payment)

    @staticmethod
    def decline(payment, code, decline_code, message):
        problem = {"type": "card_error", "code": code, "decline_code": decline_code, "message": message}
        payment["status"] = "requires_payment_method"
        payment["last_payment_error"] = problem
        return {**problem, "payment_intent": dict(payment)}

    def settle(self, payment_id, outcome):
        with self.lock:
            payment = next(payment for payment in self.payments if payment["id"] == payment_id)
            if outcome == "succeeded":
                payment["status"] = outcome
            else:
                self.decline(payment, "payment_intent_payment_attempt_failed", None, "The bank returned the debit.")

    def list(self, customer, limit, after):
        with self.lock:
            payments = [dict(payment) for payment in reversed(self.payments) if payment["customer"] == customer]
        if after:
            places = [place for place, payment in enumerate(payments) if payment["id"] == after]
            payments = payments[places[0] + 1 :]
        return {
            "object": "list",
            "url": "/v1/payment_intents",
            "data": payments[:limit],
            "has_more": len(payments) > limit,
        }


def error(kind, message, code=None):
    return {"error": {"type": kind, "message": message, "code": code}}


def invalid(message, code):
    return error("invalid_request_error", message, code)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stripe = Stripe()

    def do_GET(self):
        self.route("GET")

    def do_POST(self):
        self.route("POST")

    def route(self, method):
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if url.path.startswith("/_fake/"):
            return self.control(method, url.path.removeprefix("/_fake/"), query)
        if not (self.headers.get("Authorization") or "").startswith("Bearer sk_test_"):
            return self.answer(401, invalid("Invalid API Key provided", None))
        if (method, url.path) == ("POST", "/v1/payment_intents"):
            return self.pay(dict(parse_qsl(body, keep_blank_values=True)))
        if (method, url.path) == ("GET", "/v1/payment_intents"):
            limit = int(query.get("limit", 10))
            return self.answer(200, self.stripe.list(query["customer"], limit, query.get("starting_after")))
        return self.answer(404, invalid(f"Unrecognized request URL ({method}: {url.path})", None))

    def pay(self, params):
        fault, pid = self.stripe.next_fault()
        if fault == "rate_limit":
            return self.answer(429, error("rate_limit_error", "Too many requests", "rate_limit"))
        if fault == "outage":
            return self.answer(500, error("api_error", "Something went wrong"))
        if fault == "kill_before":
            os.kill(pid, signal.SIGKILL)
        status, answer = (None, None) if fault == "kill_before" else self.stripe.pay(
            params, self.headers.get("Idempotency-Key")
        )
        if fault == "kill_after":
            os.kill(pid, signal.SIGKILL)
        if fault in ("kill_before", "kill_after", "lost_response"):
            self.close_connection = True
            return None
        return self.answer(status, answer)

    def control(self, method, what, query):
        stripe = self.stripe
        if (method, what) == ("POST", "cards"):
            return self.answer(200, stripe.add_card(query["number"]))
        if (method, what) == ("POST", "faults"):
            assert query["kind"] in FAULTS, query
            fault = (query["kind"], int(query.get("pid", 0)))
            with stripe.lock:
                stripe.faults.extend([fault] * int(query.get("times", 1)))
            return self.answer(200, "")
        if (method, what) == ("POST", "settle"):
            stripe.settle(query["payment"], query["outcome"])
            return self.answer(200, "")
        if (method, what) == ("GET", "attempts"):
            return self.answer(200, str(stripe.attempts))
        if (method, what) == ("GET", "payments"):
            with stripe.lock:
                lines = ["{id} {status} {amount} {currency} {key}\n".format(**payment) for payment in stripe.payments]
            return self.answer(200, "".join(lines))
        return self.answer(404, "")

    def answer(self, status, content):
        text = content if isinstance(content, str) else json.dumps(content)
        kind = "text/plain" if isinstance(content, str) else "application/json"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    # A client that was killed leaves its connection behind.
    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


if __name__ == "__main__":
    server = Server(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), Handler)
    print(f"listening on {server.server_address[1]}", flush=True)
    server.serve_forever()
