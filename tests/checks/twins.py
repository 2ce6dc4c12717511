"""The compiled checks and their twin in Python, driven side by side: whoever differs fails."""

from operator import attrgetter
from typing import Any

import msgspec
from host.hotpath.riskcheck import RiskCheck
from host.hotpath.riskorder import Facts as CompiledFacts
from host.hotpath.riskorder import Proposal as CompiledProposal

from host.engine.checks.checker import Checker
from host.engine.checks.limits import Limits
from host.engine.checks.order import Facts, Proposal

of_order = attrgetter("id", "strategy", "instrument", "side", "quantity", "price", "opens")
of_facts = attrgetter(
    "now_ns", "share", "last_price", "data_age_s", "position", "open_buy", "open_sell",
    "open_orders", "others_value", "equity", "var_share", "cvar_share", "forecast_age_s", "others_var",
    "others_cvar",
)  # fmt: skip


def change(limits: Limits, **rails: Any) -> Limits:
    """Return the limits with some rails changed."""
    return msgspec.structs.replace(limits, **rails)


class Twins:
    """Both, with the interface of either."""

    def __init__(self, limits: Limits) -> None:
        self.plain = Checker(limits)
        self.compiled = RiskCheck(limits)

    @property
    def lost(self) -> bool:
        assert self.compiled.lost == self.plain.lost
        return self.plain.lost

    @property
    def repeated(self) -> bool:
        assert self.compiled.repeated == self.plain.repeated
        return self.plain.repeated

    def check(self, order: Proposal, facts: Facts) -> int:
        code = self.plain.check(order, facts)
        told = self.compiled.check(
            CompiledProposal(*of_order(order)), CompiledFacts(*of_facts(facts))
        )
        assert told == code
        return code

    def sent(self, order: Proposal, now_ns: int) -> None:
        self.plain.sent(order, now_ns)
        self.compiled.sent(CompiledProposal(*of_order(order)), now_ns)

    def seen(self, price: float, equity: float, now_ns: int) -> None:
        self.plain.seen(price, equity, now_ns)
        self.compiled.seen(price, equity, now_ns)

    def message(self, now_ns: int) -> None:
        self.plain.message(now_ns)
        self.compiled.message(now_ns)

    def executed(self, now_ns: int) -> None:
        self.plain.executed(now_ns)
        self.compiled.executed(now_ns)

    def rearmed(self) -> None:
        self.plain.rearmed()
        self.compiled.rearmed()
