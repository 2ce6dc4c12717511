"""Each process of the host finds in its environment what it needs, and nobody else's keys."""

from pathlib import Path

import pytest

from host import config
from host.plan import PREFIX, Plan
from host.surroundings import environment
from host.venues.settings import Venue

BASE = {
    "PATH": "/bin", "HOME": "/home/pi", "LANG": "C", "PYTHONPATH": "/house", "TMPDIR": "/tmp/x",
    "BOT4_KRAKEN_KEY": "k", "BOT4_KRAKEN_SECRET": "s", "BOT4_OKX_KEY": "o", "BOT4_OKX_PASSPHRASE": "p",
    "XAI_API_KEY": "x", "BOT4_REDIS_PASSWORD": "r", "BOT4_BENCH_SOCKET": "/hub", "HTTPS_PROXY": "p",
    "AWS_SECRET_ACCESS_KEY": "a", "GPIOZERO_PIN_FACTORY": "lgpio", "SSH_AUTH_SOCK": "/agent",
}  # fmt: skip
SECRETS = {"BOT4_KRAKEN_KEY", "BOT4_KRAKEN_SECRET", "BOT4_OKX_KEY", "BOT4_OKX_PASSPHRASE",
           "XAI_API_KEY", "BOT4_REDIS_PASSWORD", "AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK"}  # fmt: skip


def plan(**more: object) -> Plan:
    venues = (
        Venue("kraken", exchange="kraken", url="http://127.0.0.1:1"),
        Venue("okx", exchange="okx"),
        Venue("filed", exchange="okx", keys="~/okx.keys"),
    )
    given = {"connectors": venues, "strategy": "trend", "instrument": "BTC/USD", "permit": b"leave"}
    return Plan(
        run_dir=Path("/run/bot4"), audit_dir=Path("/audit"), venue="", serial="x", pins="x",
        link_key=Path("/key"), profile="bench", host_id="pi", config=config.DEFAULT,
        on_kill="flatten", enrich=True, enrich_secrets=("XAI_API_KEY",), **(given | more),  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("process", "own"),
    [
        ("guard", set()), ("recorder", set()), ("modeller", set()), ("engine", set()),
        ("enrich", {"XAI_API_KEY", "BOT4_REDIS_PASSWORD"}),
        (PREFIX + "kraken", {"BOT4_KRAKEN_KEY", "BOT4_KRAKEN_SECRET"}),
        (PREFIX + "okx", {"BOT4_OKX_KEY", "BOT4_OKX_PASSPHRASE"}),
        (PREFIX + "filed", set()),
    ],
)  # fmt: skip
def test_a_key_is_in_the_environment_of_one_process(process: str, own: set[str]) -> None:
    found = environment(process, BASE, plan().secrets(process))
    assert SECRETS & found.keys() == own
    assert {"PATH", "HOME", "LANG", "PYTHONPATH", "TMPDIR"} <= found.keys()
    assert (
        ("BOT4_BENCH_SOCKET" in found) == ("GPIOZERO_PIN_FACTORY" in found) == (process == "guard")
    )
    assert ("HTTPS_PROXY" in found) == (process in ("recorder", "enrich"))


def test_a_connector_listens_beside_the_guard_and_the_permit_is_in_no_command_line() -> None:
    made = plan()
    assert made.order == (
        "guard", "recorder", "exchange kraken", "exchange okx", "exchange filed", "modeller", "engine",
    )  # fmt: skip
    command = made.command(PREFIX + "kraken")
    assert command[2:5] == ["host.exchange", "kraken", "BTC/USD"]
    assert command[command.index("--listen") + 1] == "/run/bot4/venue-kraken.sock"
    assert command[command.index("--url") + 1] == "http://127.0.0.1:1"
    assert "--url" not in made.command(PREFIX + "okx")
    assert Path(made.command(PREFIX + "filed")[-1]) == Path("~/okx.keys").expanduser()
    guard = made.command("guard")
    assert guard[guard.index("--connectors") + 1] == "kraken,okx,filed"
    words = [word for name in (*made.order, "enrich") for word in made.command(name)]
    assert "leave" not in words
    permits = {name: made.permit_of(name) for name in (*made.order, "enrich")}
    assert {name for name, given in permits.items() if given} == {"exchange okx", "exchange filed"}
