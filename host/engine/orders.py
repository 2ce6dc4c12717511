"""What we know of our orders, position and cash: exact decimals, changed by the venue's word only."""

from dataclasses import dataclass, field
from decimal import Decimal

ZERO = Decimal(0)


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
    """Open orders, position (base units) and cash (quote currency)."""

    open: dict[str, Order] = field(default_factory=dict)
    position: Decimal = ZERO
    cash: Decimal = ZERO
    fees: Decimal = ZERO
    fills: int = 0

    def entries(self, side: int) -> Decimal:
        """Return the quantity that open entries of one side may still add."""
        wanted = (order for order in self.open.values() if order.opens and order.side == side)
        return sum((order.left for order in wanted), ZERO)

    def equity(self, price: float) -> float:
        """Return cash and position at `price`."""
        return float(self.cash) + float(self.position) * price

    def sent(self, order: Order) -> None:
        """Remember an order that left."""
        self.open[order.id] = order

    def ended(self, order_id: str) -> None:
        """Forget an order that was rejected or cancelled."""
        self.open.pop(order_id, None)

    def filled(self, event: dict) -> None:
        """Take one fill report of the venue."""
        quantity = Decimal(event["qty"])
        signed = quantity if event["side"] == "buy" else -quantity
        self.position += signed
        self.cash -= signed * Decimal(event["price"]) + Decimal(event["fee"])
        self.fees += Decimal(event["fee"])
        self.fills += 1
        order = self.open.get(event["id"])
        if order is not None:
            order.left = Decimal(event["left"])
            if order.left == 0:
                del self.open[order.id]

    def reconciled(self, position: Decimal, cash: Decimal) -> Decimal:
        """Take over the venue's word; nothing of ours is open. Return how far we were off."""
        off = position - self.position
        self.open.clear()
        self.position, self.cash = position, cash
        return off
