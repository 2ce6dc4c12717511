"""Hostile exchanges: answers that no exchange gives never crash the connector, and never make a fill.

The judge is the local exchange's own record: what the connector has told adds up to it, whenever the
exchange speaks the truth again.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from tests.exchanges.serving import LATE_S
from tests.exchanges.stand import STANDS, ExchangeStand
from tests.venues.trader import Trader

ROUNDS = int(os.environ.get("BOT4_HOSTILE_ROUNDS", "60"))
PATIENCE_S = 30.0
VALUES: list[Any] = [
    None, True, False, -1, 0, 1.5, 2**63, 10**400, "", "-1", "0", "NaN", "Infinity", "1e400", "1e-30",
    "9" * 60, "0x10", "buy", "sell", "FILLED", "filled", "closed", "canceled", "x" * 3000, "\ud83d\ude00",
    [], {}, [[]], [None], {"error": []}, [{"orderId": 1}], "٣", "<html>",
]  # fmt: skip


@pytest.fixture(params=["binance", "binanceusdm", "kraken", "okx"])
def stand(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ExchangeStand]:
    with STANDS[request.param](tmp_path) as made:
        yield made


def spoil(value: Any, chance: random.Random) -> Any:
    """The answer with one part of it changed, missing, or there twice."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(list(value))
        if chance.random() < 0.2:
            return {name: part for name, part in value.items() if name != key}
        return value | {key: spoil(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.9:
        at = chance.randrange(len(value))
        kind = chance.random()
        if kind < 0.2:
            return value[:at] + value[at + 1 :]
        if kind < 0.4:
            return value + [value[at]]
        return value[:at] + [spoil(value[at], chance)] + value[at + 1 :]
    return chance.choice(VALUES)


@pytest.mark.parametrize("seed", [1, 2])
def test_no_answer_crashes_the_connector_or_makes_a_fill(stand: ExchangeStand, seed: int) -> None:
    chance, trader = random.Random(seed), stand.join()
    before, lies = stand.market.base, 0

    def answer(_path: str, found: Any) -> Any:
        nonlocal lies
        if chance.random() < 0.5:
            return found
        lies += 1
        return spoil(found, chance)

    stand.server.answers = answer
    for number in range(1, ROUNDS + 1):
        act(stand, trader, chance, number)
    stand.server.answers = lambda _path, found: found
    settle(stand, trader)
    told = sum(
        (D(f["qty"]) if f["side"] == "buy" else -D(f["qty"]) for f in trader.told("fill")), D(0)
    )
    print(f"\n{stand.name}: {lies} lies, {len(trader.told('fill'))} fills, {told} told")
    assert lies > ROUNDS / 2
    assert stand.running.failure is None
    assert told == stand.market.base - before == trader.position() - before
    assert {fill["id"] for fill in trader.told("fill")} <= {
        f"a.1.1.{n}" for n in range(1, ROUNDS + 1)
    }
    trades = [fill["trade"] for fill in trader.told("fill")]
    assert len(trades) == len(set(trades)) == len(stand.market.executions)


def act(stand: ExchangeStand, trader: Trader, chance: random.Random, number: int) -> None:
    """One thing that a trader or the market does."""
    kind = chance.random()
    if kind < 0.4:
        trader.new(f"a.1.1.{number}", "buy", stand.qty, stand.at(chance.choice((-5, 5))))
    elif kind < 0.5:
        trader.cancel(f"a.1.1.{chance.randint(1, number)}")
    elif kind < 0.7:
        stand.quote(stand.at(-6), stand.at(-5), stand.qty / 4)
    else:
        op = chance.choice(["open_orders", "position", "fills", "mark"])
        trader.send(op=op, req=10_000 + number)
    time.sleep(0.03)


def settle(stand: ExchangeStand, trader: Trader) -> None:
    """Wait until the connector has told of every execution, and lists what the exchange lists."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        listed = {name: D(order["left"]) for name, order in trader.open_orders().items()}
        trader.quiet()
        if (
            len(trader.told("fill")) >= len(stand.market.executions)
            and listed == stand.truth().open
        ):
            return
        assert time.monotonic() < deadline, (listed, stand.truth(), trader.heard[-5:])
        time.sleep(0.2)


def test_messages_that_are_lost_doubled_or_absent_change_nothing(stand: ExchangeStand) -> None:
    trader = stand.join()
    for number, (lost, doubled) in enumerate(((True, False), (False, True), (False, False)), 1):
        stand.server.drop_messages, stand.server.double_messages = lost, doubled
        stand.quote(stand.at(-1), stand.at(1), 10 * stand.qty)
        trader.placed(f"a.1.1.{number}", "buy", stand.qty)
        assert trader.until("fill", id=f"a.1.1.{number}")["left"] == "0"
    trader.quiet()
    assert len(trader.told("fill")) == len(stand.market.executions) == 3


def test_the_feed_tells_the_best_bid_and_ask(stand: ExchangeStand) -> None:
    feed = Trader(stand.socket, role="feed")
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not stand.server.followers:
            assert time.monotonic() < deadline, "the connector does not follow the market"
            time.sleep(0.02)
        rows = []
        for number, ticks in enumerate((1, 2, 3, 4)):
            stand.quote(stand.at(-ticks), stand.at(ticks), stand.qty)
            rows.append(feed.until("quote"))
            assert rows[-1] == rows[-1] | {
                "row": number, "bid": float(stand.at(-ticks)), "ask": float(stand.at(ticks)),
            }  # fmt: skip
            stand.quote(stand.at(-ticks), stand.at(ticks), stand.qty)  # nothing new
            stand.quote(stand.at(3), stand.at(-3), stand.qty)  # crossed: no market is like that
            time.sleep(0.1)
        assert feed.told("quote") == rows
    finally:
        feed.close()


@pytest.mark.parametrize("skew_ms", [-120_000, 90_000])
def test_a_clock_that_is_wrong_is_set_by_the_exchanges(stand: ExchangeStand, skew_ms: int) -> None:
    trader = stand.join()
    stand.market.skew_ms = skew_ms
    trader.new("a.1.1.1", "buy", stand.qty, stand.at(-20))
    said = trader.until("ack", "reject", "unknown", id="a.1.1.1")
    deadline = time.monotonic() + PATIENCE_S
    while said["ev"] != "ack":
        assert said.get("reason") != "DUPLICATE_ID"
        assert time.monotonic() < deadline, said
        trader.new("a.1.1.1", "buy", stand.qty, stand.at(-20))
        said = trader.until("ack", "reject", "unknown", id="a.1.1.1")
    assert stand.truth().open == {"a.1.1.1": stand.qty}


def test_a_server_error_says_nothing_about_the_order(stand: ExchangeStand) -> None:
    trader = stand.join()
    for number, arrives in ((1, False), (2, True)):
        name = f"a.1.1.{number}"
        stand.server.wrong = "timeout_accepted" if arrives else "failing"
        trader.new(name, "buy", stand.qty, stand.at(-20))
        assert trader.until("unknown", id=name)["op"] == "new"
        assert trader.state(name) == ("open" if arrives else "unknown")
    assert stand.truth().open == {"a.1.1.2": stand.qty}


def test_an_order_that_is_long_on_its_way_is_too_old_when_it_comes(stand: ExchangeStand) -> None:
    """So that `unknown` in the answer to `order` stays true."""
    trader = stand.join()
    stand.server.wrong = "late"
    trader.new("a.1.1.1", "buy", stand.qty, stand.at(-20))
    trader.until("unknown", id="a.1.1.1")
    assert trader.state("a.1.1.1") == "unknown"
    time.sleep(LATE_S)
    assert stand.truth().open == {}
    assert stand.market.received == []


def test_an_order_that_is_not_ours_is_shown_as_such(stand: ExchangeStand) -> None:
    trader = stand.join()
    stand.quote(stand.at(-1), stand.at(1), 10 * stand.qty)
    wires = {"kraken": "0d6b345e-2821-40e2-ad83-4ecb18a06876"}
    wire = wires.get(stand.exchange, "somebodyElse")
    stand.market.new(wire, "buy", "limit", str(stand.qty), str(stand.at(-20)))
    stand.market.new(wire[:-1] + "7", "buy", "market", str(stand.qty))
    fill = trader.until("fill")
    (shown,) = trader.open_orders().values()
    from host.engine.provenance import read

    assert read(fill["id"]) is None
    assert read(shown["id"]) is None
    trader.cancel(shown["id"])
    trader.until("cancelled", id=shown["id"])
    assert stand.market.open() == []


def test_a_connector_that_comes_back_knows_its_orders(stand: ExchangeStand) -> None:
    """Killed with a partly filled order and one that it never heard of again."""
    from tests.exchanges.stand import Permit, Running

    trader, name = stand.join(), "a.18c2f0a1b2c.7.42"
    stand.quote(stand.at(-1), stand.at(1), stand.qty)
    trader.placed(name, "buy", stand.qty, stand.at(-5))
    stand.running.close()
    stand.quote(stand.at(-6), stand.at(-5), stand.qty / 4)
    stand.permit.close()
    stand.permit = Permit()
    stand.running = Running(stand.settings(), stand.permit)
    again = stand.join()
    assert D(again.open_orders()[name]["left"]) == stand.qty * 3 / 4
    assert [(fill["id"], D(fill["left"])) for fill in again.fills()] == [(name, stand.qty * 3 / 4)]
    again.new(name, "buy", stand.qty, stand.at(-5))
    assert again.until("reject", id=name)["reason"] == "DUPLICATE_ID"
    stand.quote(stand.at(-6), stand.at(-5), stand.qty)
    assert again.until("fill", id=name)["left"] == "0"


def test_spot_protects_with_plain_stops_of_what_is_held(tmp_path: Path) -> None:
    with STANDS["binance"](tmp_path) as stand:
        trader = stand.join()
        reduce = {"type": "stop", "intent": "REDUCE", "reduce_only": True}
        trader.new("a.1.1.1", "sell", stand.market.base + 1, stop=stand.at(-20), **reduce)
        assert trader.until("reject", id="a.1.1.1")["reason"] == "REDUCE_ONLY_WOULD_INCREASE"
        trader.new("a.1.1.2", "buy", stand.qty, stop=stand.at(20), **reduce)
        assert trader.until("reject", id="a.1.1.2")["reason"] == "REDUCE_ONLY_WOULD_INCREASE"
        trader.placed("a.1.1.3", "sell", stand.qty, stop=stand.at(-20), **reduce)
        assert D(trader.open_orders()["a.1.1.3"]["stop"]) == stand.at(-20)
        stand.quote(stand.at(-25), stand.at(-23), 10 * stand.qty)
        fill = trader.until("fill", id="a.1.1.3")
        assert (fill["left"], D(fill["price"])) == ("0", stand.at(-25))
