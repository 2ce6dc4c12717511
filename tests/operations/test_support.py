"""The support bundle: keys are planted wherever text can be, and none comes out."""

import json
import secrets
import subprocess
import sys
import zipfile
from pathlib import Path

import msgspec
import pytest

from host import config, refusals, support
from host.audit.writer import AuditWriter
from host.backup.places import Places
from host.config import DEFAULT
from host.doctor import TABLE, Finding, examine
from host.doctor.finding import Status
from host.modes import Reason, TradingMode


@pytest.fixture
def planted() -> list[str]:
    """Keys as they come: hex, base64, with a prefix, short."""
    return [
        secrets.token_hex(32), f"sk-{secrets.token_urlsafe(24)}", f"xai{secrets.token_hex(8)}",
        secrets.token_urlsafe(9).replace("-", "a").replace("_", "b"),
    ]  # fmt: skip


def texts(kind: type) -> list[str]:
    """Keys of a section that hold free text."""
    found = []
    for field in msgspec.structs.fields(kind):
        schema = msgspec.json.schema(field.type)
        if schema.get("type") == "string" and "enum" not in schema:
            found.append(field.name)
    return found


def written(folder: Path, keys: list[str]) -> Path:
    """A configuration with a key in every text that takes one."""
    one, two, three, four = keys
    lines = DEFAULT.read_text().replace(
        "max_open_orders = 4", f'max_open_orders = "loosened: {one}"'
    )
    lines = lines.replace("restricted_instruments = []", f'restricted_instruments = ["{four}"]')
    lines += f"""
[host]
serial = "/dev/{two}"
pins = "{three}"
link_key = "/x/{one}"
audit_dir = "{folder}/{four}/audit"

[alerts]
webhook_url = "https://hooks.example/{one}"
smtp_host = "{two}.example"
mail_from = "{three}@example"
mail_to = ["{four}@example"]

[enrichment]
base_url = "https://api.example/{two}"
model = "{three}"
redis_url = "redis://localhost/{four}"
key_env = "{"K" + three.upper()}"
key_file = "/x/{one}"
sources = ["https://feed.example/?apikey={two}"]
symbols = {{ "PAPER" = ["{four}"] }}
state_dir = "{folder}/{one}/enrich"
trial = "{two[:20]}"

[[venue]]
name = "paper"
socket = "/x/{three}"

[[venue]]
name = "kraken"
exchange = "kraken"
symbol = "{four}/USD"
keys = "/x/{one}"
"""
    file = folder / "bot4.toml"
    file.write_text(lines)
    return file


def found_in(text: str, keys: list[str]) -> list[str]:
    """Keys, or long enough parts of one, in a text."""
    low = text.lower()
    return [key for key in keys if any(key.lower()[i : i + 8] in low for i in range(len(key) - 7))]


def zipped(path: Path) -> str:
    with zipfile.ZipFile(path) as made:
        return "\n".join(made.read(name).decode() for name in made.namelist())


def test_no_planted_key_comes_out(tmp_path: Path, planted: list[str]) -> None:
    file = written(tmp_path, planted)
    wanted = config.load(file)
    audit_dir = Path(wanted.host.audit_dir)
    with AuditWriter(audit_dir, host_id=planted[0]) as log:
        for key in planted:
            log.append("alert", "engine", {"code": key, "text": f"key={key}", key: 1})
            log.append("mode", "guard", {"mode": "EMERGENCY", "reason": key, "detail": key})
            log.append(f"k{planted[3]}", "engine", {"epoch": key})
    for name in (f"{planted[2]}.log", f"torn-{planted[2]}.part", f"orders-{planted[3]}.journal"):
        (audit_dir / name).write_text(planted[0])
    environment = {"XAI_API_KEY": planted[0], "BOT4_KRAKEN_SECRET": planted[1]}
    environment |= {planted[2]: "x", "LD_PRELOAD": planted[3], "PATH": "/usr/bin:/bin"}
    out = tmp_path / "bundle.zip"
    command = [sys.executable, "-m", "bot4", "support-bundle", str(out), "--config", str(file)]
    command += ["--run-dir", str(tmp_path / planted[2])]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False,
        env=environment | {"PYTHONPATH": str(Path(support.__file__).parents[1])},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert found_in(zipped(out), planted) == []
    # And the test would see them: they are in what was read.
    assert found_in(file.read_text(), planted) == planted
    shown = json.loads(zipfile.ZipFile(out).read("log.json"))
    assert shown["records"] == 3 * len(planted) + 2
    assert {"seq", "wall_ns", "kind", "mode"} <= set().union(*shown["last"])
    assert json.loads(zipfile.ZipFile(out).read("machine.json"))["set"] == [
        "LD_PRELOAD",
        "PYTHONPATH",
    ]
    assert out.stat().st_mode & 0o777 == 0o600


def test_every_text_of_the_configuration_was_tried(tmp_path: Path, planted: list[str]) -> None:
    """A text that is added to the configuration has to be planted here as well."""
    wanted = config.load(written(tmp_path, planted))
    names_only = {
        "strategy": {"id", "instrument", "venue"},
        "venue": {"name", "exchange", "url"},
        "model": {"file"},
    }
    for section in msgspec.structs.fields(config.Config):
        value = getattr(wanted, section.name)
        values = value if isinstance(value, list) else [value]
        for key in texts(type(values[0])):
            if key in names_only.get(section.name, ()):
                continue
            shown = " ".join(str(getattr(item, key)) for item in values)
            assert found_in(shown, planted), f"[{section.name}] {key}"


def test_what_is_shown_of_the_configuration_is_of_use(tmp_path: Path, planted: list[str]) -> None:
    shown = support.settings(config.load(written(tmp_path, planted)))
    assert shown["emergency"]["on_kill"] == "CANCEL_ENTRIES"
    assert shown["host"]["scheduler"] == "fifo"
    assert shown["limits"]["max_order_value_quote"] == 5000.0
    assert shown["limits"]["max_open_orders"] == support.NOT_SHOWN
    assert shown["enrichment"]["enabled"] is False


def test_the_status_keeps_codes_and_counts_alone(planted: list[str]) -> None:
    status = {
        "mode": "PAUSED", "reason": "OPERATOR", "detail": planted[0], "epoch": 4, "halt": "high",
        "controller": planted[1], "link": {"mismatch": planted[2]}, "orders_sent": 5,
        "engines": {planted[3]: 1}, "forced": planted[3],
    }  # fmt: skip
    assert support.coded(status) == {
        "mode": "PAUSED", "reason": "OPERATOR", "halt": "high", "epoch": 4, "orders_sent": 5,
    }  # fmt: skip


def test_a_fact_that_may_quote_stays_here_and_so_does_one_of_no_known_check() -> None:
    names = [
        next(check.name for check in TABLE if check.quotes is quotes) for quotes in (True, False)
    ]
    findings = [Finding(name, Status.WARN, "fact") for name in (*names, "unheard of")]
    shown = [finding["found"] for finding in support.checked(findings)]
    assert shown == [support.NOT_SHOWN, "fact", support.NOT_SHOWN]


def test_no_check_quotes_a_path_without_saying_so(tmp_path: Path) -> None:
    """Every path and name of the place is one that can be found again in a fact."""
    from host.doctor import Place

    mark = "q7marked"
    key = tmp_path / mark / "key"
    key.parent.mkdir()
    key.touch(0o600)
    place = Place(tmp_path / mark / "a", tmp_path / mark / "r", f"/dev/{mark}", mark, key, key)
    quoting = {check.name for check in TABLE if check.quotes}
    for finding in examine(TABLE, place):
        assert mark not in finding.found or finding.name in quoting, finding


def test_every_word_is_of_a_table() -> None:
    assert {item.name for item in (*TradingMode, *Reason)} <= support.WORDS
    assert set(refusals.NAMES.values()) <= support.WORDS
    assert not [word for word in support.WORDS if len(word) > 32]
    sources = "".join(
        path.read_text() for path in Path(config.__file__).parent.rglob("*.py")
        if path.name != "support.py"
    )  # fmt: skip
    assert not [code for code in support.ALERTS if f'"{code}"' not in sources]


def test_without_a_log_and_with_a_broken_one_there_is_a_bundle(tmp_path: Path) -> None:
    where = Places(tmp_path / "audit", tmp_path, tmp_path)
    assert support.log(where.audit_dir) == {"readable": False, "records": 0, "kinds": {}}
    where.audit_dir.mkdir()
    (where.audit_dir / "audit-000001.jsonl").write_text("secret\n")
    assert support.log(where.audit_dir)["readable"] is False
    assert support.files(where)[0]["name"] == "audit/audit-000001.jsonl"


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "x.zip"
    out.write_text("mine")
    command = [sys.executable, "-m", "bot4", "support-bundle", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert out.read_text() == "mine"
