"""One order of ours: what was asked for, what was filled, where it is in its life."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from host.execution.exact import ZERO, sub
from host.execution.life import ENDED, STANDING, State
from host.venues import messages as m


class Role(StrEnum):
    """What an order is for."""

    ENTRY = "entry"
    EXIT = "exit"
    STOP = "stop"
    TARGET = "target"
    LADDER = "ladder"


@dataclass(slots=True, eq=False)
class Order:
    """One order of ours.

    asked -- the largest quantity that we have ever asked for
    told -- the most that the venue has counted as filled; more than `filled`: executions are missing
    since_ns -- in this state; owed_ns -- executions are missing; filled_ns -- of the first fill
    change -- the amend that is on its way; stuck -- one was refused: it is replaced instead
    cancel_ns -- when we last asked for its end
    sibling -- the other leg, where the venue holds both as one
    """

    id: str
    side: m.Side
    qty: Decimal
    role: Role
    price: Decimal | None = None
    stop: Decimal | None = None
    reduce_only: bool = False
    sibling: str = ""
    state: State = State.NEW
    since_ns: int = 0
    filled: Decimal = ZERO
    told: Decimal = ZERO
    owed_ns: int = 0
    filled_ns: int = 0
    change: m.Amend | None = None
    trades: dict[str, tuple[Decimal, Decimal, Decimal]] = field(default_factory=dict)
    asked: Decimal = ZERO
    stuck: bool = False
    cancel_ns: int = 0

    def __post_init__(self) -> None:
        self.asked = self.qty

    @property
    def ended(self) -> bool:
        """True when nothing more is expected of it."""
        return self.state in ENDED

    @property
    def standing(self) -> bool:
        """True when the venue has it and nothing that takes it off is under way."""
        return self.state in STANDING

    @property
    def left(self) -> Decimal:
        """What it may still fill."""
        return ZERO if self.ended else sub(self.qty, self.filled)

    @property
    def most(self) -> Decimal:
        """How much can be filled of it in all: a venue that says more is not believed."""
        return max(self.asked, self.qty)

    def stands(self, qty: Decimal, price: Decimal | None, stop: Decimal | None) -> None:
        """Take the venue's word for how it stands; what it does not say is as it was."""
        self.qty = qty
        self.price = self.price if price is None else price
        self.stop = self.stop if stop is None else stop


def noted(request: m.New, role: Role) -> Order:
    """Return the order that a request asks for."""
    price, stop = (
        None if text is None else Decimal(text) for text in (request.price, request.stop)
    )
    return Order(
        request.id, request.side, Decimal(request.qty), role, price, stop, request.reduce_only
    )
