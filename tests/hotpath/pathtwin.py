"""The way from a price to an order in plain Python: the twin of host.hotpath.pipeline."""

import math
from decimal import Decimal

import msgspec

from host import modes, refusals
from host.engine import strategy
from host.engine.checks.checker import Checker
from host.engine.checks.limits import Limits
from host.engine.checks.order import Facts, Proposal
from host.engine.forecasts import NEVER_S
from host.engine.port import plain
from host.modes import TradingMode


class Path:
    """Decides from decimals and dictionaries; sends nothing, and says what it would."""

    def __init__(
        self, limits: Limits, strategy_id: str, position: float, order: float, capital: float = 0.0
    ) -> None:
        self.checks = Checker(limits)
        self.features = strategy.Features()
        self.who = strategy_id
        self.most_value, self.order_value, self.capital = position, order, capital
        self.shares, self.age_s, self.factor = (0.0, 0.0), NEVER_S, 1.0
        self.least_edge = -math.inf
        self.lot = self.position = self.cash = Decimal(0)
        self.number = 0
        self.price = 0.0
        self.seen_ns = 0

    def seen(self, price: float, now_ns: int) -> None:
        self.price, self.seen_ns = price, now_ns
        self.features.update(price)
        self.checks.seen(price, self.equity, now_ns)

    @property
    def equity(self) -> float:
        return self.capital + (float(self.cash) + float(self.position) * self.price) + 0.0

    def outlook(
        self, most_value: float, var: float, cvar: float, age_s: float, factor: float
    ) -> None:
        self.most_value, self.shares, self.age_s, self.factor = (
            most_value,
            (var, cvar),
            age_s,
            factor,
        )

    def wish(self, mode: TradingMode) -> int:
        share, value = modes.LIMIT_SHARE.get(mode, 1.0), self.price * float(self.lot)
        return strategy.target_lots(self.features.signal(), int(self.most_value / value), share)

    def decide(self, mode: TradingMode, epoch: int, now_ns: int) -> tuple[int, bytes]:
        """Return (code, request); code -1 is nothing to do. `permit` of the gate comes after."""
        share, value = modes.LIMIT_SHARE.get(mode, 1.0), self.price * float(self.lot)
        held = int(self.position / self.lot)
        target = strategy.cautious(self.wish(mode), held, self.factor)
        target = strategy.paying(target, held, self.features.edge(), self.least_edge)
        most = int(self.order_value * share / value)
        lots = max(-most, min(most, target - held))
        if not lots:
            return -1, b""
        opens, quantity = lots > 0, abs(lots) * self.lot
        self.number += 1
        proposal = Proposal(f"{self.who}.7f.{epoch}.{self.number}", self.who, "PAPER",
                            1 if opens else -1, float(quantity), self.price, opens)  # fmt: skip
        request = {
            "op": "new",
            "id": proposal.id,
            "intent": "OPEN" if opens else "REDUCE",
            "side": "buy" if opens else "sell",
            "type": "limit" if opens else "market",
            "qty": f"{quantity:f}",
            "price": f"{plain(self.price):f}" if opens else None,
            "reduce_only": not opens,
        }
        facts = Facts(now_ns, share, self.price, (now_ns - self.seen_ns) / 1e9,
                      float(self.position) + 0.0, 0.0, 0.0, 0, 0.0, self.equity,
                      *self.shares, self.age_s, 0.0, 0.0)  # fmt: skip
        code = self.checks.check(proposal, facts)
        if code == refusals.SENT and not modes.permitted(mode, modes.Intent[request["intent"]]):
            code = refusals.MODE
        if code == refusals.SENT:
            self.checks.sent(proposal, now_ns)
        return code, msgspec.json.encode(request)
