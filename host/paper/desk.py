"""What each message does: roles and account on one side, answers on the other. No I/O."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from host.paper.book import Book
from host.paper.deadman import DeadmanSwitch
from host.venues import events as ev
from host.venues import messages as m

# What has happened to the account; everything else answers its asker.
ACCOUNT = frozenset({ev.Fill, ev.Cancelled, ev.CancelledAll, ev.Amended})
REFUSED = (ev.Reject, ev.CancelReject, ev.AmendReject)


class Result(msgspec.Struct):
    """The outcome of one packet as the record shows it, and whom to tell what."""

    outcome: str = "accepted"
    role: str | None = None  # the sender's role from now on
    to_sender: list[ev.Ev] = []
    to_traders: list[ev.Ev] = []
    detail: str | None = None  # why, for a packet that was refused


class Desk:
    """Serves messages from the book of the one account; in maintenance it refuses all of them."""

    def __init__(self, book: Book, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self.book = book
        self.deadman = DeadmanSwitch()
        self.maintenance = False
        self._clock_ns = clock_ns

    def handle(self, role: str | None, message: m.Message) -> Result:
        """Carry out a message of a client with this role. Raises BadMessage."""
        if isinstance(message, m.Hello):
            if role is not None:
                raise m.BadMessage(m.BAD_MESSAGE, "a second hello")
            return Result(role=message.role)
        if role != "trade":
            raise m.BadMessage(
                m.BAD_MESSAGE,
                "only a client that said hello as 'trade' may ask this",
                getattr(message, "id", None),
            )
        if self.maintenance:
            raise m.BadMessage(
                m.MAINTENANCE, "the venue is in maintenance", getattr(message, "id", None)
            )
        result = Result(role=role)
        for answer in self._answers(message):
            told = result.to_traders if type(answer) in ACCOUNT else result.to_sender
            told.append(answer)
            if isinstance(answer, REFUSED):
                result.outcome = f"rejected:{answer.reason}"
        return result

    def refuse(self, role: str | None, error: m.BadMessage) -> Result:
        """The result of a packet that is no valid message."""
        return Result(
            outcome=f"rejected:{error.code}",
            role=role,
            to_sender=[ev.Reject(error.order_id, error.code)],
            detail=str(error),
        )

    def fire_deadman(self) -> list[ev.Ev]:
        """Cancel everything when nobody has refreshed the switch in time."""
        if self.maintenance or not self.deadman.fires(self._clock_ns()):
            return []
        return self.book.cancel_all(stops="deadman_stops" in self.book.rules.can)

    def _answers(self, message: m.Message) -> list[ev.Ev]:
        match message:
            case m.New():
                return [self.book.new(message)]
            case m.Oco():
                return self.book.oco(message)
            case m.Cancel():
                return self.book.cancel(message.id)
            case m.Amend():
                return self.book.amend(message)
            case m.CancelAll():
                return self.book.cancel_all()
            case m.SetDeadman():
                return [self._set_deadman(message)]
            case _:
                return [self._inform(message)]

    def _inform(self, message: m.Message) -> ev.Ev:
        book = self.book
        match message:
            case m.AskOrders():
                return ev.OpenOrders(message.req, book.open_orders())
            case m.AskPosition():
                return ev.Position(message.req, m.plain(book.position), m.plain(book.cash))
            case m.AskMark():
                return self._mark(message.req)
            case m.AskOrder():
                return book.state(message.req, message.id)
            case m.AskFills():
                page = book.account.page(message.req, message.since)
                if page is None:
                    raise m.BadMessage(m.BAD_MESSAGE, "`since` is of no earlier answer")
                return page
            case m.AskRules():
                return self._rules(message.req)
        raise TypeError(f"no answer is written for {type(message).__name__}")

    def _set_deadman(self, message: m.SetDeadman) -> ev.Deadman:
        if "deadman" not in self.book.rules.can:
            raise m.BadMessage(m.NOT_SUPPORTED, "this venue has no dead man's switch")
        self.deadman.set(message.timeout_ms, self._clock_ns())
        return ev.Deadman(message.req, message.timeout_ms)

    def _mark(self, req: int) -> ev.Mark:
        rules, mark = self.book.rules, self.book.mark
        price = None if mark is None else m.plain(mark)
        return ev.Mark(
            req, price, m.plain(rules.tick), m.plain(rules.qty_step), m.plain(rules.min_notional)
        )

    def _rules(self, req: int) -> ev.Rules:
        rules = self.book.rules
        return ev.Rules(
            req,
            f"{rules.base}/{rules.quote}",
            rules.base,
            rules.quote,
            m.plain(rules.tick),
            m.plain(rules.qty_step),
            m.plain(rules.min_qty),
            m.plain(rules.max_qty),
            m.plain(rules.min_notional),
            "" if rules.band is None else m.plain(rules.band),
            sorted(rules.can),
        )
