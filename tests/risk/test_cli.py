"""`bot4 var` as a person uses it, and misuses it."""

import json
from pathlib import Path

import numpy as np
import pytest

from bot4 import cli
from tests.integration.kit import bot4

HEAD = "timestamp,open,high,low,close,volume\n"


def bars(file: Path, n: int = 900, weekdays: bool = False, hours: bool = False) -> str:
    random = np.random.default_rng(n)
    price = 100 * np.exp(np.cumsum(0.01 * random.standard_t(5, n)))
    step = np.timedelta64(1, "h") if hours else np.timedelta64(1, "D")
    days = np.datetime64("2019-01-01T00:00:00") + step * np.arange(2 * n)
    days = days[np.is_busday(days.astype("datetime64[D]"))] if weekdays else days
    rows = [
        f"{day}Z,{p:.6f},{1.01 * p:.6f},{0.99 * p:.6f},{p:.6f},1\n"
        for day, p in zip(days[:n], price, strict=True)
    ]
    file.write_text(HEAD + "".join(rows))
    return str(file)


def test_the_next_bar_as_json(tmp_path: Path) -> None:
    done = bot4("var", bars(tmp_path / "a.csv"), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert 0.5 < told["VaR"] < told["CVaR"] < 30
    assert told["position_of_equity"] == pytest.approx(min(200 / told["VaR"], 280 / told["CVaR"]))
    assert (told["n"], told["method"], told["confidence"]) == (899, "combined", 0.99)


def test_the_back_test_as_json_text_and_pictures(tmp_path: Path) -> None:
    file, png, html = bars(tmp_path / "a.csv"), tmp_path / "a.png", tmp_path / "a.html"
    done = bot4("var", file, "--backtest", "--json", "--method", "garch-t")
    told = json.loads(done.stdout)
    assert {
        "n", "violations", "kupiec_p", "christoffersen_p", "z2", "pinball", "gain_over_hs250", "gain_p",
    } <= set(told["backtest"])  # fmt: skip
    assert done.returncode == (0 if all(line["pass"] for line in told["limits"]) else 1)
    shown = bot4("var", file, "--backtest", "--png", str(png), "--html", str(html))
    assert max(map(len, shown.stdout.splitlines())) <= 80
    assert "Kupiec p >= 0.05" in shown.stdout
    assert png.read_bytes().startswith(b"\x89PNG")
    assert "data:image/png;base64," in html.read_text()


def test_several_files_are_pooled(tmp_path: Path) -> None:
    files = [bars(tmp_path / f"{n}.csv", n) for n in (800, 900)]
    told = json.loads(bot4("var", *files, "--backtest", "--json").stdout)
    assert told["backtest"]["n"] == sum(one["backtest"]["n"] for one in told["files"])
    assert any("worst" in line["limit"] for line in told["limits"])


BAD = {
    "no file": (["{tmp}/none.csv"], "none.csv"),
    "no method": (["{tmp}/good.csv", "--method", "arch"], "--method arch"),
    "confidence": (["{tmp}/good.csv", "--confidence", "99"], "--confidence 99"),
    "confidence nan": (["{tmp}/good.csv", "--confidence", "nan"], "--confidence nan"),
    "df": (["{tmp}/good.csv", "--df", "two"], "--df two"),
    "df order": (["{tmp}/good.csv", "--df", "30:3"], "--df 30:3"),
    "a day": (["{tmp}/good.csv", "--backtest", "--from", "soon"], "--from soon"),
    "too late a day": (["{tmp}/good.csv", "--backtest", "--from", "2090-01-01"], "none is left"),
    "a day without a test": (["{tmp}/good.csv", "--from", "2020-01-01"], "--backtest"),
    "twice": (["{tmp}/good.csv", "{tmp}/good.csv"], "twice"),
    "too short": (["{tmp}/short.csv"], "short.csv"),
    "constant": (["{tmp}/flat.csv"], "never changes"),
    "negative": (["{tmp}/negative.csv"], "row 2"),
    "unsorted": (["{tmp}/unsorted.csv"], "row 2"),
    "nan": (["{tmp}/nan.csv"], "row 1"),
    "two calendars": (["{tmp}/good.csv", "{tmp}/week.csv", "--backtest"], "calendars"),
    "nowhere": (["{tmp}/good.csv", "--backtest", "--png", "{tmp}/no/a.png"], "a.png"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_exit_2(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    bars(tmp_path / "good.csv")
    bars(tmp_path / "short.csv", 120)
    bars(tmp_path / "week.csv", weekdays=True)
    row = "2024-01-0{}T00:00:00Z,1,2,1,{},5\n"
    for name, rows in {
        "flat.csv": [(day, 1) for day in range(1, 9)],
        "negative.csv": [(1, 1), (2, -1)],
        "unsorted.csv": [(2, 1), (1, 1)],
        "nan.csv": [(1, "nan")],
    }.items():
        (tmp_path / name).write_text(HEAD + "".join(row.format(*each) for each in rows))
    arguments, named = BAD[case]
    words = [word.replace("{tmp}", str(tmp_path)) for word in arguments]
    monkeypatch.setattr("sys.argv", ["bot4", "var", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    told = capsys.readouterr()
    assert ended.value.code == 2, told
    assert len(told.err.splitlines()) == 1
    assert named in told.err
    assert told.out == ""
