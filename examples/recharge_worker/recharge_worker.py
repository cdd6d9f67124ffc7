#!/usr/bin/env python3
"""Charges saved payment methods for the recharge requests of a credits_ledger, with Stripe.

The ledger writes a request when an account falls past its threshold. This service claims one request at a time,
charges the customer, and reports what came of it. It can be killed at any instant, and any number of it can run at
once: a claim that is not finished comes back after its lease, with the same payment idempotency key, and Stripe answers
a key that it knows with the payment that it has made. See README.md.
"""

import itertools
import logging
import os
import select
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from decimal import Decimal

import psycopg
import psycopg.rows
import stripe

log = logging.getLogger("recharge_worker")

# Exit status for what only another configuration puts right (EX_CONFIG of sysexits.h): systemd need not try again.
BAD_CONFIGURATION = 78

# https://docs.stripe.com/currencies: amounts are given in the smallest unit, which is a hundredth of all others.
NO_DECIMALS = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())
THREE_DECIMALS = frozenset("BHD JOD KWD OMR TND".split())

# Declines that no later attempt without the customer can change.
FOR_THE_CUSTOMER = frozenset(
    "authentication_required expired_card lost_card stolen_card pickup_card card_not_supported "
    "currency_not_supported invalid_account".split()
)

# How many of a customer's newest payments are searched for one that was made under a key.
PAYMENTS_SEARCHED = 1000


class ConfigurationError(Exception):
    """The environment does not say what it must."""


@dataclass(frozen=True)
class Config:
    """What the environment says."""

    database_url: str
    stripe_api_key: str = field(repr=False)
    stripe_api_base: str | None
    stripe_timeout: float
    stripe_retries: int
    lease: float
    poll: float

    @classmethod
    def read(cls, environment):
        def text(name, default=None):
            value = environment.get(name, "").strip() or default
            if value is None:
                raise ConfigurationError(f"{name} is not set")
            return value

        def number(name, default, least, kind=float):
            try:
                value = kind(text(name, default))
            except ValueError as error:
                raise ConfigurationError(f"{name} is not a number") from error
            if value < least:
                raise ConfigurationError(f"{name} must be at least {least}")
            return value

        config = cls(
            database_url=text("DATABASE_URL"),
            stripe_api_key=text("STRIPE_API_KEY"),
            stripe_api_base=environment.get("STRIPE_API_BASE") or None,
            stripe_timeout=number("STRIPE_TIMEOUT", "60", 1),
            stripe_retries=number("STRIPE_RETRIES", "2", 0, int),
            lease=number("RECHARGE_LEASE", "300", 1),
            poll=number("RECHARGE_POLL", "30", 0.1),
        )
        # Else a second worker could claim a request while the first still waits for Stripe. It would charge nobody
        # twice, but do the work in vain.
        longest = config.stripe_timeout * (config.stripe_retries + 1)
        if config.lease <= longest:
            least = f"STRIPE_TIMEOUT × (STRIPE_RETRIES + 1) = {longest:g} s"
            raise ConfigurationError(f"RECHARGE_LEASE must be more than {least}")
        return config


@dataclass(frozen=True)
class Claim:
    """A row of credits_claim_recharges."""

    account: str
    recharge: int
    attempt: int
    pack: str
    quantity: int
    credits: Decimal
    price: Decimal
    currency: str
    payment_method: str
    payment_idempotency_key: str

    def __str__(self):
        return f"account={quoted(self.account)} recharge={self.recharge} attempt={self.attempt}"


class Declined(Exception):
    """The payment will not be made under this key."""

    def __init__(self, code, message, suspend):
        super().__init__(message)
        self.code, self.message, self.suspend = code, message, suspend


class Unresolved(Exception):
    """Whether the payment was made is not known: the claim is left to its lease."""


class Undecided(Unresolved):
    """Stripe knows no more yet."""


def quoted(text):
    """A value of a log line: in quotes where it must be."""
    text = str(text)
    plain = text and all(c.isprintable() and c not in ' "=' for c in text)
    return text if plain else '"' + text.encode("unicode_escape").decode().replace('"', '\\"') + '"'


def smallest_unit(price, currency):
    """The amount as Stripe wants it. Declined where it cannot be charged exactly."""
    decimals = 0 if currency in NO_DECIMALS else 3 if currency in THREE_DECIMALS else 2
    amount = price.scaleb(decimals)
    whole = int(amount)
    if amount != whole or (decimals == 3 and whole % 10):
        raise Declined("amount_not_chargeable", f"{price} {currency} is no amount that Stripe can charge", suspend=True)
    return whole


class Payments:
    """The payment provider."""

    def __init__(self, config):
        bases = {"api": config.stripe_api_base} if config.stripe_api_base else {}
        self.intents = stripe.StripeClient(
            config.stripe_api_key,
            base_addresses=bases,
            max_network_retries=config.stripe_retries,
            http_client=stripe.RequestsClient(timeout=config.stripe_timeout),
        ).v1.payment_intents

    def charge(self, claim):
        """The id of the payment that was made for the claim: now, or by an earlier attempt under its key."""
        customer, _, method = claim.payment_method.partition("/")
        if not method:
            raise Declined("payment_method_malformed", "the payment method must be 'cus_…/pm_…'", suspend=True)
        amount = smallest_unit(claim.price, claim.currency)
        try:
            intent = None
            if claim.attempt > 1:
                # An earlier attempt may have paid. Stripe forgets keys after a day at the earliest, and answers a
                # known one with the payment as it was then, so ask for the payment itself first.
                intent = self.made_before(customer, claim.payment_idempotency_key)
            if intent is None:
                intent = self.intents.create(
                    # From the claim alone: with a known key, Stripe refuses parameters that are not the first ones.
                    params={
                        "amount": amount,
                        "currency": claim.currency.lower(),
                        "customer": customer,
                        "payment_method": method,
                        "off_session": True,
                        "confirm": True,
                        "description": f"{claim.quantity} × {claim.pack}",
                        "metadata": {
                            "credits_account": claim.account,
                            "credits_recharge": str(claim.recharge),
                            "credits_payment_key": claim.payment_idempotency_key,
                        },
                    },
                    options={"idempotency_key": claim.payment_idempotency_key},
                )
        except stripe.CardError as error:
            raise declined(error.error) from error
        except stripe.InvalidRequestError as error:
            # Neither the card nor the weather: the same again would end the same.
            raise Declined(error.code or "invalid_request", error.user_message or str(error), suspend=True) from error
        except stripe.StripeError as error:
            # Among them a wrong API key, which is no fault of the customer's.
            raise Unresolved(f"{type(error).__name__}: {error.user_message or error}") from error
        return settled(intent)

    def made_before(self, customer, key):
        """The payment that was made under this key, or None."""
        try:
            intents = self.intents.list(params={"customer": customer, "limit": 100}).auto_paging_iter()
            newest = list(itertools.islice(intents, PAYMENTS_SEARCHED))
        except stripe.InvalidRequestError as error:
            # The customer may be gone. Stripe itself is asked with the key next, and answers that all the same.
            why = quoted(error.user_message or error)
            log.warning("payments not listed customer=%s reason=%s", quoted(customer), why)
            return None
        return next((intent for intent in newest if getattr(intent.metadata, "credits_payment_key", None) == key), None)


def settled(intent):
    """The id of a payment that has succeeded."""
    if intent.status == "succeeded":
        return intent.id
    if intent.status == "processing":
        raise Undecided(f"payment {intent.id} is still being processed")
    if intent.last_payment_error:
        raise declined(intent.last_payment_error)
    raise Declined("authentication_required", f"payment {intent.id} is {intent.status}", suspend=True)


def declined(error):
    """What Stripe's error object says."""
    codes = [code for code in (getattr(error, "decline_code", None), getattr(error, "code", None)) if code]
    suspend = any(code in FOR_THE_CUSTOMER for code in codes)
    message = getattr(error, "message", None) or "the payment was declined"
    return Declined(codes[0] if codes else "declined", message, suspend)


class Ledger:
    """The database. Every call is a transaction of its own."""

    def __init__(self, config):
        self.config = config
        self.connection = None

    def connected(self):
        if self.connection is None or self.connection.closed:
            self.connection = psycopg.connect(
                self.config.database_url,
                autocommit=True,
                connect_timeout=10,
                application_name="recharge_worker",
                row_factory=psycopg.rows.dict_row,
            )
            # Before the first claim, so that what is requested after that claim is heard.
            self.connection.execute("LISTEN credits_ledger")
            log.info("connected database=%s", quoted(self.connection.info.dbname))
        return self.connection

    def disconnect(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def claim(self):
        """The next request, or None."""
        row = self.connected().execute(
            """SELECT account, recharge, attempt, pack, quantity, credits, price, currency, payment_method,
                      payment_idempotency_key
               FROM credits_claim_recharges(max_requests => 1, lease => %s * interval '1 second')""",
            [self.config.lease],
        ).fetchone()
        return row and Claim(**row)

    def complete(self, claim, payment):
        return self.connected().execute(
            """SELECT amount, balance, replayed
               FROM credits_complete_recharge(account => %s, recharge => %s, payment_ref => %s)""",
            [claim.account, claim.recharge, payment],
        ).fetchone()

    def fail(self, claim, failure):
        self.connected().execute(
            """SELECT FROM credits_fail_recharge(account => %s, recharge => %s, attempt => %s, code => %s,
                                                 message => %s, suspend => %s)""",
            [claim.account, claim.recharge, claim.attempt, failure.code, failure.message, failure.suspend],
        )

    def heard(self):
        """Takes the notifications that have arrived, and says whether there were any."""
        return any([True for _ in self.connected().notifies(timeout=0)])


class Stopped(Exception):
    """The service is to end."""


class Worker:
    def __init__(self, config):
        self.config = config
        self.ledger = Ledger(config)
        self.payments = Payments(config)
        self.stopping = False
        self.unresolved = 0
        # A byte arrives here with each signal and ends any waiting.
        self.wakeup, waker = socket.socketpair()
        self.waker = waker
        for end in (self.wakeup, waker):
            end.setblocking(False)

    def stop(self, number, _frame):
        self.stopping = True

    def run(self, once):
        signal.set_wakeup_fd(self.waker.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)
        log.info("started lease=%g poll=%g stripe=%s", self.config.lease, self.config.poll, stripe.VERSION)
        try:
            while not self.stopping:
                claim = self.patiently(self.ledger.claim)
                if claim:
                    self.attend(claim)
                elif once:
                    break
                else:
                    self.wait(self.config.poll, listen=True)
        except Stopped:
            pass
        log.info("stopped")
        self.ledger.disconnect()

    def attend(self, claim):
        """Charges for a claim and tells the ledger."""
        began = time.monotonic()
        log.info("claimed %s price=%s currency=%s", claim, claim.price, claim.currency)
        try:
            payment = self.payments.charge(claim)
        except Declined as failure:
            self.failed(claim, failure)
            self.unresolved = 0
        except Unresolved as reason:
            log.warning("unresolved %s reason=%s", claim, quoted(reason))
            if not isinstance(reason, Undecided):
                # The other requests are likely to fare no better.
                self.wait(longer(self.unresolved))
                self.unresolved += 1
        else:
            self.completed(claim, payment, time.monotonic() - began)
            self.unresolved = 0

    def completed(self, claim, payment, seconds):
        # The money has been taken: this is tried until it is recorded. Should the process end before, the next claim of
        # the request finds the payment.
        try:
            receipt = self.patiently(self.ledger.complete, claim, payment)
        except psycopg.Error as error:
            why = quoted(first_line(error))
            log.critical("not credited %s payment=%s sqlstate=%s reason=%s", claim, payment, error.sqlstate, why)
            return
        log.info(
            "completed %s payment=%s credits=%s balance=%s replayed=%s seconds=%.3f",
            *(claim, payment, receipt["amount"], receipt["balance"], str(receipt["replayed"]).lower(), seconds),
        )

    def failed(self, claim, failure):
        try:
            self.patiently(self.ledger.fail, claim, failure)
        except psycopg.Error as error:
            # LC007: a later attempt, or another worker, has already settled it.
            why = quoted(first_line(error))
            log.warning("failure not recorded %s sqlstate=%s reason=%s", claim, error.sqlstate, why)
            return
        suspended = str(failure.suspend).lower()
        log.warning("failed %s code=%s suspend=%s message=%s", claim, failure.code, suspended, quoted(failure.message))

    def patiently(self, call, *arguments):
        """Calls the database until it answers. What is wrong with the request itself is raised."""
        for times in itertools.count():
            try:
                return call(*arguments)
            # A lost connection, a serialization failure, a deadlock, a lock timeout, a server that shuts down.
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                log.warning("database sqlstate=%s reason=%s", error.sqlstate, quoted(first_line(error)))
                self.ledger.disconnect()
                self.wait(longer(times))
                if self.stopping:
                    raise Stopped from error

    def wait(self, seconds, listen=False):
        """Until the time is over, a signal arrives or, if asked for, the ledger notifies."""
        # One that came with the answer to the last statement was read from the socket with it.
        if listen and self.patiently(self.ledger.heard):
            return
        sockets = [self.wakeup]
        if listen:
            sockets.append(self.ledger.connected())
        ready, _, _ = select.select(sockets, [], [], seconds)
        if self.wakeup in ready:
            self.wakeup.recv(64)
        if listen and len(ready) > (self.wakeup in ready):
            self.patiently(self.ledger.heard)


def longer(times):
    """How long to wait after trouble that came so many times in a row before: 1 s, 2 s, 4 s … a minute."""
    return min(2.0 ** min(times, 6), 60.0)


def first_line(error):
    return (str(error).splitlines() or [type(error).__name__])[0]


def main():
    logging.basicConfig(
        stream=sys.stderr,
        level=os.environ.get("LOG_LEVEL", "INFO").upper(),
        format="%(asctime)s level=%(levelname)s %(message)s",
    )
    arguments = sys.argv[1:]
    if arguments not in ([], ["--once"]):
        print("usage: recharge_worker.py [--once]", file=sys.stderr)
        return BAD_CONFIGURATION
    try:
        config = Config.read(os.environ)
    except ConfigurationError as error:
        log.critical("configuration reason=%s", quoted(error))
        return BAD_CONFIGURATION
    Worker(config).run(once=bool(arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main())
