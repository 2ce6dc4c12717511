"""What each message does: roles and account on one side, answers on the other. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field

from host.paper.book import QTY_STEP, Book
from host.venues import events as ev
from host.venues import messages as m


@dataclass(slots=True)
class Result:
    """The outcome of one packet as the record shows it, and whom to tell what."""

    outcome: str = "accepted"
    role: str | None = None  # the sender's role from now on
    to_sender: list[ev.Ev] = field(default_factory=list)
    to_traders: list[ev.Ev] = field(default_factory=list)
    detail: str | None = None  # why, for a packet that was refused


class Desk:
    """Serves messages from the book of the one account; in maintenance it refuses all of them."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.maintenance = False

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
        answer = self._answer(message)
        result = Result(role=role)
        if isinstance(answer, ev.Cancelled | ev.CancelledAll):
            result.to_traders.append(answer)
        else:
            result.to_sender.append(answer)
        if isinstance(answer, ev.Reject | ev.CancelReject):
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

    def _answer(self, message: m.Message) -> ev.Ev:
        if isinstance(message, m.New):
            return self.book.new(message)
        if isinstance(message, m.Cancel):
            return self.book.cancel(message.id)
        if isinstance(message, m.CancelAll):
            return self.book.cancel_all()
        if isinstance(message, m.AskOrders):
            return ev.OpenOrders(message.req, self.book.open_orders())
        if isinstance(message, m.AskPosition):
            position, cash = m.plain(self.book.position), m.plain(self.book.cash)
            return ev.Position(message.req, position, cash)
        if isinstance(message, m.AskMark):
            return self._mark(message.req)
        raise TypeError(f"no answer is written for {type(message).__name__}")

    def _mark(self, req: int) -> ev.Mark:
        book = self.book
        price = None if book.mark is None else m.plain(book.mark)
        rules = (book.tick, QTY_STEP, book.min_notional)
        return ev.Mark(req, price, *map(m.plain, rules))
