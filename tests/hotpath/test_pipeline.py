"""The compiled path sends, byte for byte, the orders that its twin in plain Python makes."""

import math
import random
import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest
from host.hotpath.decision import Decision
from host.hotpath.features import Features
from host.hotpath.gate import Gate
from host.hotpath.ordertext import MOST_PRICE, Serial, price_text
from host.hotpath.pipeline import HOLD, Pipeline
from host.hotpath.riskcheck import RiskCheck
from host.hotpath.seqlock import Seqlock
from host.hotpath.words import Words, now_ns
from hypothesis import example, given, settings
from hypothesis import strategies as st

from host import config, layout, modes, refusals, shm
from host.data.reader import read
from host.decisions import Thresholds
from host.engine import strategy
from host.engine.port import plain
from host.modes import Reason, TradingMode
from tests.hotpath.pathtwin import Path

STEP_NS = 250_000_000
LONGEST_LEASE_NS = 1_000_000_000
# Quote currency: some orders of the replay are above the rails, and none of the small ones is.
VALUE, SMALL_VALUE = 10_000.0, 500.0
CAPITAL = 100_000.0


@dataclass
class Bench:
    """A gate over pages of our own, and a venue that only receives."""

    gate: Gate
    guard: shm.Page
    engine: shm.Page
    ours: socket.socket
    venue: socket.socket

    def mode(self, mode: TradingMode, epoch: int) -> None:
        self.guard.words.store(layout.GUARD_MODE, modes.pack(mode, Reason.REARMED, epoch))

    def lease(self) -> None:
        self.guard.words.store(layout.GUARD_LEASE_NS, now_ns() + LONGEST_LEASE_NS - 1_000_000)

    def arrived(self) -> bytes:
        try:
            return self.venue.recv(4096)
        except BlockingIOError:
            return b""

    def pipeline(self, limits: Any, value: float = VALUE, **model: Any) -> Pipeline:
        path = Pipeline("trend", "PAPER", "7f", Serial(), RiskCheck(limits), self.gate,
                        value, value, **model, capital=CAPITAL)  # fmt: skip
        path.outlook(value, 0.01, 0.013, 0.1)
        return path


@pytest.fixture
def bench() -> Iterator[Bench]:
    guard, engine = shm.create(layout.KIND_GUARD, "g"), shm.create(layout.KIND_ENGINE, "e")
    levels = Words(bytearray(8), True)
    levels.store(0, 1)
    ours, venue = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    venue.setblocking(False)
    made = Bench(Gate(guard.words, engine.words, levels=levels), guard, engine, ours, venue)
    made.mode(TradingMode.NORMAL, 1)
    yield made
    for held in (ours, venue, guard, engine):
        held.close()


def limits(**changed: Any) -> Any:
    found = msgspec.structs.asdict(config.load(config.DEFAULT).limits) | changed
    return msgspec.convert(found, type(config.load(config.DEFAULT).limits))


def outlook(rng: random.Random) -> tuple[float, float, float, float, float]:
    """What forecast and enrichment may say; some of it is too much or too old."""
    var = rng.choice((0.0, 0.01, rng.uniform(0, 0.5)))
    age_s = 5.0 if rng.random() < 0.05 else rng.uniform(0, 1.9)
    factor = 1.0 if rng.random() < 0.5 else rng.random()
    return VALUE * rng.choice((1.0, rng.random())), var, var * 1.2, age_s, factor


def replay(bench: Bench, prices: list[float], rng: random.Random, wanted: Any) -> Counter:
    """Both paths over the same prices, fills and modes; return how often each code came."""
    twin, path = Path(wanted, "trend", VALUE, VALUE, CAPITAL), bench.pipeline(wanted)
    twin.lot = lot = plain(strategy.lot_size(prices[0], VALUE * 0.01))
    decimals = -int(lot.as_tuple().exponent)
    path.set_lot(int(lot.scaleb(decimals)), decimals)
    mode, epoch, now_ns, codes = TradingMode.NORMAL, 1, 1_000 * STEP_NS, Counter[int]()
    for row, price in enumerate(prices):
        now_ns += STEP_NS
        if rng.random() < 0.01:
            mode, epoch = rng.choice(list(TradingMode)), epoch + 1
            bench.mode(mode, epoch)
        bench.lease()
        path.account(float(twin.position) + 0.0, int(twin.position / lot), float(twin.cash))
        path.seen(price, now_ns)
        twin.seen(price, now_ns)
        assert (path.features.fast, path.features.variance) == (
            twin.features.fast, twin.features.variance), row  # fmt: skip
        assert path.equity == twin.equity
        word = outlook(rng)
        path.outlook(*word)
        twin.outlook(*word)
        assert path.wish() == twin.wish(mode)
        if rng.random() < 0.1:
            twin.least_edge = rng.choice((-math.inf, 0.0, rng.uniform(0, 0.01)))
            path.set_least_edge(twin.least_edge)
        assert path.features.edge() == twin.features.edge()
        at_ns = now_ns + rng.randrange(1_000_000)
        expected, request = twin.decide(mode, epoch, at_ns)
        code = path.decide(bench.ours.fileno(), True, at_ns)
        assert code == expected, (row, price, refusals.NAMES.get(code))
        codes[code] += 1
        assert bench.arrived() == (request if code == refusals.SENT else b"")
        if code == HOLD:
            continue
        assert path.request == request
        if code == refusals.SENT and rng.random() < 0.9:
            said = msgspec.json.decode(request)
            part = Decimal(said["qty"]) * rng.choice((1, 1, Decimal("0.5")))
            signed = part if said["side"] == "buy" else -part
            twin.position += signed
            twin.cash -= signed * plain(price) + Decimal("0.01")
            twin.checks.executed(at_ns)
            path.checks.executed(at_ns)
        now_ns = at_ns
    return codes


def test_a_recorded_market_gives_the_same_orders(
    bench: Bench, capsys: pytest.CaptureFixture
) -> None:
    prices = [float(price) for price in read("sp500").price]
    codes = replay(bench, prices, random.Random(1), limits())
    with capsys.disabled():
        names = {refusals.NAMES.get(code, "HOLD"): count for code, count in codes.items()}
        print(f"\n  {len(prices)} rows of a recorded market, alike: {names}")
    assert codes[refusals.SENT] > 100
    assert codes[refusals.MODE] > 0


@pytest.mark.parametrize("seed", range(6))
def test_random_markets_give_the_same_orders(bench: Bench, seed: int) -> None:
    rng = random.Random(seed)
    steps = np.exp(np.random.default_rng(seed).normal(0, 10 ** rng.uniform(-4, -1), 3_000))
    prices = (10 ** rng.uniform(-4, 6) * np.cumprod(steps)).clip(1e-6, 1e7).tolist()
    tight = limits(max_orders_per_day=200) if seed % 2 else limits()
    assert replay(bench, prices, rng, tight)[refusals.SENT] > 10


@settings(deadline=None)
@given(st.floats(0, MOST_PRICE))
@example(1 / 512)
@example(3 / 512)
@example(1e-9)
@example(89_999_999.99999999)
# Its 10^8 units are 0.0001 below a half, which 64 bits of mantissa call a half.
@example(22517998.863060195)
@example(100.0)
def test_a_price_is_written_as_the_engine_writes_it(price: float) -> None:
    assert price_text(price) == f"{plain(price):f}"


@settings(deadline=None)
@given(st.integers(0, 10**12), st.integers(0, 8))
def test_a_price_of_a_market_is_written_as_it_was_quoted(units: int, decimals: int) -> None:
    price = float(Decimal(units).scaleb(-decimals))
    if price <= MOST_PRICE:
        assert price_text(price) == f"{plain(price):f}"


def test_a_price_out_of_bounds_has_no_text(bench: Bench) -> None:
    for price in (-1.0, float("nan"), float("inf"), MOST_PRICE * 1.01):
        assert price_text(price) is None


@given(st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=80))
def test_features_are_the_twin_s(prices: list[float]) -> None:
    compiled, twin = Features(), strategy.Features()
    for price in prices:
        compiled.update(price)
        twin.update(price)
        assert (compiled.signal(), compiled.edge()) == (twin.signal(), twin.edge())


def test_an_entry_whose_edge_does_not_pay_is_not_made(bench: Bench) -> None:
    path = bench.pipeline(limits(), SMALL_VALUE)
    at_ns = rising(path)
    edge = path.features.edge()
    assert edge > 0
    bench.lease()
    for least, code in ((10.0, HOLD), (edge, HOLD), (edge * (1 - 1e-12), refusals.SENT)):
        path.set_least_edge(least)
        assert path.decide(bench.ours.fileno(), True, at_ns) == code
    # What is held is sold all the same: its entry is paid already.
    path.set_least_edge(10.0)
    path.account(100.0, 10_000, 0.0)
    assert path.decide(bench.ours.fileno(), True, at_ns) == refusals.SENT
    assert path.lots < 0
    with pytest.raises(ValueError, match="edge"):
        path.set_least_edge(float("nan"))


def rising(path: Pipeline, rows: int = 40) -> int:
    path.set_lot(1, 2)
    path.account(0.0, 0, 0.0)
    for row in range(rows):
        path.seen(100.0 + row % 7 + row, 1_000 + row)
    return 1_000 + rows


def test_what_cannot_be_sent_says_why(bench: Bench) -> None:
    path = bench.pipeline(limits(), SMALL_VALUE)
    at_ns = rising(path)
    assert path.decide(bench.ours.fileno(), False, at_ns) == refusals.NOT_RECONCILED
    assert path.decide(-1, True, at_ns) == refusals.SEND_FAILED
    bench.guard.words.store(layout.GUARD_LEASE_NS, 1)
    assert path.decide(bench.ours.fileno(), True, at_ns) == refusals.LEASE
    bench.lease()
    assert path.decide(bench.ours.fileno(), True, at_ns) == refusals.SENT
    assert bench.arrived() == path.request
    path.seen(float("nan"), at_ns)
    assert path.decide(bench.ours.fileno(), True, at_ns) == refusals.BAD_NUMBER
    bench.guard.words.store(layout.GUARD_MODE, 0xFF)
    path.seen(100.0, at_ns)
    assert path.decide(bench.ours.fileno(), True, at_ns) != refusals.SENT
    assert bench.arrived() == b""


def test_what_was_never_forecast_opens_nothing_under_limits_that_need_a_forecast(
    bench: Bench,
) -> None:
    path = Pipeline("trend", "PAPER", "7f", Serial(), RiskCheck(limits()), bench.gate,
                    SMALL_VALUE, SMALL_VALUE, capital=CAPITAL)  # fmt: skip
    at_ns = rising(path)
    bench.lease()
    assert path.decide(bench.ours.fileno(), True, at_ns) == refusals.FORECAST_STALE
    path.outlook(SMALL_VALUE, 0.01, 0.013, 0.1, float("nan"))
    assert path.decide(bench.ours.fileno(), True, at_ns) == HOLD, "no factor: no entry"
    path.outlook(float("nan"), 0.01, 0.013, 0.1)
    assert path.decide(bench.ours.fileno(), True, at_ns) == HOLD, "no value: no entry"
    path.outlook(SMALL_VALUE, 0.01, 0.013, 0.1)
    assert path.decide(bench.ours.fileno(), True, at_ns) == refusals.SENT


@pytest.mark.parametrize(
    ("tick", "price", "sent"),
    [((1, 2), 100.987, "100.98"), ((25, 2), 100.99, "100.75"), ((5, 0), 104.9, "100.0"),
     ((1, 8), 100.12345678, "100.12345678")],
)  # fmt: skip
def test_a_buy_goes_down_to_the_grid_of_the_venue(
    bench: Bench, tick: tuple[int, int], price: float, sent: str
) -> None:
    path = bench.pipeline(limits(price_window_share=0.9, price_collar_share=0.9), SMALL_VALUE)
    at_ns = rising(path)
    path.set_rules(*tick, 0.0, 0.0)
    path.seen(price, at_ns)
    bench.lease()
    assert path.decide(bench.ours.fileno(), True, at_ns) == refusals.SENT
    assert msgspec.json.decode(bench.arrived())["price"] == sent


def test_what_is_less_than_the_venue_takes_is_not_asked_for(bench: Bench) -> None:
    path = bench.pipeline(limits(), SMALL_VALUE)
    at_ns, fd = rising(path), bench.ours.fileno()
    bench.lease()
    for least, value in ((1e6, 0.0), (0.0, 1e6)):
        path.set_rules(1, 2, least, value)
        assert path.decide(fd, True, at_ns) == HOLD
    path.set_rules(10**12, 0, 0.0, 0.0)  # a tick above the price
    assert path.decide(fd, True, at_ns) == refusals.BAD_NUMBER
    for bad in ((0, 0, 0.0, 0.0), (1, 9, 0.0, 0.0), (1, 2, -1.0, 0.0), (1, 2, 0.0, float("nan"))):
        with pytest.raises(ValueError, match=r"tick|least"):
            path.set_rules(*bad)
    path.set_rules(1, 2, 0.0, 0.0)
    assert path.decide(fd, True, at_ns) == refusals.SENT


def test_a_model_can_only_hold_back(bench: Bench) -> None:
    page = shm.create(layout.KIND_MODELLER, "m")
    forecast = Seqlock(page.words, layout.FORECAST, 3)
    model = {"decision": Decision(Thresholds(0.2, 0.05, 0.3, 0.1)), "forecast": forecast}
    path = bench.pipeline(limits(), SMALL_VALUE, **model, forecast_age_ns=10**9)
    at_ns, fd = rising(path), bench.ours.fileno()
    bench.lease()
    assert path.decide(fd, True, at_ns) == HOLD, "nothing was ever forecast"
    forecast.publish((float("nan"), 0.02, 0.5))
    assert path.decide(fd, True, at_ns) == HOLD
    forecast.publish((0.01, 0.02, 0.5), 1)
    assert path.decide(fd, True, at_ns) == HOLD, "too old"
    forecast.publish((0.01, 0.02, 0.5))
    assert path.decide(fd, True, at_ns) == refusals.SENT
    path.account(1.0, 100, 0.0)
    forecast.publish((-0.01, 0.02, -0.5))
    assert path.decide(fd, True, at_ns) == refusals.SENT
    assert msgspec.json.decode(path.request)["side"] == "sell"
    page.close()


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"strategy": ""}, "strategy"),
        ({"strategy": 'a"b'}, "strategy"),
        ({"instrument": "x" * 17}, "instrument"),
        ({"run": "xyz"}, "run"),
        ({"position_value": float("nan")}, "nan"),
        ({"order_value": -1.0}, "-1"),
        ({"capital": float("inf")}, "capital"),
        ({"decision": Decision(Thresholds(0.2, 0.05, 0.3, 0.1))}, "both or none"),
    ],
)
def test_bad_input_names_the_value(bench: Bench, changed: dict[str, Any], named: str) -> None:
    given = {"strategy": "trend", "instrument": "PAPER", "run": "7f", "serial": Serial(),
             "checks": RiskCheck(limits()), "gate": bench.gate, "position_value": VALUE,
             "order_value": VALUE} | changed  # fmt: skip
    with pytest.raises(ValueError, match=named):
        Pipeline(**given)
    for units, decimals in ((0, 1), (1, 9), (-1, 0)):
        with pytest.raises(ValueError, match="lot"):
            bench.pipeline(limits()).set_lot(units, decimals)
