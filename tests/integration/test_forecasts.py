"""The engine trades on forecasts, stops without them, and holds the limits that they are for."""

import os
import re
import signal
import socket
import struct
import time
from pathlib import Path

from host import config, forecast
from tests.integration.kit import Trading, trading
from tests.integration.test_ladder import host, log, wait_log

# So little capital that the share of it which may be lost is what limits the position.
POOR = re.sub("capital_quote = .*", "capital_quote = 4_000.0", config.DEFAULT.read_text())
POOR = POOR.replace("max_exposure_share = 1.0", "max_exposure_share = 3.0")
POOR = POOR.replace("target_sigma_pct = 1.0", "")


def modeller_pid(kit: Trading) -> int:
    """Return who hands the forecast page out."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        sock.connect(str(kit.bench.run_dir / forecast.SOCKET))
        credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return struct.unpack("3i", credentials)[0]


def when(kit: Trading, data: dict) -> int:
    """Return the monotonic time of the record with this data."""
    return next(record["mono_ns"] for record in log(kit) if record["data"] == data)


def test_a_stopped_modeller_pauses_trading_and_one_that_goes_on_lets_it_go_on(
    tmp_path: Path,
) -> None:
    with trading(tmp_path) as kit:
        pid = modeller_pid(kit)
        stopped_ns = time.monotonic_ns()
        os.kill(pid, signal.SIGSTOP)
        status = kit.wait_status(mode="PAUSED")
        step = wait_log(kit, "mode", reason="FORECAST_STALE")
        delay_s = (when(kit, step) - stopped_ns) / 1e9
        limit_s = config.load(config.DEFAULT).limits.max_forecast_age_s
        assert (status["mode"], status["reason"]) == ("PAUSED", "FORECAST_STALE")
        print(f"modeller stopped -> PAUSED after {delay_s:.2f} s, limit {limit_s} s")
        quiet_ns = time.monotonic_ns()
        time.sleep(0.5)
        opened = [p for p in kit.orders_after(quiet_ns) if p["msg"]["intent"] == "OPEN"]
        assert opened == []
        # Counted from the last word of the modeller, which came a moment before.
        assert limit_s - 0.2 < delay_s < limit_s + 1
        os.kill(pid, signal.SIGCONT)
        assert kit.wait_status(mode="NORMAL")["mode"] == "NORMAL"


def test_a_killed_modeller_comes_back_and_nothing_else_falls(tmp_path: Path) -> None:
    with trading(tmp_path) as kit:
        engine = kit.pid("engine")
        first = modeller_pid(kit)
        os.kill(first, signal.SIGKILL)
        assert kit.wait_status(mode="PAUSED")["reason"] == "FORECAST_STALE"
        assert kit.wait_status(15.0, mode="NORMAL")["mode"] == "NORMAL"
        assert modeller_pid(kit) != first
        assert kit.pid("engine") == engine


def test_after_every_order_the_position_may_lose_no_more_than_its_share(tmp_path: Path) -> None:
    with trading(tmp_path, host=host(tmp_path, POOR)) as kit:
        time.sleep(2)
        records = log(kit)
    kinds = {record["kind"] for record in records}
    assert {"forecast_fresh", "model_fitted", "order", "fill"} <= kinds
    position, used = 0.0, []
    for record in records:
        data = record["data"]
        if record["kind"] == "fill":
            position += float(data["qty"]) * (1 if data["side"] == "buy" else -1)
        elif record["kind"] == "order" and data["intent"] == "OPEN":
            value = (position + float(data["qty"])) * float(data["price"])
            used.append(value * data["var_share"] / data["equity"])
    print(
        f"{len(used)} entries, VaR after them up to {100 * max(used):.2f} % of the equity, limit 2 %"
    )
    assert max(used) <= 0.02 * (1 + 1e-6)
    assert max(used) > 0.01  # it is this limit that binds
