"""`bot4 run` at an exchange, the local Kraken, whose own record is the judge."""

import os
import random
import signal
import time
from collections import Counter
from decimal import Decimal as D
from pathlib import Path

import pytest

from tests.integration.at_exchange import (
    Exchange,
    KrakenBench,
    Tail,
    kraken_host,
    nothing_left_over,
)
from tests.integration.kit import Trading, bot4, trading
from tests.integration.test_ladder import log, wait_log

CONNECTOR_S = 40.0
KILLS = 3


def connector(bench: Trading) -> int:
    """Return the connector's process id once it is attached."""
    deadline = time.monotonic() + CONNECTOR_S
    while time.monotonic() < deadline:
        pid = bench.status().get("engines", {}).get("kraken")
        if pid is not None:
            return int(pid)
        time.sleep(0.05)
    raise AssertionError("no connector is running")


def wait_held(exchange: Exchange) -> None:
    deadline = time.monotonic() + 20
    while exchange.market.base < D("0.1"):
        assert time.monotonic() < deadline, "the strategy bought nothing"
        time.sleep(0.01)


def wait_covered(exchange: Exchange) -> None:
    deadline = time.monotonic() + 15
    while exchange.bare() > 0:
        assert time.monotonic() < deadline, f"{exchange.bare()} is without a stop"
        time.sleep(0.02)


def kill_connector(bench: Trading, exchange: Exchange) -> float:
    """-9 in the middle: the venue is lost, comes back, reconciles, and nothing is there twice.

    Return the time until it was worked off, s.
    """
    killed = connector(bench)
    os.kill(killed, signal.SIGKILL)
    killed_s = time.monotonic()
    status = bench.wait_status(timeout_s=5.0, mode="EMERGENCY")
    assert (status["mode"], status["reason"]) == ("EMERGENCY", "VENUE_LOST")
    status = bench.wait_status(timeout_s=CONNECTOR_S, ladder_done=True)
    assert status["ladder_done"] is True
    back_s = time.monotonic() - killed_s
    assert connector(bench) != killed
    assert exchange.bare() <= 0, "a position without a stop"
    assert all(order.stop is not None for order in exchange.open()), "more than stops is open"
    time.sleep(0.3)  # the recorder's commit
    claim = [r["data"] for r in log(bench) if r["kind"] == "rung" and r["data"]["rung"] == "HALTED"]
    assert D(claim[-1]["position"]) == exchange.market.base
    assert [name for name, count in Counter(exchange.received()).items() if count > 1] == []
    return back_s


def environment_of(pid: int) -> str:
    return Path(f"/proc/{pid}/environ").read_text()


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of somebody else in the environment that the host is started in."""
    monkeypatch.setenv("BOT4_OKX_SECRET", "of-another-exchange")
    monkeypatch.setenv("XAI_API_KEY", "of-the-enrichment")


def test_it_trades_there_survives_a_killed_connector_and_a_press_sells_everything(
    tmp_path: Path, secrets: None, capsys: pytest.CaptureFixture
) -> None:
    with (
        nothing_left_over(tmp_path),
        trading(tmp_path, KrakenBench, Tail, host=kraken_host(tmp_path, "flatten")) as bench,
    ):
        exchange, rng = Exchange(bench), random.Random(4)
        wait_held(exchange)
        for pid in (
            connector(bench),
            bench.pid("engine"),
            bench.pid("recorder"),
            bench.pid("guard"),
        ):
            assert not {"BOT4_OKX_SECRET", "XAI_API_KEY"} & set(
                environment_of(pid).replace("=", "\0").split("\0")
            )

        back_s = []
        for _ in range(KILLS):
            time.sleep(rng.uniform(0, 0.3))
            back_s.append(kill_connector(bench, exchange))
            bench.rearm()  # a person
            wait_held(exchange)
        before = len(exchange.market.received)
        bench.press()
        status = bench.wait_status(timeout_s=30.0, ladder_done=True)
        assert status["ladder_done"] is True
        assert (exchange.market.base, exchange.open()) == (D(0), [])
        # What the strategy sent until the gate closed comes first, and from then on the ladder alone.
        whose = [name.partition(".")[0] for name in exchange.received()[before:]]
        assert "ladder" in whose, "nothing was sold by the ladder"
        assert set(whose[whose.index("ladder") :]) == {"ladder"}
        assert wait_log(bench, "rung", rung="HALTED", position="0", stops=0)
        alerts = Counter(r["data"].get("code") for r in log(bench) if r["kind"] == "alert")
        assert "UNKNOWN_ORDER" not in alerts
        with capsys.disabled():
            print(
                f"\n  {len(exchange.received())} orders, {len(exchange.market.executions)} executions at "
                f"the exchange; connector killed {KILLS} times, worked off after at most "
                f"{max(back_s):.1f} s; alerts {dict(alerts)}",
                end=" ",
            )


def test_a_kill_leaves_the_stop_that_the_exchange_holds(tmp_path: Path) -> None:
    command = kraken_host(tmp_path, "cancel_entries")
    with trading(tmp_path, KrakenBench, Tail, host=command) as bench:
        exchange = Exchange(bench)
        wait_held(exchange)
        bench.bench.stand()  # type: ignore[attr-defined]
        wait_covered(exchange)
        bench.press()
        assert bench.wait_status(timeout_s=20.0, ladder_done=True)["ladder_done"] is True
        assert exchange.market.base > 0
        (stop,) = exchange.open()
        assert (stop.side, stop.left) == ("sell", exchange.market.base)
        told = wait_log(bench, "rung", rung="HALTED", stops=1)
        assert (D(told["position"]), D(told["uncovered"])) == (exchange.market.base, 0)


def test_live_on_a_host_that_is_not_ready_asks_the_exchange_nothing(tmp_path: Path) -> None:
    from tests.exchanges.kraken import KrakenSpot

    server = KrakenSpot()
    try:
        kraken_host(tmp_path, "flatten")
        file = tmp_path / "bot4.toml"
        file.write_text(file.read_text().replace("URL", server.url))
        more = ("--run-dir", str(tmp_path / "run"), "--audit-dir", str(tmp_path / "audit"))
        done = bot4("run", "--config", str(file), *more, "--live")
        assert done.returncode == 1, done.stderr
        assert "not ready for live trading; nothing is traded" in done.stderr
        assert (server.requests, server.market.received) == ([], [])
        assert not (tmp_path / "run").exists()
        # Without a url the exchange itself would be asked, and it is not even looked up.
        file.write_text(file.read_text().replace(f'url = "{server.url}"', ""))
        assert bot4("run", "--config", str(file), *more, "--live").returncode == 1
        plain = bot4("run", "--config", str(file), *more)
        assert (plain.returncode, "needs --live" in plain.stderr) == (2, True)
        assert not (tmp_path / "run").exists()
    finally:
        server.close()
