"""A bench whose market is played by the test, row by row, through the paper venue's control socket.

The strategy may enter once a day; what it holds then, and what fills, is the test's doing.
"""

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import msgspec

from host import config
from rig.processes import Placement
from rig.virtual.bench import VirtualBench
from tests.integration.killing import Account, account, lines
from tests.integration.kit import Trading, trading
from tests.integration.test_ladder import Person, host

PATIENCE_S = 15.0
ROW_S = 0.01
PRICE, TICK, PLENTY = D(100), D("0.01"), D(100_000)
# So wide that an entry, which has the price of the middle, rests until the hand fills it.
SPREAD = 6 * TICK
# Quote currency. What a tick more or less makes the strategy wish is worth less, and nothing is sent.
LEAST_VALUE = 600
TARGET_BPS, STOP_BPS = 20, 100


class HandBench(VirtualBench):
    """Nothing is played but what the hand plays."""

    def _start_venue(self) -> None:
        self.venue_record = self.setup.out / "venue.jsonl"
        data, self.control = self.setup.out / "quotes.csv", self._room / "control"
        data.write_text("timestamp_ms,bid,bid_qty,ask,ask_qty\n1704067200000,100.00,1,100.01,1\n")
        command = [sys.executable, "-m", "host.paper", "--listen", str(self._venue_socket)]
        command += ["--record", str(self.venue_record), "--data", str(data)]
        command += ["--rows-per-s", "0", "--control", str(self.control)]
        command += ["--min-notional", str(LEAST_VALUE)]
        self._spawn("venue", command, Placement(self.other_cpus), ready=True)
        self.hand = Hand(self.control)

    def _end_all(self) -> None:
        if hasattr(self, "hand"):
            self.hand.close()
        super()._end_all()


class Hand:
    """Plays quotes: one after the other by itself (`idle` price) until it is told to hold still."""

    def __init__(self, control: Path) -> None:
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._sock.settimeout(10)
        self._sock.connect(str(control))
        self._lock = threading.Lock()
        self._end, self._plays = threading.Event(), threading.Event()
        self._quote = (PRICE, PLENTY, PLENTY)
        self._swings = True
        self._plays.set()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def play(self, bid: D, bid_qty: D = PLENTY, ask_qty: D = PLENTY, spread: D = SPREAD) -> None:
        """Play one quote."""
        told = {"op": "quote", "bid": f"{bid:f}", "ask": f"{bid + spread:f}"}
        told |= {"bid_qty": f"{bid_qty:f}", "ask_qty": f"{ask_qty:f}"}
        with self._lock:
            self._sock.send(msgspec.json.encode(told))
            assert msgspec.json.decode(self._sock.recv(4096)) == {"ev": "done"}

    def go_on(self, bid: D, bid_qty: D = PLENTY, ask_qty: D = PLENTY, swings: bool = False) -> None:
        """Play this quote again and again; one that `swings` goes a tick up and down."""
        self._quote, self._swings = (bid, bid_qty, ask_qty), swings
        self._plays.set()

    def sell(self, price: D, qty: D = PLENTY) -> None:
        """Play one quote at which so much can be bought, a tick wide: the middle hardly moves."""
        self.play(price - TICK, ask_qty=qty, spread=TICK)

    def hold(self) -> None:
        """Play nothing more by itself."""
        self._plays.clear()
        time.sleep(3 * ROW_S)

    def _run(self) -> None:
        up = False
        while not self._end.wait(ROW_S):
            if self._plays.is_set():
                bid, bid_qty, ask_qty = self._quote
                up = not up and self._swings
                with contextlib.suppress(OSError):  # the venue has ended
                    self.play(bid + TICK * up, bid_qty, ask_qty)

    def close(self) -> None:
        """Play no more."""
        self._end.set()
        self._thread.join()
        self._sock.close()


class Scene:
    """A bench in the hand of the test, and somebody else with the account's keys."""

    def __init__(self, bench: Trading, person: Person) -> None:
        assert isinstance(bench.bench, HandBench)
        self.bench, self.person, self.hand = bench, person, bench.bench.hand
        self.record = bench.bench.venue_record

    def account(self) -> Account:
        """Return the account as the venue's record tells it."""
        return account(lines(self.record))

    def until(self, holds: Callable[[Account], bool], what: str) -> Account:
        """Wait until the venue's record says so."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds(found := self.account()):
            assert time.monotonic() < deadline, f"{what}: {found}"
            time.sleep(0.005)
        return found

    def enter(self) -> D:
        """Have the one entry filled, and wait for its stop and its target; nothing moves then."""
        entry = self.entry()
        held = D(entry["qty"])
        self.hand.sell(D(entry["price"]))
        self.until(lambda now: now.position == held, "the entry is filled")
        self.until(lambda now: sizes(now) == {"stop": [held], "limit": [held]}, "the pair stands")
        return held

    def entry(self) -> dict[str, Any]:
        """Return the entry, which rests; nothing moves any more."""
        self.hand.hold()
        (found,) = self.until(lambda now: len(now.open) == 1, "an entry rests").open.values()
        assert found["intent"] == "OPEN"
        return found

    def kill_engine(self) -> None:
        """-9, and wait until it has ended: from then on nobody of ours is there."""
        pid = self.bench.pid("engine")
        subprocess.run(["kill", "-9", str(pid)], check=True)
        deadline = time.monotonic() + 5
        while _runs(pid):
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def listed(self) -> list[dict[str, Any]]:
        """Return what the venue itself lists."""
        orders: list[dict[str, Any]] = self.person.ask("open_orders")["orders"]
        return orders


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in ("Z", "X")


def sizes(now: Account) -> dict[str, list[D]]:
    """Return the quantities of what is open, by type."""
    found: dict[str, list[D]] = {}
    for order in now.open.values():
        found.setdefault(order["type"], []).append(D(order["qty"]))
    return found


def text(on_kill: str) -> str:
    """Return the configuration."""
    told = config.DEFAULT.read_text()
    for old, new in (
        ("target_distance_bps = 300.0", f"target_distance_bps = {TARGET_BPS}"),
        ("capital_quote =", f"stop_distance_bps = {STOP_BPS}\ncapital_quote ="),
        ('"cancel_entries"', f'"{on_kill}"'),
        ("max_orders_per_day = 10_000_000", "max_orders_per_day = 1"),
        ("max_data_age_s = 5.0", 'max_data_age_s = "loosened: the hand takes its time"'),
        ("max_forecast_age_s = 2.0", 'max_forecast_age_s = "loosened: a hand plays the market"'),
        ("max_var_share = 0.02", 'max_var_share = "loosened: a hand plays the market"'),
        ("max_cvar_share = 0.028", 'max_cvar_share = "loosened: a hand plays the market"'),
    ):  # fmt: skip
        assert old in told
        told = told.replace(old, new)
    return told + "\n[supervisor]\nsecond_failure_s = 0.001\n"


@contextlib.contextmanager
def by_hand(folder: Path, on_kill: str = "cancel_entries") -> Iterator[Scene]:
    """Bring a bench up whose strategy has sent its entry, which rests."""
    with (
        trading(folder, HandBench, host=host(folder, text(on_kill))) as bench,
        Person(bench.bench._venue_socket) as person,
    ):
        yield Scene(bench, person)
