"""Position, cash and executions of the one account: exact decimals, changed by fills alone."""

from __future__ import annotations

from collections import deque
from decimal import Decimal, localcontext

from host.paper.fees import Fees
from host.paper.market import EXACT, ZERO
from host.paper.orders import Order
from host.venues import events as ev
from host.venues import messages as m

# Executions that can still be asked for, and how many of them fit into one packet for sure.
REMEMBERED_FILLS = 100_000
FILLS_A_PAGE = 400


class Account:
    """What the fills have made of the account, which began with nothing."""

    def __init__(self, fees: Fees, base: str) -> None:
        self.position = ZERO
        self.cash = ZERO
        self._fees = fees
        self._base = base
        self._executions = 0
        self._fills: deque[ev.Fill] = deque(maxlen=REMEMBERED_FILLS)

    def reducible(self, side: m.Side) -> Decimal:
        """How much an order of this side can take off the position; zero or less: nothing."""
        return self.position if side == "sell" else -self.position

    def fill(self, order: Order, qty: Decimal, price: Decimal, maker: bool) -> ev.Fill:
        """Execute so much of an order."""
        fee = self._fees.charge(order.side, qty, price, maker, self._base)
        with localcontext(EXACT):
            signed = qty if order.side == "buy" else -qty
            self.position += signed - fee.base
            self.cash -= signed * price + fee.quote
            order.left -= qty
        self._executions += 1
        fill = ev.Fill(
            order.id,
            order.side,
            m.plain(qty),
            m.plain(price),
            m.plain(fee.amount),
            m.plain(order.left),
            f"t{self._executions}",
            fee.currency,
            maker,
        )
        self._fills.append(fill)
        return fill

    def page(self, req: int, since: str) -> ev.Fills | None:
        """The executions after the one called `since`, as many as fit; None when that is no name."""
        if not (since == "" or (since[0] == "t" and since[1:].isascii() and since[1:].isdigit())):
            return None
        oldest = self._executions - len(self._fills)
        skip = max(0, int(since[1:] or 0) - oldest) if len(since) < 18 else len(self._fills)
        fills = [self._fills[at] for at in range(skip, min(skip + FILLS_A_PAGE, len(self._fills)))]
        more = skip + len(fills) < len(self._fills)
        upto = fills[-1].trade if fills else since
        return ev.Fills(req, fills, upto if more else "", upto)
