"""`bot4 data fetch` against a local exchange: whole, interrupted and resumed, refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("ccxt")
pytest.importorskip("pyarrow")

from starlette.responses import JSONResponse

from host.data.fetch import NotReached, Told, checked, fetch
from host.data.reader import BadData, read
from host.data.store import Stored
from tests.data.binance import HOUR_MS, PATIENCE_S, T0_MS, Binance, bars

ROWS = 1_000
FROM, TO = "2024-01-01", "2024-02-11T16:00"  # ROWS hours


@pytest.fixture
def exchange() -> Iterator[Binance]:
    made = Binance(bars(ROWS))
    yield made
    made.close()


def command(exchange: Binance, store: Path, *more: str) -> list[str]:
    words = ["data", "fetch", "binance", "BTC/USDT", "1h", "--from", FROM, "--to", TO]
    given = ["--store", str(store), "--url", exchange.url, *more]
    return [sys.executable, "-m", "bot4", *words, *given]


def run(*words: Any) -> subprocess.CompletedProcess[str]:
    given = [str(word) for word in words]
    return subprocess.run(given, capture_output=True, text=True, check=False, timeout=100)


def folder(store: Path) -> Path:
    return store / "binance" / "BTC-USDT" / "1h"


def content(store: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder(store).glob("*.*")}


def is_whole(store: Path, candles: list[list[Any]]) -> bool:
    series = read(str(folder(store)))
    assert series.open is not None
    return (
        series.time_ns.tolist() == [row[0] * 10**6 for row in candles]
        and series.price.tolist() == [float(row[4]) for row in candles]
        and series.open.tolist() == [float(row[1]) for row in candles]
    )


def test_everything_is_fetched_once(exchange: Binance, tmp_path: Path) -> None:
    done = run(*command(exchange, tmp_path, "--json"))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["bars"], told["pages"], told["tries"]) == (ROWS, ROWS // 100, 0)
    assert is_whole(tmp_path, exchange.candles)
    asked = len(exchange.asked)
    again = run(*command(exchange, tmp_path, "--json"))
    assert json.loads(again.stdout)["pages"] == 0
    assert len(exchange.asked) == asked
    listed = run(sys.executable, "-m", "bot4", "data", "list", "--store", tmp_path, "--json")
    stored = json.loads(listed.stdout)[0]
    assert (stored["symbol"], stored["rows"]) == ("BTC/USDT", ROWS)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_what_is_interrupted_goes_on_where_it_was(
    exchange: Binance, tmp_path: Path, how: signal.Signals
) -> None:
    whole = tmp_path / "whole"
    assert run(*command(exchange, whole)).returncode == 0
    exchange.asked.clear()
    waiting, go_on = threading.Event(), threading.Event()

    def hold(n: int) -> None:
        if n == 5:
            waiting.set()
            go_on.wait(PATIENCE_S)

    exchange.before = hold
    cut = tmp_path / "cut"
    process = subprocess.Popen(command(exchange, cut), stderr=subprocess.PIPE, text=True)
    assert waiting.wait(PATIENCE_S)
    os.kill(process.pid, how)
    _, error = process.communicate(timeout=PATIENCE_S)
    go_on.set()
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert "run again to go on" in error
        assert "Traceback" not in error
    assert read(str(folder(cut))).rows == 4 * 100
    exchange.before = lambda n: None
    exchange.asked.clear()
    done = run(*command(exchange, cut, "--json"))
    assert json.loads(done.stdout)["bars"] == ROWS - 400
    assert exchange.asked[0] == T0_MS + 400 * HOUR_MS
    assert content(cut) == content(whole)


def test_an_exchange_that_refuses_for_a_while_is_asked_again(
    exchange: Binance, tmp_path: Path
) -> None:
    busy = JSONResponse({"code": -1003, "msg": "Too many requests"}, 429)
    exchange.before = lambda n: busy if n == 3 else None
    done = run(*command(exchange, tmp_path, "--json"))
    assert json.loads(done.stdout)["tries"] == 1
    assert is_whole(tmp_path, exchange.candles)


def test_a_symbol_that_left_is_fetched_and_said(exchange: Binance, tmp_path: Path) -> None:
    exchange.status = "BREAK"
    exchange.candles = exchange.candles[: ROWS // 2]
    done = run(*command(exchange, tmp_path))
    assert done.returncode == 0, done.stderr
    assert "no longer trades" in done.stdout
    assert is_whole(tmp_path, exchange.candles)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["nowhere", "BTC/USDT", "1h", "--from", FROM], "nowhere"),
        (["binance", "BTC/USDT", "1w", "--from", FROM], "1w"),
        (["binance", "../../etc", "1h", "--from", FROM], "etc"),
        (["binance", "DOGE/USDT", "1h", "--from", FROM], "DOGE/USDT"),
        (["binance", "BTC/USDT", "7h", "--from", FROM], "7h"),
        (["binance", "BTC/USDT", "1h", "--from", "yesterday"], "yesterday"),
        (["binance", "BTC/USDT", "1h", "--from", "2024-02-01", "--to", FROM], "--from"),
    ],
)
def test_wrong_use_is_one_line(
    exchange: Binance, tmp_path: Path, words: list[str], named: str
) -> None:
    given = ["--store", tmp_path, "--url", exchange.url]
    done = run(sys.executable, "-m", "bot4", "data", "fetch", *words, *given)
    assert done.returncode == 2
    assert named in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.rglob("*.parquet"))


# --- pages, without a server ---------------------------------------------------------------------


def row(hour: int, close: float = 10.0, volume: float = 1.0) -> list[Any]:
    return [T0_MS + hour * HOUR_MS, 10.0, 12.0, 8.0, close, volume]


END_MS = T0_MS + 100 * HOUR_MS


def test_a_page_is_sorted_and_freed_of_repeats() -> None:
    told = Told()
    page = checked([row(2), row(1), row(1), row(200)], T0_MS, END_MS, HOUR_MS, told)
    assert page.time_ms.tolist() == [T0_MS + HOUR_MS, T0_MS + 2 * HOUR_MS]
    assert (told.unsorted, told.repeated, told.left_out) == (1, 1, 1)


@pytest.mark.parametrize(
    ("page", "named"),
    [
        ([row(1), row(1, 11.0)], "differ"),
        ([row(1), row(2)[:3]], "not a list of bars"),
        ("<html>", "not a list of bars"),
        ([[*row(1)[:4], "x", 1]], "no number"),
        ([row(1, None)], "no number"),  # type: ignore[arg-type]
        ([row(1, 13.0)], r"outside of low\.\.high"),
        ([row(1, float("nan"))], "cannot be"),
        ([row(1, 0.0)], "cannot be"),
        ([row(1, volume=-1.0)], "cannot be"),
        ([row(1), [row(2)[0] + 1, *row(2)[1:]]], "grid"),
    ],
)
def test_a_page_that_cannot_be_is_refused_whole(page: Any, named: str) -> None:
    with pytest.raises(BadData, match=named):
        checked(page, T0_MS, END_MS, HOUR_MS, Told())


class Fixed:
    """An exchange with fixed bars; the running one is unfinished."""

    def __init__(self, hours: list[int]) -> None:
        self.hours = hours
        self.asked: list[int] = []

    def fetch_ohlcv(self, symbol: str, timeframe: str, since: int, limit: int) -> list[list[Any]]:
        self.asked.append(since)
        return [row(h) for h in self.hours if T0_MS + h * HOUR_MS >= since][:limit]


def stored(folder: Path) -> Stored:
    return Stored(folder, "test", "BTC/USDT", "1h")


def take(source: Any, folder: Path, first: int, end: int, now: float = 1_000) -> Told:
    wanted = (T0_MS + first * HOUR_MS, T0_MS + end * HOUR_MS)
    clock = T0_MS + round(now * HOUR_MS)
    return fetch(source, stored(folder), wanted, lambda: clock, rows=10, sleep=lambda s: None)


def test_a_running_bar_is_left_for_the_next_time(tmp_path: Path) -> None:
    source = Fixed(list(range(30)))
    take(source, tmp_path, 0, 100, now=20.5)
    assert read(str(stored(tmp_path).folder)).rows == 20
    take(source, tmp_path, 0, 100, now=21.5)
    assert read(str(stored(tmp_path).folder)).rows == 21


def test_older_bars_and_stretches_between_are_fetched_later(tmp_path: Path) -> None:
    source = Fixed([h for h in range(60) if h not in (33, 34)])
    take(source, tmp_path, 40, 50)
    take(source, tmp_path, 0, 10)
    source.asked.clear()
    take(source, tmp_path, 0, 60)
    hours = (read(str(stored(tmp_path).folder)).time_ns // 10**6 - T0_MS) // HOUR_MS
    assert hours.tolist() == source.hours
    assert all(10 <= (at - T0_MS) // HOUR_MS < 40 or at >= T0_MS + 50 * HOUR_MS
               for at in source.asked)  # fmt: skip
    source.asked.clear()
    take(source, tmp_path, 0, 60)
    assert source.asked == []  # the gap is the exchange's own


def test_an_empty_page_is_gone_past(tmp_path: Path) -> None:
    told = take(Fixed([75, 76]), tmp_path, 0, 80)
    assert told.bars == 2
    assert read(str(stored(tmp_path).folder)).rows == 2


def test_a_bar_that_comes_again_and_differs_is_counted(tmp_path: Path) -> None:
    take(Fixed(list(range(10))), tmp_path, 0, 10)
    series = stored(tmp_path)
    page = checked([row(4, 11.0), row(5)], T0_MS, END_MS, HOUR_MS, Told())
    assert series.keep(page, (T0_MS, END_MS)) == 1
    assert np.count_nonzero(read(str(series.folder)).price == 11.0) == 1


def test_two_at_once_exclude_each_other(tmp_path: Path) -> None:
    with stored(tmp_path).locked():
        with pytest.raises(BadData, match="another fetch"):
            take(Fixed([1]), tmp_path, 0, 10)


def test_a_silent_exchange_ends_after_its_tries(tmp_path: Path) -> None:
    import ccxt

    class Silent:
        def fetch_ohlcv(self, *given: Any) -> Any:
            raise ccxt.RequestTimeout("nobody")

    with pytest.raises(NotReached, match="nobody"):
        take(Silent(), tmp_path, 0, 10)


def test_a_damaged_store_is_one_line(tmp_path: Path) -> None:
    take(Fixed([1, 2]), tmp_path, 0, 10)
    place = stored(tmp_path).folder
    (place / "2024.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(BadData, match=r"2024\.parquet"):
        read(str(place))
    with pytest.raises(BadData, match=r"2024\.parquet"):
        take(Fixed([11, 12]), tmp_path, 0, 20)
    (place / "asked.json").write_text("{")
    with pytest.raises(BadData, match=r"asked\.json"):
        stored(tmp_path)


def test_a_folder_that_is_no_series_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"asked\.json"):
        read(str(tmp_path))
