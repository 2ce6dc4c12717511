"""Two venues of which one is unreachable in mid-ladder: the other one is worked off, "done" waits."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.integration.kit import trading
from tests.integration.test_ladder import (
    FLATTEN,
    Person,
    hold_rearm,
    host,
    log,
    wait_log,
    wait_position,
)

DEADLINE_S = 1.0


class SecondVenue:
    """Another paper venue, started, stopped and killed by the test."""

    def __init__(self, folder: Path, out: Path) -> None:
        self.socket = folder / "second"
        self._out = out
        self.start()

    def start(self) -> None:
        """Start it; a venue that begins anew holds nothing."""
        command = [sys.executable, "-m", "host.paper", "--listen", str(self.socket)]
        command += ["--record", str(self._out), "--data", "sp500", "--repeat"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"

    def end(self) -> None:
        """Kill it, whatever state it is in."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def hold(self, quantity: str, order_id: str) -> None:
        """Give the account a position, under an id of an earlier run of the host."""
        with Person(self.socket) as person:
            order = {"op": "new", "intent": "OPEN", "side": "buy", "type": "market"}
            person.say(**order, qty=quantity, price=None, id=order_id)
            wait_position(person)


@pytest.fixture
def second(tmp_path: Path) -> Iterator[SecondVenue]:
    with tempfile.TemporaryDirectory() as folder:
        venue = SecondVenue(Path(folder), tmp_path / "second.jsonl")
        try:
            yield venue
        finally:
            venue.end()


def two_venues(tmp_path: Path, second: SecondVenue) -> list[str]:
    """Return the command line of a host with both venues in its configuration."""
    table = f'[[venue]]\nname = "second"\nsocket = "{second.socket}"\n'
    table += f"cancel_deadline_s = {DEADLINE_S}\nliquidate_deadline_s = {DEADLINE_S}\n"
    return host(tmp_path, FLATTEN + table)


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_a_venue_that_is_gone_in_mid_ladder_alerts_and_is_done_only_once_it_is_back(
    tmp_path: Path, second: SecondVenue, how: str
) -> None:
    second.hold("0.5", "trend.1.1.1")
    with (
        trading(tmp_path, host=two_venues(tmp_path, second)) as bench,
        Person(bench.bench._venue_socket) as person,
    ):
        wait_position(person)
        second.process.send_signal(signal.SIGSTOP)
        if how == "killed":
            second.end()
        engine = bench.pid("engine")
        bench.press()
        pressed_s = time.monotonic()
        # The venue that answers is flat while the other one is not even asked.
        while person.position() or person.ask("open_orders")["orders"]:
            assert time.monotonic() < pressed_s + 10, "the first venue was held up"
            time.sleep(0.02)
        overdue = wait_log(bench, "alert", code="LADDER_OVERDUE")
        assert (overdue["venue"], overdue["rung"]) == ("second", "CANCEL")
        time.sleep(2 * DEADLINE_S)
        hold_rearm(bench)
        status = bench.status()
        assert (status["mode"], status["ladder_done"]) == ("EMERGENCY", False)
        assert status["engine_pid"] == engine, "the engine hung on the venue that is gone"
        said = [record["data"] for record in log(bench) if record["kind"] == "alert"]
        late = [data["venue"] for data in said if data["code"] == "LADDER_OVERDUE"]
        assert set(late) == {"second"}
        assert len(late) >= 2, "one alert at every deadline"
        if how == "stopped":
            second.process.send_signal(signal.SIGCONT)
        else:
            second.start()
        status = bench.wait_status(timeout_s=20.0, ladder_done=True)
        assert status["ladder_done"] is True
        with Person(second.socket) as other:
            assert other.position() == Decimal(0)
            assert other.ask("open_orders")["orders"] == []
        bench.rearm()


def test_a_venue_that_stops_answering_while_we_trade_is_lost_and_nobody_rearms_without_it(
    tmp_path: Path, second: SecondVenue
) -> None:
    with trading(tmp_path, host=two_venues(tmp_path, second)) as bench:
        os.kill(second.process.pid, signal.SIGSTOP)
        status = bench.wait_status(timeout_s=15.0, mode="EMERGENCY")
        assert (status["mode"], status["reason"]) == ("EMERGENCY", "VENUE_LOST")
        assert wait_log(bench, "alert", code="LADDER_OVERDUE")["venue"] == "second"
        assert bench.status()["ladder_done"] is False
        os.kill(second.process.pid, signal.SIGCONT)
        assert bench.wait_status(timeout_s=15.0, ladder_done=True)["ladder_done"] is True
        bench.rearm()


def test_a_press_after_the_host_has_stopped_by_itself_still_does_what_on_kill_says(
    tmp_path: Path, second: SecondVenue
) -> None:
    with (
        trading(tmp_path, host=two_venues(tmp_path, second)) as bench,
        Person(bench.bench._venue_socket) as person,
    ):
        wait_position(person)
        second.end()
        assert bench.wait_status(timeout_s=15.0, mode="EMERGENCY")["reason"] == "VENUE_LOST"
        bench.press()
        wait_log(bench, "mode", reason="SWITCH_PRESSED", was="VENUE_LOST")
        deadline_s = time.monotonic() + 10
        while person.position():
            assert time.monotonic() < deadline_s, "the press left a position"
            time.sleep(0.02)
        second.start()
        assert bench.wait_status(timeout_s=20.0, ladder_done=True)["ladder_done"] is True
        bench.rearm()
