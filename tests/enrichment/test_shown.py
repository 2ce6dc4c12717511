"""What is shown of the whole: a small replay, decisions that nothing is in the way of, commands."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from host import config
from host.plan import Plan
from host.supervisor import ENRICH, Supervisor
from tests.enrichment import in_the_way, replay
from tests.enrichment.api import Api
from tests.enrichment.kit import KEY, news, redis_server

HOURS = 2


@pytest.mark.skipif("BOT4_DATA" not in os.environ, reason="needs the recorded data: BOT4_DATA")
def test_two_hours_of_the_recorded_day_hold_hit_rate_and_budget() -> None:
    found = replay.replay(HOURS * 3600)
    print({key: found[key] for key in ("hit_rate", "requests", "cost", "cost_a_month", "told")})
    assert found["decisions"] == HOURS * 3600 * 20
    assert found["hit_rate"] >= 0.85
    assert found["requests_a_month"] <= 80_000
    assert found["requests_failed"] > 0  # the failures were there
    assert found["cost_ticks"] >= found["billed_by_the_api_ticks"]
    assert "lengthened to" in found["cadence_of_a_dear_model"]


def test_the_cases_of_the_in_the_way_table_are_measured() -> None:
    found = in_the_way.measure(2)
    print(found)
    assert set(found["decision_us"]) == {"without", "well", "floods", "hangs", "died"}
    assert all(case["decisions"] == 2 * in_the_way.ROWS for case in found["decision_us"].values())


def test_the_verdict_finds_a_case_that_is_in_the_way() -> None:
    same = {"p50": 10.0, "p50_first_half": 10.0, "p50_second_half": 10.2}
    table = {name: dict(same) for name in ("without", "well", "floods", "hangs", "died")}
    good: dict[str, Any] = {"pass": True, "idle_as_long": {"p50": 1.0, "p99": 1.0}}
    assert in_the_way._verdict(table, good) == "pass"
    assert in_the_way._verdict(table, {**good, "pass": False}) == "fail"
    noisy = {"pass": False, "idle_as_long": {"p50": 1.0, "p99": 9.0}}
    assert in_the_way._verdict(table, noisy) == "too noisy"
    table["hangs"]["p50"] = 11.5
    assert in_the_way._verdict(table, good) == "fail"


# -- commands ---------------------------------------------------------------------------------


def write_config(folder: Path, address: str, **changes: str) -> Path:
    """Write a configuration with the enrichment on; values are TOML."""
    values = {
        "enabled": "true",
        "base_url": f'"{address}/v1"',
        "model": '"grok-test"',
        "input_usd_per_million": "0.2",
        "output_usd_per_million": "0.5",
        "symbols": '{ PAPER = ["paper"], BTC = ["bitcoin"] }',
        "sources": f'["{folder}/news.json"]',
        "state_dir": f'"{folder}/state"',
        "key_env": '"BOT4_TEST_KEY"',
        "key_file": f'"{folder}/none.key"',
        "budget_usd": "10000.0",
        "deadline_s": "5.0",
        **changes,
    }
    text = config.DEFAULT.read_text() + "\n[enrichment]\n"
    file = folder / "bot4.toml"
    file.write_text(text + "".join(f"{key} = {value}\n" for key, value in values.items()))
    return file


def bot4(*words: object, key: str = KEY) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "bot4", "enrich", *map(str, words)]
    environment = {**os.environ, "BOT4_TEST_KEY": key, "COLUMNS": "80"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, env=environment)
    assert KEY not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_asking_reporting_and_the_status_on_one_screen(tmp_path: Path) -> None:
    news(tmp_path, "bitcoin falls")
    with Api() as api:
        file = write_config(tmp_path, api.address)
        # A new ledger begins at its worst: the first question waits for the month's pace.
        first = bot4("ask", "BTC", "--config", file)
        assert (first.returncode, "AHEAD_OF_PACE" in first.stdout) == (1, True)
        api.date_s = lambda: time.time() + 600
        asked = bot4("ask", "BTC", "--config", file)
        assert (asked.returncode, asked.stderr) == (0, "")
        assert "BTC          -0.50 confidence 0.80 for 60 min" in asked.stdout
        again = msgspec.json.decode(bot4("ask", "BTC", "--config", file, "--json").stdout)
        assert (again["sentiment"], len(api.requests)) == (-0.5, 1)
        report = msgspec.json.decode(bot4("report", "--config", file, "--json").stdout)
        assert report["budget"]["spent_ticks"] == api.billed_ticks
        assert report["tiers"]["hit_disk"] == 1
        assert report["calls"]["number"] == 1
        for command in ("status", "report"):
            shown = bot4(command, "--config", file)
            assert shown.returncode == 0
            assert max(map(len, shown.stdout.splitlines())) <= 110
            assert "budget" in shown.stdout
        nothing = bot4("ask", "PAPER", "--config", file)
        assert (nothing.returncode, "NOTHING_TO_ASK" in nothing.stdout) == (1, True)


@pytest.mark.parametrize(
    ("words", "changes", "said"),
    [
        (("ask", "DOGE"), {}, "'DOGE': not among [enrichment] symbols"),
        (("ask", "BTC"), {"enabled": "false"}, "[enrichment] enabled: is false"),
        (("ask", "BTC"), {"model": '""'}, "[enrichment] model: is needed when enabled"),
        (("status",), {"ttl_s": "1"}, "[enrichment] ttl_s: "),
        (("status",), {"base_url": '"http://api.x.ai/v1"'}, "http is for this machine alone"),
        (("status",), {"base_url": '"https://k:s@x/v1"'}, "no user or password belongs"),
        (("status",), {"redis_url": '"redis://far:6379"'}, "redis is for this machine alone"),
        (("status",), {"symbols": '{ BTC = ["bitcoin"] }'}, "'PAPER' is not among them"),
        (("status",), {"symbols": '{ "B C" = ["x"] }'}, "symbols: 'B C' is not"),
        (("status",), {"symbols": '{ PAPER = [" "] }'}, "symbols: PAPER: ' ' is no word"),
        (("status",), {"sources": '["ftp://x/y"]'}, "sources: 'ftp://x/y' is no https address"),
        (("status",), {"budgt_usd": "1"}, "[enrichment] budgt_usd: unknown key"),
        (("report",), {"budget_usd": "0"}, "[enrichment] budget_usd: "),
    ],
)
def test_bad_input_is_one_line_that_names_it(
    tmp_path: Path, words: tuple[str, ...], changes: dict[str, str], said: str
) -> None:
    file = write_config(tmp_path, "http://127.0.0.1:1", **changes)
    done = bot4(*words, "--config", file)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "state").exists()


def test_without_a_key_nothing_is_asked(tmp_path: Path) -> None:
    file = write_config(tmp_path, "http://127.0.0.1:1")
    done = bot4("ask", "BTC", "--config", file, key="")
    assert done.returncode == 2
    assert "BOT4_TEST_KEY is not set, and" in done.stderr


@pytest.mark.parametrize("words", [["enrich", "status"], ["run", "--venue", "none.sock"]])
def test_without_its_packages_one_line_says_what_to_install(
    tmp_path: Path, words: list[str]
) -> None:
    file = write_config(tmp_path, "http://127.0.0.1:1")
    script = "import sys; sys.modules['openai'] = None; from bot4.cli import main; main()"
    command = [sys.executable, "-c", script, *words, "--config", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "bot4: enrichment: openai is missing: pip install 'bot4[enrich]'\n"


def test_a_redis_that_is_gone_is_said(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        file = write_config(tmp_path, "http://127.0.0.1:1", redis_url=f'"{server.url}"')
        assert "nothing asked yet" in bot4("status", "--config", file).stdout
    gone = bot4("status", "--config", file)
    assert (gone.returncode, "shared ledger: ConnectionError" in gone.stdout) == (0, True)


# -- under the supervisor ---------------------------------------------------------------------


def supervised(folder: Path, file: Path) -> tuple[Supervisor, list[str]]:
    said: list[str] = []
    plan = Plan(
        folder / "run", folder / "audit", "", "", "", folder, "bench", "test", file, "flatten",
        enrich=True, enrich_secrets=("BOT4_TEST_KEY",),
    )  # fmt: skip
    return Supervisor(plan, said.append), said


def test_the_supervisor_starts_it_again_and_it_asks_and_publishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOT4_TEST_KEY", KEY)
    news(tmp_path, "bitcoin falls", "paper trades")
    with Api() as api:
        file = write_config(tmp_path, api.address)
        supervisor, said = supervised(tmp_path, file)
        child = supervisor._spawn(ENRICH, [])
        assert child.process.stdout is not None
        assert child.process.stdout.readline() == b"ready\n"
        assert os.getpriority(os.PRIO_PROCESS, child.process.pid) >= 10
        child.process.kill()
        assert supervisor._restart(child)
        again = supervisor._children.find(ENRICH)
        assert again is not None
        child = again
        assert child.process.stdout is not None
        assert child.process.stdout.readline() == b"ready\n"
        deadline = time.monotonic() + 30
        while not (tmp_path / "run" / "enrich.sock").is_socket() and time.monotonic() < deadline:
            time.sleep(0.02)
        child.process.send_signal(signal.SIGTERM)
        assert child.process.wait(20) == 0
        assert supervisor._restart(child)  # an orderly end is an end as well: it is started again
        supervisor._end_all()
        assert said == [
            "enrich ended (signal 9); starting it again",
            "enrich ended (exit code 0); starting it again",
        ]


def test_without_a_key_it_stays_down_and_the_host_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("BOT4_TEST_KEY", raising=False)
    supervisor, said = supervised(tmp_path, write_config(tmp_path, "http://127.0.0.1:1"))
    child = supervisor._spawn(ENRICH, [])
    child.process.wait(30)
    assert supervisor._restart(child)
    assert said == ["enrich ended (exit code 2) and stays down; trading goes on without it"]
    assert supervisor._children.find(ENRICH) is None
    assert "enrich: BOT4_TEST_KEY is not set" in capfd.readouterr().err
    supervisor._end_all()
