"""`bot4 validate` as a user meets it: tables, JSON, pictures, and one line for what is wrong."""

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.validation import twin

DATA = os.environ.get("BOT4_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="BOT4_DATA names no folder of market data")


def bot4(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot4", "validate", *map(str, words)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "80"},
        timeout=110,
    )


def bars(
    folder: Path, hours: list[int], ends: list[int] | None = None, name: str = "x.csv"
) -> Path:
    """Write one row for each hour; with `ends` there is a column of label ends, and nothing else."""
    stamps = np.datetime64("2024-01-01T00:00:00") + np.array([hours, ends or hours]) * 3600
    if ends is None:
        rows = [f"{t}Z,10,11,9,10.5,1" for t in stamps[0]]
        head = "timestamp,open,high,low,close,volume"
    else:
        rows, head = [f"{t}Z,{e}Z" for t, e in stamps.T], "timestamp,known"
    text = "\n".join([head, *rows, ""]).encode()
    path = folder / name
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return path


def splits(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["splits"]


@pytest.mark.parametrize("gap", [0, 2])
def test_worked_walk_forward(tmp_path: Path, gap: int) -> None:
    file = bars(tmp_path, list(range(16)), name="x.csv.gz")
    words = ("--n-splits", 2, "--test-size", 4, "--gap", gap, "--label", "3h", "--json")
    told = splits(bot4("split", file, *words))
    assert [(s["train"], s["test"]) for s in told] == [
        (list(range(5)), list(range(8, 12))),
        (list(range(9)), list(range(12, 16))),
    ]
    assert [s["counts"]["purged"] for s in told] == [3 - gap, 3 - gap]
    assert told[0]["test_from"] == "2024-01-01T08:00:00"


def test_worked_purged_kfold_with_labels_of_a_column(tmp_path: Path) -> None:
    file = bars(tmp_path, list(range(15)), [i + 2 for i in range(15)])
    words = ("--mode", "purged_kfold", "--n-splits", 3, "--embargo", 2, "--label-end", "known")
    second = splits(bot4("split", file, *words, "--json"))[1]
    assert second["train"] == [0, 1, 2, 14]
    assert second["test"] == [5, 6, 7, 8, 9]
    assert second["purged"] == [3, 4, 10, 11]
    assert second["embargoed"] == [12, 13]
    assert second["ranges"]["train"] == [[0, 2], [14, 14]]


def test_windows_of_the_clock_over_holes(tmp_path: Path) -> None:
    hours = [h for h in range(100) if h % 7]
    file = bars(tmp_path, hours)
    words = ("--mode", "walk_forward_time", "--n-splits", 3, "--test", "1D", "--gap", "6h")
    told = splits(bot4("split", file, *words, "--label", "9h", "--json"))
    expected = twin.walk_forward_time(hours, [h + 9 for h in hours], 3, 24, 6, True, None, 1)
    assert [(s["train"], s["test"]) for s in told] == expected


def test_table_and_pictures_of_the_sp500(tmp_path: Path) -> None:
    png, page = tmp_path / "a.png", tmp_path / "a.html"
    words = ("--mode", "purged_kfold", "--n-splits", 4, "--embargo", 10, "--label", "5D")
    done = bot4("split", "sp500", *words, "--png", png, "--html", page)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "5031 samples, 1999-01-04T00:00:00 to 2018-12-31T00:00:00"
    assert len(lines) == 6
    assert max(map(len, lines)) <= 80
    assert png.read_bytes().startswith(b"\x89PNG")
    text = page.read_text()
    assert "<svg" in text
    assert text.count("<tr>") == 5
    assert "http-equiv" not in text
    assert "<script" not in text


def test_an_embargo_is_taken_and_shifts_nothing_in_walk_forward(tmp_path: Path) -> None:
    file = bars(tmp_path, list(range(33)))
    plain, told = (bot4("split", file, "--json", *words) for words in ((), ("--embargo", 5)))
    assert splits(told) == splits(plain)
    assert json.loads(plain.stdout)["notes"] == []
    assert "acts in purged_kfold only" in json.loads(told.stdout)["notes"][0]


def test_json_can_leave_out_the_long_lists(tmp_path: Path) -> None:
    told = splits(bot4("split", bars(tmp_path, list(range(33))), "--json", "--ranges"))
    assert len(told) == 10
    assert set(told[0]) == {"split", "test_from", "test_to", "counts", "ranges"}


BAD = {
    "mode": (("--mode", "kfold"), "--mode kfold: walk_forward, walk_forward_time, purged_kfold"),
    "not of the mode": (("--test", "1D"), "--test does not go with --mode walk_forward"),
    "embargo": (("--embargo", -1), "embargo=-1: at least 0 is needed"),
    "splits": (("--n-splits", 0), "n_splits=0: at least 1 is needed"),
    "no number": (("--n-splits", "x"), "--n-splits.*integer"),
    "too many": (("--n-splits", 99), "x.csv: 40 samples: 99 splits need 100"),
    "clock gap of counts": (("--gap", "7D"), "--gap 7D: a number of samples"),
    "gap": (("--gap", 39), "leave 0 to train on"),
    "long number": (("--gap", "9" * 5000), "--gap: 5000 digits"),
    "label": (("--label", "1 month"), "label='1 month'"),
    "far label": (("--label", "200000D"), "invalid|2262|duration"),
    "both labels": (("--label", "1h", "--label-end", "x"), "give one of both"),
    "no column": (("--label-end", "known"), "x.csv: one column 'known' is needed"),
    "bad column": (("--label-end", "volume"), "row 1: volume is not an ISO-8601 time"),
    "purged": (("--label", "99h"), "x.csv: split 1: no training sample left"),
    "span": (("--mode", "walk_forward_time"), "need more than 307 days"),
    "unit": (("--mode", "walk_forward_time", "--test", "3parsecs"), "test='3parsecs'"),
    "no unit": (("--mode", "walk_forward_time", "--test", "nan"), "test=nan: not a duration"),
    "ranges": (("--ranges",), "--ranges goes with --json"),
    "picture": (("--png", "x.gif"), "--png x.gif: .png or .svg"),
    "page": (("--html", "x.txt"), "--html x.txt: .html"),
    "folder": (("--png", "/nowhere/x.png"), "/nowhere/x.png: No such file"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(tmp_path: Path, case: str) -> None:
    words, told = BAD[case]
    done = bot4("split", bars(tmp_path, list(range(40))), *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert re.search(told, done.stderr), done.stderr


@pytest.mark.parametrize("command", ["split", "leakage"])
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the file is empty"),
        ("timestamp,open,high,low,close,volume\n2024-01-01,1,1,1,0,1\n", "row 1: close"),
        ("timestamp_ms,price,qty\n5,1,1\n5,1,1\n", "duplicate: sample 1|bars are needed"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path: Path, command: str, text: str, told: str) -> None:
    file = tmp_path / "x.csv"
    file.write_text(text)
    done = bot4(command, file)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert re.search(told, done.stderr), done.stderr


def test_leakage_refuses_what_it_cannot_judge(tmp_path: Path) -> None:
    short = bars(tmp_path, list(range(200)))
    for words, told in (
        (("sp500",), "bars of at most one hour are needed"),
        ((short,), "200 bars leave"),
        ((short, "--horizon-hours", "nan"), "above 0, at most a year"),
    ):
        done = bot4("leakage", *words)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert told in done.stderr


@needs_data
def test_leakage_on_real_hours_of_bitcoin() -> None:
    """The whole claim: a shuffled KFold sees the answers, honest splits do not; the gap is small."""
    done = bot4("leakage", f"{DATA}/btc_usdt_1h_binance.csv.gz", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    shuffled, *honest = told["accuracy"].values()
    assert shuffled > 0.78
    assert all(0.49 <= accuracy <= 0.51 for accuracy in honest)
    assert told["generalisation"]["splits"] == 10
    assert told["generalisation"]["gap"] < 0.10
    assert told["generalisation"]["auc"] > 0.52
    assert [check["pass"] for check in told["limits"]] == [True] * 3
    print(json.dumps(told["accuracy"]), json.dumps(told["generalisation"]))
