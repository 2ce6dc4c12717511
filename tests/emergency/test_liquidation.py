"""The arithmetic of slices: within position, value and price bound, on the venue's grid."""

from decimal import Decimal as D

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st

from host.engine.emergency.liquidation import KINDS, PLAIN_KINDS, Rules, plan, would_open
from host.engine.emergency.settings import Emergency
from host.engine.emergency.stops import protective_stop, uncovered

STEPS = st.sampled_from([D("0.00000001"), D("0.001"), D("0.1"), D(1)])
TICKS = st.sampled_from([D("0.00001"), D("0.01"), D("0.5")])
NUMBERS = st.decimals("0.00001", "100000", places=5)


@given(
    NUMBERS, st.booleans(), NUMBERS, STEPS, TICKS, st.sampled_from([D(0), D(5), D(100)]),
    st.integers(0, 40), st.sampled_from(KINDS + PLAIN_KINDS), st.floats(1, 1e6),
)  # fmt: skip
def test_no_slice_breaks_a_bound(
    size: D,
    short: bool,
    mark: D,
    step: D,
    tick: D,
    least: D,
    attempt: int,
    kind: tuple[str, bool],
    most: float,
) -> None:
    assume(mark >= tick)
    settings = msgspec.structs.replace(Emergency(), slice_value_quote=most)
    position = -size if short else size
    rules = Rules(tick, step, least)
    slice_ = plan(position, mark, rules, settings, attempt, kind)
    left = size - size % step
    if slice_ is None:
        assert left == 0
        return
    assert 0 < slice_.quantity <= size
    assert slice_.quantity % step == 0
    assert slice_.side == ("buy" if short else "sell")
    assert (slice_.type, slice_.reduce_only) == kind
    assert (slice_.price is not None) == (slice_.type == "limit")
    assert (slice_.stop is not None) == (slice_.type == "stop")
    assert not would_open(position, slice_.request("l1"))
    rest = left - slice_.quantity
    assert rest == 0 or rest * mark >= least, "a rest that cannot be traded"
    if rest > 0:
        assert slice_.quantity * mark >= least
        # One step, or the least that is taken, may be worth more than the limit; more may not.
        assert (slice_.quantity - step) * mark <= max(D(str(most)), least)
    if slice_.price is not None:
        share = D(str(settings.most_slippage_bps)) / 10_000
        assert slice_.price % tick == 0
        assert slice_.price > 0
        if short:
            assert slice_.price <= max(tick, mark * (1 + share))
        else:
            assert slice_.price >= mark * (1 - share)


@given(NUMBERS, st.booleans(), NUMBERS, STEPS, TICKS)
def test_a_protective_stop_covers_the_position_and_lies_behind_the_price(
    size: D, short: bool, price: D, step: D, tick: D
) -> None:
    position = -size if short else size
    stop = protective_stop("s", position, price, 300.0, Rules(tick, step, D(0)))
    if stop is None:
        assert size < step
        return
    assert stop["reduce_only"] is True
    assert D(stop["stop"]) % tick == 0
    assert D(stop["stop"]) >= price if short else D(stop["stop"]) <= max(price, tick)
    assert uncovered(position, [stop | {"left": stop["qty"]}]) == size % step
    assert uncovered(-position, [stop | {"left": stop["qty"]}]) == size


@given(st.one_of(st.none(), NUMBERS, NUMBERS.map(lambda n: -n)), NUMBERS, st.booleans())
def test_would_open_is_whatever_does_more_than_reduce(
    position: D | None, quantity: D, buys: bool
) -> None:
    request = {"side": "buy" if buys else "sell", "qty": f"{quantity:f}"}
    if position is None:
        assert would_open(position, request)
        return
    after = position + (quantity if buys else -quantity)
    reduces = abs(after) < abs(position) and after * position >= 0
    assert would_open(position, request) == (not reduces)
