"""Hostile packets: every one is answered or refused, none changes what it must not, the venue lives."""

import json
import os
import random
from decimal import Decimal as D

import pytest

from tests.venues.stand import Stand
from tests.venues.trader import Trader

PACKETS = int(os.environ.get("BOT4_HOSTILE_PACKETS", "1500"))
VALUES = [
    None, True, False, 0, -1, 1.5, 2**53, 2**63, 10**400, "", "0", "-1", "1", "100", "1e9", "nan",
    "Infinity", "9" * 40, "0.000000001", "\u0000", "\ud800", "٣", "x" * 300, [], {}, [[]], {"a": 1},
    "buy", "sell", "limit", "market", "stop", "ioc", "gtc", "OPEN", "REDUCE", "LIQUIDATE", "CANCEL",
    "a.1.1.1", "../../etc", "a b", "%s%n", "'; --", "trade", "feed", "control", "t1", "t99999999999999",
]  # fmt: skip
FIELDS = ["op", "id", "stop_id", "intent", "side", "type", "qty", "price", "stop", "reduce_only",
          "post_only", "tif", "req", "since", "timeout_ms", "role", "extra"]  # fmt: skip
OPS = ["new", "cancel", "cancel_all", "amend", "oco", "open_orders", "position", "mark", "order",
       "fills", "rules", "deadman", "hello", "withdraw", "", None, 1]  # fmt: skip
RAW = [b"", b"{", b"null", b"[]", b"\xff\xfe", b"[" * 5_000, b"{}" * 3, b"x" * 40_000,
       b'{"op":"new","op":"cancel"}', b'{"op":"position","req":1e5}']  # fmt: skip


def hostile(chance: random.Random, qty: D, price: D) -> bytes:
    """One packet: bytes that are no JSON, noise, or an order with a part that is wrong."""
    kind = chance.random()
    if kind < 0.1:
        return chance.choice(RAW)
    if kind < 0.2:
        return chance.randbytes(chance.randint(1, 200))
    packet = {"op": chance.choice(OPS), "id": f"h.1.1.{chance.randint(1, 40)}", "intent": "OPEN"}
    if packet["op"] in ("new", "amend", "oco"):
        packet |= {"side": chance.choice(["buy", "sell"]), "type": "limit", "qty": str(qty)}
        packet |= {"price": str(price)}
    for _ in range(chance.randint(0, 3)):
        packet[chance.choice(FIELDS)] = chance.choice(VALUES)
    text = json.dumps(packet).encode()
    return text[: chance.randint(0, len(text))] if chance.random() < 0.1 else text


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_that_is_sent_crashes_the_venue_or_makes_a_position(
    venue: Stand, seed: int
) -> None:
    watcher, enemy = venue.join(), venue.join()
    watcher.placed("a.1.1.1", "buy", venue.qty, venue.at(-30))
    before = watcher.position()
    chance = random.Random(seed)
    for number in range(PACKETS):
        packet = hostile(chance, venue.qty, venue.at(-20))
        if b"cancel_all" in packet or b'"a.1.1.1"' in packet:
            continue  # both are valid wishes
        enemy.send_packet(packet)
        if number % 100 == 0:
            enemy.quiet()
    enemy.quiet()
    assert watcher.position() == before
    assert watcher.state("a.1.1.1") == "open"
    assert venue.truth().open["a.1.1.1"] == venue.qty
    answered = sum(len(enemy.told(kind)) for kind in ("reject", "cancel_reject", "amend_reject"))
    assert answered > PACKETS / 4, "hostile packets are refused, not swallowed"
    watcher.send(op="cancel_all", intent="CANCEL")
    watcher.until("cancelled_all")
    assert venue.truth().open == {}


def test_a_client_that_goes_away_in_the_middle_hurts_nobody(venue: Stand) -> None:
    other = venue.join()
    for number in range(20):
        client = venue.join()
        client.new(f"a.1.1.{number + 1}", "buy", venue.qty, venue.at(-20))
        client.close()
    other.quiet()
    named = set(venue.truth().open)
    assert named <= {f"a.1.1.{n}" for n in range(1, 21)}
    other.send(op="cancel_all", intent="CANCEL")
    assert set(other.until("cancelled_all")["ids"]) == named


def test_a_stranger_who_says_nothing_first_can_not_trade(venue: Stand) -> None:
    stranger = Trader(venue.socket, role="feed")
    try:
        stranger.new("a.1.1.1", "buy", venue.qty, venue.at(-20))
        assert stranger.until("reject", id="a.1.1.1")["reason"] == "BAD_MESSAGE"
    finally:
        stranger.close()
    assert venue.truth().open == {}
