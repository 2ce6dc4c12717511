"""`bot4 backtest` as a user meets it: the same bytes twice, and one line for whatever is wrong."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot4 import cli
from host.backtest import DEFAULT
from tests.backtest.kit import as_csv, recorded, wandering

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("BOT4_DATA", ROOT.parent / "shared" / "data"))
HEAD = "timestamp,open,high,low,close,volume\n"


def process(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "bot4", "backtest", *map(str, words)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def bot4(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command here, which is quicker."""
    out, err = io.StringIO(), io.StringIO()
    arguments = ["bot4", "backtest", *map(str, words)]
    with (
        pytest.MonkeyPatch.context() as patched,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patched.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit) as ended:
            cli.main()
    code = int(ended.value.code or 0)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def rows(days: list[str], price: float = 10.0) -> str:
    return HEAD + "".join(f"{day},{price},{price + 1},{price - 1},{price},5\n" for day in days)


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return as_csv(wandering(700, 4, "bar", 0.02), tmp_path_factory.mktemp("bars") / "bars.csv")


def test_twice_the_same_bytes(bars: Path, tmp_path: Path) -> None:
    found = [
        process("--data", bars, "--json", "--html", tmp_path / f"{number}.html", "--seed", "3",
             "--latency-ms", "50", "--jitter-ms", "100")
        for number in range(2)
    ]  # fmt: skip
    assert [done.returncode for done in found] == [0, 0], found[0].stderr
    assert found[0].stdout == found[1].stdout
    assert (tmp_path / "0.html").read_bytes() == (tmp_path / "1.html").read_bytes()
    told = json.loads(found[0].stdout)
    assert told["options"] == {
        "seed": 3, "latency_ms": 50.0, "jitter_ms": 100.0, "horizon_bars": 24,
    }  # fmt: skip
    assert told["data"]["rows"] == 700


def test_recorded_hours_twice(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = DATA / "btc_usdt_1h_binance.csv.gz"
    if not file.exists():
        pytest.skip(f"no {file.name} in {DATA} (set BOT4_DATA)")
    found = [process("--data", file, "--json", "--html", tmp_path / "o.html") for _time in range(2)]
    assert found[0].returncode == 0, found[0].stderr
    assert found[0].stdout == found[1].stdout
    told = json.loads(found[0].stdout)
    with capsys.disabled():
        print(f"\n  {told['data']['source']}: net {told['costs']['net']:.2f}, {told['targets']}")
    assert told["orders"]["fills"] > 1000


def test_a_terminal_gets_eighty_columns(bars: Path) -> None:
    done = bot4("--data", bars)
    assert done.returncode == 0
    assert all(len(line) < 80 for line in done.stdout.splitlines())
    for word in ("Sharpe", "drawdown", "fees", "fixed", "VaR", "turnover", "not reached"):
        assert word in done.stdout


def test_modes_come_by_option_and_by_file(bars: Path, tmp_path: Path) -> None:
    file = tmp_path / "modes"
    file.write_text("# a weekend off\n2024-01-10T00:00:00Z=PAUSED\n\n2024-01-12=NORMAL\n")
    by_file = bot4("--data", bars, "--json", "--modes", file)
    by_word = bot4("--data", bars, "--json", "--mode-at", "2024-01-12T01:00:00+01:00=NORMAL",
                   "--mode-at", "2024-01-10=PAUSED")  # fmt: skip
    assert by_file.returncode == 0, by_file.stderr
    assert by_file.stdout == by_word.stdout
    modes = json.loads(by_file.stdout)["modes"]
    assert [change["mode"] for change in modes["changes"]] == ["PAUSED", "NORMAL"]
    assert modes["rows"]["PAUSED"] == 48


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("repeated", rows([f"2024-01-{day:02d}T00:00:00Z" for day in [1, *range(1, 31), 31]])),
        ("unsorted", rows([f"2024-01-{day:02d}T00:00:00Z" for day in [2, 1, *range(3, 32)]])),
        ("zoneless", rows([f"2024-01-{day:02d}T00:00:00" for day in range(1, 32)])),
        ("zoneless", rows([f"2024-02-{day:02d}" for day in range(1, 30)] + ["2024-03-01"])),
    ],
)
def test_what_a_rule_repairs_is_repaired_and_told(tmp_path: Path, rule: str, text: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    words = ("--zone", "Europe/Berlin") if "01T00:00:00," in text else ()
    done = bot4("--data", tmp_path / "x.csv", "--json", *words)
    assert done.returncode == 0, done.stderr
    assert rule in json.loads(done.stdout)["data"]["repaired"]


FINE = rows([f"2024-01-{day:02d}T00:00:00Z" for day in range(1, 32)])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "x.csv"),
        (HEAD, "no data row"),
        (FINE.replace("volume", "wind"), "unknown column 'wind'"),
        (FINE + "2024-01-31T00:00:00Z,10.0,12.0,9.0,10.0,5\n", "the time of row"),
        (FINE.replace("2024-01-20T00", "2024-01-20T07"), "mixed frequency"),
        (FINE.replace("10.0,11.0,9.0,10.0,5\n", "10.0,11.0,9.0,nan,5\n", 1), "row 1"),
        (rows([f"2024-01-{day:02d}T00:00:00Z" for day in range(1, 20)]), "at least 30"),
        ("a,b\n1,2\n", "neither bars, trades nor quotes"),
    ],
)
def test_what_cannot_be_repaired_is_one_line(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    refused(bot4("--data", tmp_path / "x.csv"), complaint)


def refused(done: subprocess.CompletedProcess[str], complaint: str) -> None:
    assert done.returncode == 2, done.stdout
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert complaint in done.stderr


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--mode-at", "2005-01-01=EMERGENCY"), "NORMAL, REDUCED, PAUSED"),
        (("--mode-at", "soon=PAUSED"), "no time"),
        (("--mode-at", "2030-01-01=PAUSED"), "the data are of"),
        (("--modes", "nowhere"), "--modes nowhere"),
        (("--config", "nowhere.toml"), "nowhere.toml"),
        (("--data", "nowhere.csv"), "nowhere.csv"),
        (("--html", "no/such/folder/x.html"), "no such folder"),
        (("--latency-ms", "-1"), "--latency-ms"),
        (("--latency-ms", "nan"), "--latency-ms"),
        (("--trials", "0"), "--trials"),
        (("--zone", "Mars/Base"), "Mars/Base"),
    ],
)
def test_wrong_use_is_one_line(words: tuple[str, ...], complaint: str) -> None:
    refused(bot4(*words), complaint)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("capital_quote = 10_000.0", "capital_quote = 0.0", "capital_quote"),
        ("fee_bps = 10.0", "fee_bps = -1.0", "[costs] fee_bps"),
        ("[costs]\n", "[costs]\nfree = true\n", "[costs] free"),
        ("[limits]\n", '[model]\nfile = "x.onnx"\n\n[limits]\n', "x.json"),
    ],
)
def test_a_configuration_that_cannot_be_is_one_line(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    text = DEFAULT.read_text()
    assert old in text
    (tmp_path / "c.toml").write_text(text.replace(old, new))
    refused(bot4("--config", tmp_path / "c.toml"), complaint)


def test_a_configuration_of_ones_own_is_used_as_it_is(tmp_path: Path) -> None:
    data = as_csv(recorded(400), tmp_path / "x.csv")
    text = DEFAULT.read_text().replace("[modeller]\n", "[modeller]\nhorizon_bars = 3\n")
    (tmp_path / "c.toml").write_text(text)
    told = json.loads(bot4("--data", data, "--config", tmp_path / "c.toml", "--json").stdout)
    assert told["options"]["horizon_bars"] == 3
