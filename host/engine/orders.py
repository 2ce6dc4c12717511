"""What we know of our orders, position and cash: exact decimals, changed by the venue's word only."""

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass
class Order:
    """One order of ours. `left` is what the venue has not filled yet."""

    id: str
    side: int
    left: Decimal
    price: Decimal
    opens: bool
    sent_row: int
    cancelling: bool = False


@dataclass
class Book:
    """Open orders and position."""

    open: dict[str, Order] = field(default_factory=dict)
    position: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    fills: int = 0

    def pending(self) -> Decimal:
        """Return the signed quantity that open orders may still add to the position."""
        return sum((order.side * order.left for order in self.open.values()), Decimal(0))

    def sent(self, order: Order) -> None:
        """Remember an order that left."""
        self.open[order.id] = order

    def ended(self, order_id: str) -> None:
        """Forget an order that was rejected or cancelled."""
        self.open.pop(order_id, None)

    def filled(self, event: dict) -> None:
        """Take one fill report of the venue."""
        quantity = Decimal(event["qty"])
        self.position += quantity if event["side"] == "buy" else -quantity
        self.fees += Decimal(event["fee"])
        self.fills += 1
        order = self.open.get(event["id"])
        if order is not None:
            order.left = Decimal(event["left"])
            if order.left == 0:
                del self.open[order.id]
