"""Files that are not in form: repaired by a rule that is counted, or refused in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host.data.digest import digest
from host.data.mend import RULES, mend, write
from host.data.quality import report
from host.data.reader import BadData, read

HEAD = "timestamp,open,high,low,close,volume"


def line(hour: int, close: float = 10.0, zone: str = "Z") -> str:
    at = np.datetime64("2024-01-01T00:00:00") + np.timedelta64(hour, "h")
    return f"{at}{zone},10,99,1,{close},1"


def put(folder: Path, *lines: str, name: str = "x.csv") -> str:
    file = folder / name
    file.write_text("\n".join([HEAD, *lines, ""]))
    return str(file)


def bot4(*words: object) -> subprocess.CompletedProcess[str]:
    given = [sys.executable, "-m", "bot4", "data", "check", *map(str, words)]
    return subprocess.run(given, capture_output=True, text=True, check=False, timeout=60)


def test_a_good_file_needs_no_repair(tmp_path: Path) -> None:
    file = put(tmp_path, *map(line, range(10)))
    mended = mend(file)
    assert mended.used == {}
    assert digest(mended.series) == digest(read(file))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(12)), st.lists(st.integers(0, 11), max_size=4))
def test_any_order_and_any_repeats_give_the_same_series(
    tmp_path: Path, order: list[int], again: list[int]
) -> None:
    good = put(tmp_path, *(line(h, 10 + h) for h in range(12)), name="good.csv")
    bad = put(tmp_path, *(line(h, 10 + h) for h in [*order, *again]), name="bad.csv")
    mended = mend(bad)
    assert digest(mended.series) == digest(read(good))
    assert mended.used.get("repeated", 0) == len(again)
    if order != sorted(order):
        assert mended.used["unsorted"] > 0
        with pytest.raises(BadData):
            read(bad)


def test_times_without_a_zone_are_utc_or_what_is_named(tmp_path: Path) -> None:
    file = put(tmp_path, *(line(h, zone="") for h in range(5)))
    utc, berlin = mend(file), mend(file, "Europe/Berlin")
    assert utc.used == berlin.used == {"zoneless": 5}
    assert set(utc.series.time_ns - berlin.series.time_ns) == {3_600 * 10**9}


@pytest.mark.parametrize("at", ["2024-10-27T02:30:00", "2024-03-31T02:30:00"])
def test_a_time_that_was_twice_or_never_is_refused(tmp_path: Path, at: str) -> None:
    file = put(tmp_path, line(0, zone=""), f"{at},10,99,1,10,1")
    assert mend(file).series.rows == 2
    with pytest.raises(BadData, match="row 2.*twice or never"):
        mend(file, "Europe/Berlin")


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ([line(0), line(1), line(0, 11.0)], "row 3: the time of row 1, and another close"),
        ([line(0), line(1, 100.0)], "row 2: close is outside"),
        ([line(0), line(1, -1.0)], "row 2: close is not a positive"),
        ([line(0), "soon,10,99,1,10,1"], "row 2: timestamp is not"),
        ([line(0), line(1, float("nan"))], "row 2: close is not a number"),
    ],
)
def test_what_cannot_be_repaired_is_refused(tmp_path: Path, lines: list[str], named: str) -> None:
    with pytest.raises(BadData, match=named):
        mend(put(tmp_path, *lines))


def test_a_zone_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="Mars"):
        mend(put(tmp_path, line(0)), "Mars/Olympus")


def test_gaps_spikes_and_standstill_are_reported(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    close = 50 + np.cumsum(draw.normal(0, 0.02, 200))
    close[50] *= 1.5  # a wrong print
    close[120:] *= 0.6  # it falls, and stays there
    close[150:160] = close[150]
    lines = [line(h, c) for h, c in enumerate(close.tolist()) if h not in (30, 31, 90)]
    found = report(mend(put(tmp_path, *lines)).series)
    assert (found["missing"], found["gaps"]) == (3, 2)
    assert found["longest_gaps"][0] == {"after": "2024-01-02T05:00:00Z", "bars": 2}
    assert found["spikes_at"] == ["2024-01-03T02:00:00Z"]
    assert found["jumps_at"] == ["2024-01-06T00:00:00Z"]
    assert found["longest_stale"] == 10


def test_weekends_are_no_gap_where_nobody_trades_on_them(tmp_path: Path) -> None:
    days = [d for d in range(60) if d % 7 < 5]  # 2024-01-01 is a Monday
    week = [line(24 * d) for d in days]
    assert report(read(put(tmp_path, *week)))["missing"] == 0
    assert report(read(put(tmp_path, *week[:7], *week[8:])))["missing"] == 1
    assert report(read(put(tmp_path, *week, line(24 * 61))))["missing"] > 10


def test_mixed_frequency_is_refused(tmp_path: Path) -> None:
    lines = [line(h) for h in range(20)] + [line(h) for h in range(24, 24 * 20, 24)]
    with pytest.raises(BadData, match="mixed frequency"):
        report(read(put(tmp_path, *lines)))
    half = [line(0), "2024-01-01T00:30:00Z,10,99,1,10,1", *map(line, range(1, 9))]
    with pytest.raises(BadData, match="row 2: mixed frequency"):
        report(read(put(tmp_path, *half)))


def test_what_was_repaired_is_written_and_read(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    series = mend(put(tmp_path, line(3), line(1), line(2))).series
    write(series, tmp_path / "x.parquet")
    assert digest(read(str(tmp_path / "x.parquet"))) == digest(series)


def test_the_command_says_what_it_did_and_what_is_beyond_the_limits(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    lines = [line(h, zone="") for h in range(100) if not 50 <= h < 70]
    file, out = put(tmp_path, *reversed(lines)), tmp_path / "out.parquet"
    done = bot4(file, "--write", out, "--json")
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    assert told["repaired"] == {"zoneless": 80, "unsorted": 79}
    assert [limit["pass"] for limit in told["limits"]] == [False, True]
    good = bot4(out, "--most-missing", 25)
    assert good.returncode == 0, good.stdout
    assert "20 after 2024-01-03T01:00:00Z" in good.stdout
    for wrong in (["nowhere.csv"], [file, "--most-missing", "-1"], [file, "--write", "x.csv"]):
        refused = bot4(*wrong)
        assert refused.returncode == 2
        assert len(refused.stderr.splitlines()) == 1


def test_the_page_tells_every_rule() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "data.md").read_text()
    for rule, what in RULES.items():
        assert f"| {rule} | {what} |" in page
