"""The quick way through large CSV files reads what the slow one reads, or steps aside."""

import numpy as np
import pytest

from host.data import fast
from host.data.reader import BadData, read, read_column

HEAD = "timestamp,open,high,low,close,volume\n"


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch):
    pytest.importorskip("pyarrow")
    monkeypatch.setattr(fast, "LARGE_BYTES", 0)


def rows(count, stamp="2024-01-{:02}T00:00:00Z"):
    return [f"{stamp.format(day)},10.5,12.25,9.5,{10 + day / 8},7" for day in range(1, count + 1)]


@pytest.mark.parametrize(
    "stamp", ["2024-01-{:02}T00:00:00Z", "2024-01-{:02}", "2024-01-{:02}T00:00:00+01:00"]
)
def test_both_ways_read_the_same(tmp_path, monkeypatch, stamp):
    file = tmp_path / "x.csv"
    file.write_text(HEAD + "\n".join(rows(9, stamp)) + "\n")
    assert fast.parse(file.read_bytes(), HEAD.strip().split(","), ["timestamp", "close"])
    quick, column = read(str(file)), read_column(str(file), "close", positive=True)
    monkeypatch.setattr(fast, "parse", lambda *_: None)
    slow = read(str(file))
    assert (quick.time_ns == slow.time_ns).all()
    assert (column.time_ns == slow.time_ns).all()
    for name in ("price", "open", "high", "low", "volume"):
        assert (getattr(quick, name) == getattr(slow, name)).all()
    assert (column.values == slow.price).all()
    assert quick.decimals == slow.decimals == 3


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        ("2024-01-05T00:00:00Z,10.5,12.25,9.5,x,7", "row 5: close is not a number: 'x'"),
        ("2024-01-05T00:00:00Z,10.5,12.25,9.5,1_0,7", "row 5: close is not a number: '1_0'"),
        ("2024-01-05T00:00:00Z,10.5,12.25,9.5,,7", "row 5: close is not a number: ''"),
        ("2024-01-05T00:00:00Z,10.5,12.25,9.5,nan,7", "row 5: close is not a number"),
        ("2024-01-05T00:00:00Z,10.5,12.25,9.5,-1,7", "row 5: close is not a positive number"),
        ("2024-01-05T00:00:00Z,10.5,12.25,9.5,11", "row 5: 5 fields"),
        ("", "row 5: 0 fields"),
        ("yesterday,10.5,12.25,9.5,11,7", "row 5: timestamp is not an ISO-8601 time"),
        ("2024-01-04T00:00:00Z,10.5,12.25,9.5,11,7", "row 5: timestamp is not after"),
    ],
)
def test_a_bad_row_is_named_as_ever(tmp_path, bad, complaint):
    file = tmp_path / "x.csv"
    lines = rows(9)
    lines[4] = bad
    file.write_text(HEAD + "\n".join(lines) + "\n")
    with pytest.raises(BadData, match=complaint.replace("(", r"\(")):
        read(str(file))


def test_decimals_of_floats_are_those_of_their_text(tmp_path):
    values = np.round(np.random.default_rng(1).uniform(1.0, 1e5, 500), 5)
    file = tmp_path / "x.csv"
    body = (f"{t},{value!r},1" for t, value in enumerate(values.tolist(), 1))
    file.write_text("timestamp_ms,price,qty\n" + "\n".join(body) + "\n")
    assert read(str(file)).decimals == 5
