"""The ladder on a bench that trades: flattened by a kill, killed in the middle, foreign orders found."""

import contextlib
import os
import signal
import socket
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from host import config
from host.guard.client import GuardClient
from tests.integration.kit import Trading, packets, trading

# Slices of a fortieth of the largest position, so that the ladder takes many of them.
FLATTEN = config.DEFAULT.read_text().replace(
    '"cancel_entries"', '"flatten"\nslice_value_quote = 250'
)


def host(folder: Path, text: str) -> list[str]:
    """Return the command line of a host that runs under the configuration `text`."""
    file = folder / "bot4.toml"
    file.write_text(text)
    return [sys.executable, "-m", "bot4", "run", "--config", str(file)]


class Person:
    """Somebody else with the account's keys: a trade connection of its own."""

    def __init__(self, venue: Path) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(10)
        self.sock.connect(str(venue))
        self.sock.recv(1 << 18)
        self.say(op="hello", role="trade")

    def __enter__(self) -> "Person":
        return self

    def __exit__(self, *_error: object) -> None:
        self.sock.close()

    def say(self, **message: Any) -> None:
        """Send one message."""
        self.sock.send(msgspec.json.encode(message))

    def ask(self, op: str) -> dict[str, Any]:
        """Return the answer to a query, past everything that is told to all traders."""
        self.say(op=op, req=1)
        while (event := msgspec.json.decode(self.sock.recv(1 << 18)))["ev"] != op:
            pass
        return event

    def position(self) -> Decimal:
        """Return the account's position."""
        return Decimal(self.ask("position")["qty"])


def wait_position(person: Person, timeout_s: float = 10.0) -> None:
    """Wait until the strategy holds something."""
    deadline = time.monotonic() + timeout_s
    while not person.position():
        assert time.monotonic() < deadline, "the strategy bought nothing"
        time.sleep(0.01)


def log(bench: Trading) -> list[dict[str, Any]]:
    """Return every record of the audit log so far."""
    files = sorted((bench.bench.setup.out / "audit").glob("*.jsonl"))
    lines = b"".join(file.read_bytes() for file in files).split(b"\n")[:-1]
    return [msgspec.json.decode(line) for line in lines]


def wait_log(bench: Trading, kind: str, timeout_s: float = 10.0, **data: Any) -> dict[str, Any]:
    """Wait for a record; return its data."""
    deadline = time.monotonic() + timeout_s
    while True:
        for record in log(bench):
            if record["kind"] == kind and data.items() <= record["data"].items():
                return record["data"]
        assert time.monotonic() < deadline, f"no {kind} with {data} is on record"
        time.sleep(0.05)


def test_a_kill_under_flatten_closes_the_position_and_trading_goes_on_after_a_rearm(
    tmp_path: Path,
) -> None:
    with (
        trading(tmp_path, host=host(tmp_path, FLATTEN)) as bench,
        Person(bench.bench._venue_socket) as person,
    ):
        # A press may come when the strategy has just sold everything: then nothing is to be closed.
        for _ in range(5):
            wait_position(person)
            bench.press()
            pressed_ns = time.monotonic_ns()
            status = bench.wait_status(timeout_s=15.0, ladder_done=True)
            assert status["ladder_done"] is True
            assert person.position() == 0
            assert person.ask("open_orders")["orders"] == []
            assert bench.orders_after(pressed_ns) == []
            sold = [
                packet["msg"]
                for packet in packets(bench.bench.venue_record)
                if (packet["msg"] or {}).get("intent") == "LIQUIDATE"
            ]
            if sold:
                break
            bench.rearm()
        assert sold
        assert all(order["reduce_only"] and order["id"].startswith("ladder.") for order in sold)
        assert wait_log(bench, "liquidation", granted=True)
        bench.rearm()


def test_a_kill_leaves_a_stop_at_the_venue_that_covers_the_position(tmp_path: Path) -> None:
    covered = []
    with trading(tmp_path) as bench, Person(bench.bench._venue_socket) as person:
        for _ in range(5):
            wait_position(person)
            bench.press()
            assert bench.wait_status(timeout_s=10.0, ladder_done=True)["ladder_done"] is True
            listed = person.ask("open_orders")["orders"]
            assert all(order["reduce_only"] and order["stop"] for order in listed)
            left = sum(Decimal(order["left"]) for order in listed)
            # A press may come between a fill and its stop, or when all has just been sold.
            covered.append((person.position(), max(Decimal(0), person.position() - left)))
            if covered[-1][0] and not covered[-1][1]:
                break
            bench.rearm()
        held, bare = covered[-1]
        assert held > 0
        assert bare == 0
        wait_log(bench, "rung", rung="HALTED", position=f"{held:f}", uncovered="0")


def test_a_loss_after_bot4_halt_takes_the_emergency_further_and_one_after_a_press_does_not(
    tmp_path: Path,
) -> None:
    loss = "max_loss_quote = 25_000.0"
    text = config.DEFAULT.read_text()
    assert loss in text
    text = text.replace(loss, "max_loss_quote = 60.0").replace(
        "[strategy]", "[strategy]\nstop_distance_bps = 5000"
    )
    # So few rows a second that no forecast can be young enough.
    for rail in ("max_var_share = 0.02", "max_cvar_share = 0.028", "max_forecast_age_s = 2.0"):
        assert rail in text
        text = text.replace(
            rail, rail.split(" = ")[0] + ' = "loosened: a replay without forecasts"'
        )
    with (
        trading(tmp_path, host=host(tmp_path, text), speed=8.0) as bench,
        Person(bench.bench._venue_socket) as person,
    ):
        for _ in range(5):  # the market may be faster than we: then a person re-arms
            wait_position(person)
            with contextlib.closing(GuardClient(bench.bench.run_dir)) as guard:  # as `bot4 halt`
                reason = guard.request(op="down", detail="stay")["reason"]
            if reason == "OPERATOR":
                break
            bench.wait_status(timeout_s=20.0, ladder_done=True)
            bench.rearm()
        assert reason == "OPERATOR"
        # The position stays, as on_kill says, until the market takes more than the limit off it.
        further = wait_log(bench, "mode", timeout_s=30.0, reason="DRAWDOWN", was="OPERATOR")
        assert further["mode"] == "EMERGENCY"
        status = bench.wait_status(timeout_s=20.0, ladder_done=True, reason="DRAWDOWN")
        assert (status["ladder_done"], person.position()) == (True, 0)
        bench.rearm()
        wait_position(person)
        bench.press()
        bench.wait_status(timeout_s=10.0, ladder_done=True)
        held = person.position()
        time.sleep(5)
        assert bench.status()["reason"] == "HALT_LINE"
        assert person.position() == held


def test_an_engine_killed_in_mid_ladder_goes_on_and_no_rearm_comes_between(tmp_path: Path) -> None:
    with (
        trading(tmp_path, host=host(tmp_path, FLATTEN)) as bench,
        Person(bench.bench._venue_socket) as person,
    ):
        wait_position(person)
        venue = bench.bench.processes["venue"]
        venue.send_signal(signal.SIGUSR1)  # maintenance: the ladder cannot end
        time.sleep(0.2)
        killed = bench.pid("engine")
        bench.press()
        time.sleep(0.3)
        os.kill(killed, signal.SIGKILL)
        status = bench.wait_status(timeout_s=10.0, ladder_done=False, mode="EMERGENCY")
        bench.press()  # a second press changes nothing
        hold_rearm(bench)
        status = bench.status()
        assert (status["mode"], status["ladder_done"]) == ("EMERGENCY", False)
        assert wait_log(bench, "alert", code="LADDER_OVERDUE")["venue"] == "paper"
        venue.send_signal(signal.SIGUSR1)
        status = bench.wait_status(timeout_s=20.0, ladder_done=True)
        assert status["ladder_done"] is True
        assert status["engine_pid"] not in (None, killed)
        assert person.position() == 0
        bench.rearm()


def test_a_host_killed_in_mid_ladder_goes_on_when_it_is_started_again(tmp_path: Path) -> None:
    with (
        trading(tmp_path, host=host(tmp_path, FLATTEN)) as bench,
        Person(bench.bench._venue_socket) as person,
    ):
        wait_position(person)
        venue = bench.bench.processes["venue"]
        venue.send_signal(signal.SIGUSR1)  # maintenance: the ladder cannot end
        time.sleep(0.2)
        bench.press()
        time.sleep(0.3)
        killed = bench.bench.processes.pop("host")
        killed.kill()
        killed.communicate(timeout=10)
        time.sleep(0.5)  # its children end with it
        venue.send_signal(signal.SIGUSR1)
        bench.bench.start_host()
        status = bench.wait_status(timeout_s=20.0, ladder_done=True, reason="HALT_LINE")
        assert (status["ladder_done"], status["reason"]) == (True, "HALT_LINE")
        assert person.position() == 0
        assert wait_log(bench, "ladder_unfinished")["reason"] == "HALT_LINE"
        bench.rearm()


def hold_rearm(bench: Trading) -> None:
    """Release the switch and hold the button, as somebody does who has not read the alarm."""
    from rig.virtual import stimulus

    bench.bench.wires.stimulate(stimulus.release(bench.session._rng))
    bench.bench.wires.stimulate([(0, "REARM", 0), (100_000, "REARM", 1)])
    time.sleep(0.5)


def test_an_order_and_a_fill_that_are_not_ours_are_found_and_pause_trading(tmp_path: Path) -> None:
    with trading(tmp_path) as bench, Person(bench.bench._venue_socket) as person:
        order = {"op": "new", "intent": "OPEN", "side": "buy", "qty": "0.001"}
        person.say(**order, id="web-1", type="limit", price="0.5")
        found = wait_log(bench, "alert", code="UNKNOWN_ORDER")
        assert (found["what"], found["ids"]) == ("ORDER", ["web-1"])
        status = bench.wait_status(mode="PAUSED")
        assert (status["mode"], status["reason"]) == ("PAUSED", "UNKNOWN_ORDER")
        paused_ns = time.monotonic_ns()
        time.sleep(0.5)
        opened = [p for p in bench.orders_after(paused_ns) if p["msg"]["intent"] == "OPEN"]
        assert opened == []
        bench.press()  # only a person at the box brings trading back, and the ladder cleans up
        bench.wait_status(timeout_s=10.0, ladder_done=True)
        assert person.ask("open_orders")["orders"] == []
        bench.rearm()
        person.say(**order, id="web-2", type="market")
        wait_log(bench, "fill", id="web-2")
        assert bench.wait_status(reason="UNKNOWN_ORDER")["mode"] == "PAUSED"
