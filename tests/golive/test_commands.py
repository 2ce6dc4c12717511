"""`bot4 ready` and `bot4 run --live` as a user meets them."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import rig.fingerprint
from bot4 import cli, perf, ready
from host import moderecord, supervisor
from host.audit.export import records
from host.audit.verify import verify
from host.audit.writer import AuditWriter
from host.config import DEFAULT
from host.doctor import finding, upkeep
from host.golive import permit, trust
from host.golive.lines import LINES
from host.golive.shown import SAFETY_MODULES
from tests.golive.proofs import KEY, SOFTWARE, Host

HOUSE = Path(__file__).parents[2]


class Done(NamedTuple):
    """Exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.out)


Run = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Run:
    def command(*words: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["bot4", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return Done(int(ended.value.code or 0), *capsys.readouterr())

    return command


@pytest.fixture
def machine(
    host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> tuple[Host, list[object]]:
    """The host of the fixture is this machine; the supervisor that would trade is looked at."""
    (tmp_path / "link.key").write_bytes(bytes(32))
    (tmp_path / "link.key").chmod(0o600)
    text = DEFAULT.read_text().replace(
        "[strategy]\n",
        f'[host]\nlink_key = "{tmp_path}/link.key"\n\n[strategy]\nvenue = "kraken"\n',
    )
    text += '\n[[venue]]\nname = "kraken"\nexchange = "kraken"\n'
    (tmp_path / "config.toml").write_text(text)
    where = {"cpu": "Cortex-A76", "kernel": "6.12-rt"}
    monkeypatch.setattr(perf, "environment", lambda: where)
    monkeypatch.setattr(rig.fingerprint, "sources", lambda: dict(SOFTWARE))
    monkeypatch.setattr(upkeep, "clock_synchronised", lambda _place: finding.ok("synchronised"))
    monkeypatch.setattr(ready, "host_name", lambda: "pi")
    monkeypatch.setattr("platform.node", lambda: "pi")
    monkeypatch.setattr(ready, "WITNESS_KEY", tmp_path / "witness.key")
    monkeypatch.setattr(trust, "PRODUCTION", tmp_path / "etc" / "auditor.pem")
    (tmp_path / "etc").mkdir(0o755)
    started: list[object] = []

    class Trades:
        def __init__(self, plan: object, _say: object) -> None:
            started.append(plan)

        def stop(self, *_signal: object) -> None: ...

        def run(self) -> int:
            return 0

    monkeypatch.setattr(supervisor, "Supervisor", Trades)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    return host, started


def options(host: Host) -> tuple[object, ...]:
    return ("--config", host.folder.parent / "config.toml", "--audit-dir", host.audit_dir)


def test_a_fresh_host_is_told_each_line(run: Run, tmp_path: Path) -> None:
    done = run("ready", "--json", "--audit-dir", tmp_path / "none")
    assert done.code == 1
    told = done.json
    assert (told["ready"], told["live"]) == (False, False)
    assert [line["line"] for line in told["lines"]] == [line.name for line in LINES]
    assert len(told["open"]) >= 15
    assert all(line["reason"] for line in told["lines"] if line["open"])


def test_the_text_says_the_same_in_eighty_columns(run: Run, machine: Any) -> None:
    host, _ = machine
    done = run("ready", *options(host), "--trust-root", host.root)
    assert done.code == 0, done.out
    assert "`bot4 run --live` refuses it" in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    host.piece("hardware").unlink()
    done = run("ready", *options(host), "--trust-root", host.root)
    assert done.code == 1
    assert "OPEN  hardware" in done.out
    assert "NOT ready: 1 of 20" in done.out


def test_ready_under_a_test_root_and_run_live_refuses_it(run: Run, machine: Any) -> None:
    host, started = machine
    done = run("ready", *options(host), "--trust-root", host.root, "--json")
    assert done.code == 0
    assert (done.json["ready"], done.json["live"], done.json["open"]) == (True, False, [])
    # Not where production's is.
    done = run("run", *options(host), "--live")
    assert (done.code, started) == (1, [])
    assert "trust_root" in done.err
    # In its place, and still a test root.
    host.trust(trust.PRODUCTION)
    done = run("run", *options(host), "--live")
    assert (done.code, started) == (1, [])
    assert "marked as a test root" in done.err
    refused = [record for record in records(host.audit_dir) if record.kind == "live_refused"]
    assert [record.data["open"][:1] for record in refused] == [["trust_root"], ["trust_root"]]
    assert len(refused[1].data["evidence"]) == 12  # eleven results and the head of the log
    report = verify(host.audit_dir, witness_key=KEY)
    assert report.verified, report.reason


def test_run_live_on_a_host_that_is_not_ready_trades_nothing(
    run: Run, machine: Any, tmp_path: Path
) -> None:
    host, started = machine
    fresh = tmp_path / "fresh" / "audit"
    config = tmp_path / "config.toml"
    done = run("run", "--config", config, "--audit-dir", fresh, "--live")
    assert (done.code, started, done.out) == (1, [], "")
    for name in ("trust_root", "audit_log", "hardware", "paper_days", "capital"):
        assert f"  {name}: " in done.err
    last = list(records(fresh))[-2]
    assert last.kind == "live_refused"
    assert {"trust_root", "audit_log", "paper_days"} <= set(last.data["open"])
    # The next start finds a log with a mode record, as if the recorder had made both.
    assert moderecord.begin(fresh, "pi", 2**62).reason.name == "NOT_ARMED"


@pytest.mark.skipif(os.getuid() != 0, reason="production's root must belong to root")
def test_the_gate_opens_under_productions_root_and_no_evidence_less(run: Run, machine: Any) -> None:
    host, started = machine
    host.trust(trust.PRODUCTION, mark=b"")
    done = run("run", *options(host), "--live")
    assert done.code == 0, done.err
    assert len(started) == 1
    permit.check(started[0].permit, trust.read(trust.PRODUCTION), "pi", "kraken", "kraken")
    granted = [record for record in records(host.audit_dir) if record.kind == "live_granted"]
    assert granted[0].data["open"] == []
    assert granted[0].data["trust"].startswith("production ")
    # What is given on the command line is what is judged.
    for extra, line in (
        (("--profile", "bench"), "profile"),
        (("--pins", "bot4bench"), "profile"),
        (("--link-key", "/nowhere"), "keys"),
    ):
        done = run("run", *options(host), "--live", *extra)
        assert (done.code, len(started)) == (1, 1)
        assert f"  {line}: " in done.err
    host.piece("hardware").unlink()
    done = run("run", *options(host), "--live")
    assert (done.code, len(started)) == (1, 1)


def test_run_live_without_any_configuration_is_not_ready_either(run: Run, tmp_path: Path) -> None:
    done = run("run", "--audit-dir", tmp_path / "audit", "--live")
    assert done.code == 1
    assert done.err.startswith("bot4: not ready for live trading; nothing is traded:")


def test_run_live_takes_no_other_root_and_no_paper_venue(run: Run, machine: Any) -> None:
    host, started = machine
    assert run("run", *options(host), "--live", "--trust-root", host.root).code == 2
    done = run("run", *options(host), "--live", "--venue", "/nowhere")
    assert (done.code, started) == (2, [])
    assert "--venue" in done.err


def configured(host: Host, venue: str) -> None:
    """Say something else of the venue."""
    file = host.folder.parent / "config.toml"
    file.write_text(file.read_text().replace('exchange = "kraken"', venue))


@pytest.mark.parametrize("name", ["bybit", "hyperliquid", "nowhere"])
def test_an_untested_exchange_is_refused_whatever_the_gate_says(
    run: Run, machine: Any, name: str
) -> None:
    host, started = machine
    host.trust(trust.PRODUCTION, mark=b"")
    configured(host, f'exchange = "{name}"')
    done = run("run", *options(host), "--live")
    assert (done.code, started, done.out) == (1, [], "")
    assert done.err.startswith(f"bot4: not live: {name} is ")
    assert done.err.count("\n") == 1


@pytest.mark.skipif(os.getuid() != 0, reason="production's root must belong to root")
def test_live_orders_go_to_one_exchange(run: Run, machine: Any) -> None:
    host, started = machine
    host.trust(trust.PRODUCTION, mark=b"")
    other = '\n[[venue]]\nname = "second"\nexchange = "okx"\n'
    configured(host, f'exchange = "kraken"\n{other}')
    done = run("run", *options(host), "--live")
    assert (done.code, started) == (2, [])
    assert "[[venue]] second: real orders go to the exchange that is traded at alone" in done.err
    configured(host, 'exchange = "kraken"\nurl = "http://127.0.0.1:9"')
    done = run("run", *options(host), "--live")
    assert (done.code, started) == (1, [])
    assert "  venue: the configuration trades at no real exchange" in done.err


def test_a_decision_that_cannot_be_put_on_record_is_none(
    run: Run, machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, started = machine
    host.trust(trust.PRODUCTION, mark=b"")
    from host.golive import gate

    def broken(*_words: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(gate, "record", broken)
    done = run("run", *options(host), "--live")
    assert (done.code, started) == (1, [])
    assert "cannot be put on record" in done.err


def test_plain_run_never_asks_the_gate(run: Run, machine: Any) -> None:
    host, started = machine
    done = run("run", *options(host))
    assert (done.code, started) == (2, [])
    assert "without a url its orders are real, and that needs --live" in done.err
    configured(host, 'exchange = "kraken"\nurl = "http://127.0.0.1:9"')
    assert run("run", *options(host)).code == 0
    assert [venue.url for venue in started[0].connectors] == ["http://127.0.0.1:9"]
    assert started[0].permit == b""
    assert not any(record.kind.startswith("live_") for record in records(host.audit_dir))


def test_the_tasks_are_told(run: Run, machine: Any) -> None:
    host, _ = machine
    done = run("ready", *options(host), "--trust-root", host.root, "--tasks")
    assert done.code == 0, done.out
    assert "9. paper trading" in done.out
    assert "deviations" in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    done = run("ready", "--audit-dir", host.folder / "none", "--tasks", "--json")
    assert done.code == 1
    assert not any(task["reached"] for task in done.json["tasks"])


def test_the_auditor_signs_and_the_gate_believes(run: Run, machine: Any, tmp_path: Path) -> None:
    host, _ = machine
    private = tmp_path / "auditor.key"
    private.write_bytes(host.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    private.chmod(0o600)
    result = tmp_path / "account.json"
    result.write_text('{"amount_quote": 11000, "currency": "USD", "account": "main"}')
    host.piece("capital").unlink()
    words = ("ready", "sign", result, "--as", "capital", "--key", private, "--host", "pi")
    done = run(*words, "--out", host.evidence)
    assert done.code == 0, done.err
    done = run("ready", *options(host), "--trust-root", host.root, "--json")
    assert done.code == 0
    assert "11,000 USD" in done.out
    # Signed anew, an old measurement stays old.
    os.utime(result, (1_600_000_000, 1_600_000_000))
    host.piece("capital-account").unlink()
    assert run(*words, "--out", host.evidence).code == 0
    done = run("ready", *options(host), "--trust-root", host.root)
    assert done.code == 1
    assert "too old" in done.out
    private.chmod(0o640)
    done = run(*words)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "chmod 600" in done.err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--as", "nonsense"), "one of audit"),
        (("--host", ""), "--host: a name"),
        (("--key", "/nowhere.key"), "No such file"),
    ],
)
def test_bad_input_of_sign_is_one_line(
    words: tuple[str, ...], why: str, run: Run, tmp_path: Path
) -> None:
    result = tmp_path / "account.json"
    result.write_text('{"amount_quote": 11000, "currency": "USD", "account": "main"}')
    given = {"--as": "capital", "--key": str(tmp_path / "k"), "--host": "pi"} | dict([words])
    flat = [word for pair in given.items() for word in pair]
    done = run("ready", "sign", result, *flat)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert why in done.err


def test_secrets_that_others_can_read_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready, "WITNESS_KEY", tmp_path / "witness.key")
    key = tmp_path / "link.key"
    assert "No such file" in ready.key_faults([key])[0]
    key.write_bytes(b"x")
    key.chmod(0o600)
    assert ready.key_faults([key]) == []
    key.chmod(0o640)
    assert "others can read it" in ready.key_faults([key])[0]
    key.chmod(0o600)
    (tmp_path / "witness.key").touch()
    assert "never on the host" in ready.key_faults([key])[0]


def test_the_safety_modules_are_those_of_the_house() -> None:
    for name in SAFETY_MODULES:
        assert (HOUSE / (name.replace(".", "/") + ".py")).is_file(), name


@pytest.mark.parametrize("words", [("ready",), ("run", "--live")])
def test_without_cryptography_it_says_what_to_install(
    words: tuple[str, ...], run: Run, machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, started = machine
    monkeypatch.setitem(sys.modules, "cryptography", None)
    done = run(*words, *options(host))
    assert (done.code, started, done.err.count("\n")) == (2, [], 1)
    assert "bot4[live]" in done.err


def test_a_log_that_is_in_use_grants_nothing(run: Run, machine: Any) -> None:
    host, started = machine
    host.trust(trust.PRODUCTION, mark=b"")
    with AuditWriter(host.audit_dir, host_id="pi"):
        done = run("run", *options(host), "--live")
    assert (done.code, started) == (1, [])
    assert "cannot be put on record" in done.err


@pytest.mark.parametrize("content", ["[host]\nnonsense = 1\n", "not toml"])
def test_a_bad_configuration_is_one_line(content: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(content)
    for words in (("ready",), ("run", "--live")):
        done = run(*words, "--config", tmp_path / "c.toml")
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
