"""The market data reader: what it reads, and that every refusal is one clear line."""

from __future__ import annotations

import gzip
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from host.data.reader import BadData, read

BARS = """timestamp,open,high,low,close,volume
2024-01-01T00:00:00Z,10.0,12.25,9.5,11.0,100.5
2024-01-01T01:00:00Z,11.0,11.5,10.5,10.75,0
"""
DAY_NS = 86_400 * 10**9
T0_NS = 1_704_067_200 * 10**9  # 2024-01-01T00:00:00Z


def put(folder: Path, text: str, name: str = "x.csv") -> str:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return str(path)


def refusal(path: str) -> str:
    with pytest.raises(BadData) as caught:
        read(path)
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    return text


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz"])
def test_bars_are_read(tmp_path: Path, name: str) -> None:
    series = read(put(tmp_path, BARS, name))
    assert (series.source, series.kind, series.rows, series.decimals) == (name, "bar", 2, 2)
    assert series.time_ns.tolist() == [T0_NS, T0_NS + DAY_NS // 24]
    assert series.price.tolist() == [11.0, 10.75]
    assert series.open is not None
    assert series.open.tolist() == [10.0, 11.0]
    assert series.volume is not None
    assert series.volume.tolist() == [100.5, 0.0]
    assert series.qty is None


def test_columns_are_found_by_name_and_not_by_place(tmp_path: Path) -> None:
    text = "volume,Close,low,high,open,timestamp\n5,11,9,12,10,2024-01-01T01:00:00+01:00\n"
    series = read(put(tmp_path, text))
    assert series.price.tolist() == [11.0]
    assert series.time_ns.tolist() == [T0_NS]


@pytest.mark.parametrize("size", ["qty", "size"])
def test_trades_are_read_and_may_share_a_time(tmp_path: Path, size: str) -> None:
    series = read(put(tmp_path, f"timestamp_ms,price,{size}\n1000,5.25,2\n1000,5.5,3\n"))
    assert (series.kind, series.decimals) == ("trade", 2)
    assert series.time_ns.tolist() == [10**9, 10**9]
    assert series.qty is not None
    assert series.qty.tolist() == [2.0, 3.0]
    assert series.volume is None


def test_quotes_without_exchange_time_use_the_recorders(tmp_path: Path) -> None:
    text = "timestamp_ms,local_ns,bid,bid_qty,ask,ask_qty\n,1723161254087891268,10,1,11,1\n"
    series = read(put(tmp_path, text))
    assert series.kind == "quote"
    assert series.time_ns.tolist() == [1723161254087891268]
    assert series.price.tolist() == [10.5]


def test_displayed_sizes_and_times_of_receipt_are_read_where_they_are(tmp_path: Path) -> None:
    head = "timestamp_ms,local_ns,bid,bid_qty,ask,ask_qty\n"
    series = read(put(tmp_path, head + "1,1000007,10,0.5,11,2\n2,2000005,10,0,11,3\n"))
    assert series.bid_qty is not None
    assert series.ask_qty is not None
    assert series.local_ns is not None
    assert (series.bid_qty.tolist(), series.ask_qty.tolist()) == ([0.5, 0.0], [2.0, 3.0])
    assert series.local_ns.tolist() == [1000007, 2000005]
    assert series.time_ns.tolist() == [10**6, 2 * 10**6]
    bare = read(put(tmp_path, "timestamp_ms,bid,ask\n1,10,11\n"))
    assert (bare.bid_qty, bare.ask_qty, bare.local_ns) == (None, None, None)
    trades = read(put(tmp_path, "timestamp_ms,local_ns,price,qty\n1,5,10,1\n"))
    assert trades.local_ns is not None
    assert trades.local_ns.tolist() == [5]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1,7,10,-1,11,1", "bid_qty is negative"),
        ("1,7,10,x,11,1", "bid_qty is not a number"),
        ("1,7,10,1,11,nan", "ask_qty is not a number"),
        ("1,x,10,1,11,1", "local_ns is not an integer"),
    ],
)
def test_a_wrong_size_or_time_of_receipt_is_refused(tmp_path: Path, row: str, reason: str) -> None:
    head = "timestamp_ms,local_ns,bid,bid_qty,ask,ask_qty\n"
    assert reason in refusal(put(tmp_path, f"{head}{row}\n"))


def test_us_quotes_with_one_side_are_skipped_and_counted(tmp_path: Path) -> None:
    head = "timestamp_ms,bid,bid_size,ask,ask_size\n"
    series = read(put(tmp_path, head + "1,10,1,0.0,0\n2,10,1,12,1\n3,0,0,12,1\n"))
    assert (series.rows, series.skipped) == (1, 2)
    assert series.price.tolist() == [11.0]
    assert "both" in refusal(put(tmp_path, head + "1,10,1,0.0,0\n"))


def test_small_prices_in_exponent_form_count_their_decimals(tmp_path: Path) -> None:
    series = read(put(tmp_path, "timestamp_ms,price,qty\n1,1e-05,1\n2,3.0,1\n"))
    assert series.decimals == 5


def test_the_sp500_history_is_the_default() -> None:
    pytest.importorskip("arch", reason="the bench extra is not installed")
    series = read(None)
    assert (series.source, series.kind, series.rows) == ("arch:sp500", "bar", 5031)
    assert series.decimals == 2
    assert datetime.fromtimestamp(int(series.time_ns[0]) / 1e9, UTC).date().isoformat() == (
        "1999-01-04"
    )
    assert np.array_equal(series.price, read("sp500").price)


@pytest.mark.parametrize(("package", "source"), [("arch", "sp500"), ("pyarrow", "x.parquet")])
def test_a_missing_package_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, source: str
) -> None:
    for module in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    path = put(tmp_path, "anything", source) if source != "sp500" else source
    assert "pip install 'bot4[bench]'" in refusal(path)


def bars_with(row: str) -> str:
    return BARS + row + "\n"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2024-01-01T02:00:00Z,11,12,10,nan,1", "row 3: close is not a number: 'nan'"),
        ("2024-01-01T02:00:00Z,11,12,10,inf,1", "row 3: close is not a number: 'inf'"),
        ("2024-01-01T02:00:00Z,11,12,10,1_1,1", "row 3: close is not a number: '1_1'"),
        ("2024-01-01T02:00:00Z,11,12,10,,1", "row 3: close is not a number: ''"),
        ("2024-01-01T02:00:00Z,0,12,0,11,1", "row 3: open is not a positive number: '0'"),
        ("2024-01-01T02:00:00Z,11,12,-1,11,1", "row 3: low is not a positive number: '-1'"),
        ("2024-01-01T02:00:00Z,11,12,10,11,-1", "row 3: volume is negative: '-1'"),
        ("2024-01-01T02:00:00Z,11,9,10,11,1", "row 3: high is below low: '9'"),
        ("2024-01-01T02:00:00Z,11,12,10,13,1", "row 3: close is outside low..high: '13'"),
        ("2024-01-01T02:00:00Z,9,12,10,11,1", "row 3: open is outside low..high: '9'"),
        ("2024-01-01T01:00:00Z,11,12,10,11,1", "row 3: timestamp is not after the row before"),
        ("yesterday,11,12,10,11,1", "row 3: timestamp is not an ISO-8601 time: 'yesterday'"),
        ("2300-01-01T00:00:00Z,11,12,10,11,1", "row 3: timestamp is out of range"),
        ("2024-01-01T02:00:00Z,11,12,10,11", "row 3: 5 fields where the header has 6"),
        ("2024-01-01T02:00:00Z,11,12,10,11,1,1", "row 3: 7 fields where the header has 6"),
        ("", "row 3: 0 fields where the header has 6"),
        ('2024-01-01T02:00:00Z,11,12,10,11,"1', "row 3: broken CSV"),
    ],
)
def test_a_bad_bar_is_refused_by_row_and_column(tmp_path: Path, row: str, reason: str) -> None:
    assert refusal(put(tmp_path, bars_with(row))).startswith(f"x.csv: {reason}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the file is empty"),
        ("timestamp,open,high,low,close,volume\n", "no data row"),
        ("timestamp,open,high,low,close\n1,1,1,1,1\n", "column 'volume' is missing"),
        ("a,b\n1,2\n", "neither bars, trades nor quotes"),
        ("timestamp_ms,price,qty,mood\n1,2,3,4\n", "unknown column 'mood'"),
        ("timestamp_ms,price,price,qty\n1,2,2,3\n", "stands twice"),
        ("timestamp_ms,price\n1,2\n", "either a column 'qty' or a column 'size'"),
        ("price,qty\n1,2\n", "column 'timestamp_ms' is missing"),
        ("timestamp_ms,local_ns,kind,first_update_id,side,price,qty\n1,1,u,1,b,1,1\n", "depth"),
        ("timestamp_ms,price,qty\n5,1,1\n4,1,1\n", "row 2: timestamp_ms goes back in time: '4'"),
        ("timestamp_ms,price,qty\n1.5,1,1\n", "row 1: timestamp_ms is not an integer time"),
        ("timestamp_ms,price,qty\n99999999999999999,1,1\n", "row 1: timestamp_ms is out of range"),
        ("timestamp_ms,price,qty\n,1,1\n", "row 1: timestamp_ms is empty and there is no local_ns"),
        ("timestamp_ms,price,qty\n1,1,0\n", "row 1: qty is not a positive number: '0'"),
        ("timestamp_ms,bid,bid_qty,ask,ask_qty\n1,0,1,2,1\n", "row 1: bid is not a positive"),
        ("timestamp_ms,bid,bid_qty,ask,ask_qty\n1,3,1,2,1\n", "row 1: bid is above ask"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    assert reason in refusal(put(tmp_path, text))


def test_files_that_are_not_what_they_say_are_refused(tmp_path: Path) -> None:
    packed = gzip.compress(BARS.encode())
    cases = {
        "cut.csv.gz": (packed[:-12], "cut off"),
        "plain.csv.gz": (BARS.encode(), "not a gzip file"),
        "damaged.csv.gz": (packed[:15] + b"\xff\xff\xff" + packed[18:], "gzip"),
        "latin.csv": (BARS.encode() + b"\xe4,1,1,1,1,1\n", "row 3: byte 0xe4"),
        "zero.csv": (BARS.encode() + b"\0,1,1,1,1,1\n", "row 3"),
        "broken.parquet": (b"PAR1 nothing PAR1", "damaged Parquet"),
        "notes.txt": (BARS.encode(), "not a .csv"),
    }
    for name, (data, reason) in cases.items():
        (tmp_path / name).write_bytes(data)
        assert reason in refusal(str(tmp_path / name)), name


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal(str(tmp_path / "absent.csv"))
    (tmp_path / "folder.csv").mkdir()
    assert "not a regular file" in refusal(str(tmp_path / "folder.csv"))
    os.mkfifo(tmp_path / "pipe.csv")
    assert "not a regular file" in refusal(str(tmp_path / "pipe.csv"))
    assert "cannot be read" in refusal(str(tmp_path / "a\0b.csv"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path, BARS)
    Path(path).chmod(0)
    assert "Permission denied" in refusal(path)


def test_parquet_bars_with_pandas_times_are_read(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="the bench extra is not installed")
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    start = datetime(2024, 1, 1, tzinfo=UTC)
    numbers = {"open": [1.5, 2.0], "high": [2.0, 2.0], "low": [1.0, 2.0], "close": [2.0, 2.0]}
    for unit in ("ms", "us", "ns"):
        times = pa.array([start, start + timedelta(days=1)], pa.timestamp(unit, tz="UTC"))
        path = str(tmp_path / f"{unit}.parquet")
        pq.write_table(pa.table({"timestamp": times, **numbers, "volume": [1, 0]}), path)
        series = read(path)
        assert series.time_ns.tolist() == [T0_NS, T0_NS + DAY_NS]
        assert series.decimals == 1
    holes = pa.table({"timestamp": times, **numbers, "volume": pa.array([1, None], pa.int64())})
    pq.write_table(holes, path)
    assert "row 2: volume is not a number" in refusal(path)


def test_plain_files_need_no_heavy_package(tmp_path: Path) -> None:
    import subprocess

    path = put(tmp_path, BARS, "x.csv.gz")
    code = (
        "import sys; from host.data.reader import read; read(sys.argv[1]);"
        "sys.exit(bool({'pandas', 'pyarrow', 'arch'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code, path], cwd=root, check=False).returncode == 0


REAL_FILES = {
    "btc_usdt_1d_binance.csv.gz": ("bar", 3061),
    "btc_usd_1d_composite_2014-2022.csv.gz": ("bar", 2707),
    "spy_1d_usa_1998-2021.csv.gz": ("bar", 5849),
    "ltc_usdt_5m_binance_2021-05.csv.gz": ("bar", 8768),
    "ticks_btcusdt_perp_2023-04-04_trades.csv.gz": ("trade", 12934),
    "ticks_ibm_2013-10-09_trades.csv.gz": ("trade", 27042),
    "ticks_btcusdt_perp_2023-04-04_book.csv.gz": ("quote", 44205),
    "ticks_btcusdt_spot_2024-08-08_book.csv.gz": ("quote", 73174),
}


@pytest.mark.parametrize("name", REAL_FILES)
def test_real_files_are_read_whole(name: str) -> None:
    root = Path(__file__).parents[2]
    folder = Path(os.environ.get("BOT4_DATA") or root.parent / "shared" / "data")
    if not (folder / name).is_file():
        pytest.skip(f"no {name} in {folder} (set BOT4_DATA)")
    series = read(str(folder / name))
    assert (series.kind, series.rows, series.skipped) == (*REAL_FILES[name], 0)
    assert (np.diff(series.time_ns) >= 0).all()
