"""On spot what is sold and what the stop holds are never more than there is, and sold it is."""

from decimal import Decimal as D

import pytest

from host.execution.order import Role
from host.venues import messages as m
from host.venues.capabilities import CAPABILITIES
from tests.execution.test_paper import Market

ALL = frozenset(CAPABILITIES)
SPOTS = {
    "spot": frozenset({"stop"}),
    "amend": frozenset({"stop", "amend"}),
    "pair": frozenset({"stop", "oco", "ouo", "amend"}),
}


def selling(market: Market) -> D:
    """What the venue's open orders would sell."""
    pairs: set[str] = set()
    total = D(0)
    for order in market.book.orders.open.values():
        sibling = getattr(order, "sibling", None) or getattr(order, "pair", None)
        if order.side == "sell" and sibling not in pairs:
            total += order.left
            pairs.add(order.id)
    return total


@pytest.mark.parametrize("name", SPOTS)
@pytest.mark.parametrize("part", ["0.4", "1"])
@pytest.mark.parametrize("seed", range(4))
def test_a_part_leaves_and_the_rest_keeps_its_stop(name: str, part: str, seed: int) -> None:
    market = Market(seed, SPOTS[name], bad=False)
    market.row(0)
    request = {"id": market.new_id(), "intent": "OPEN", "side": "buy", "type": "market", "qty": "2"}
    assert market.manager.enter(m.New(**request, price=None), market.now_ns) == ""  # type: ignore[arg-type]
    for _ in range(20):
        market.row(0)
    position = market.book.position
    lots = market.manager.rules.qty  # a fee in base leaves less than a whole number of them
    assert selling(market) == lots(position)
    gone = lots(position * D(part))
    market.manager.leave(gone)
    for _ in range(40):
        market.row(0)
        assert selling(market) <= market.book.position
    assert market.book.position == position - gone
    assert selling(market) == lots(market.book.position)
    assert not market.manager.orders.of(Role.EXIT)
    assert market.manager.leaving == 0


def test_nothing_leaves_that_is_not_there_and_a_halt_forgets_it() -> None:
    market = Market(1, SPOTS["spot"], bad=False)
    market.row(0)
    market.manager.leave(D(5))
    assert market.manager.leaving == 0
    market.manager.position.adopt(D(1), D(-100), D(100))
    market.manager.leave(D(5))
    assert market.manager.leaving == 1
    market.manager.active = False
    market.manager.tick(market.now_ns)
    assert market.manager.leaving == 0
