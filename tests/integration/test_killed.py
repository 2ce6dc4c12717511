"""Kill -9 at any moment while trading: no order is doubled, none is forgotten, by the venue's record."""

import os
import random
import signal
import time
from collections import Counter, deque
from decimal import Decimal as D
from pathlib import Path

import pytest

from host import config, supervisor
from host.engine.emergency import stops
from tests.integration.killing import account, lines, unconfirmed
from tests.integration.kit import Trading, trading
from tests.integration.test_ladder import Person, host, log

ROUNDS = int(os.environ.get("BOT4_KILL_ROUNDS", "6"))
SEED = int(os.environ.get("BOT4_KILL_SEED", "1"))
# An engine that is killed on purpose is no engine that fails.
TEXT = config.DEFAULT.read_text() + "\n[supervisor]\nsecond_failure_s = 0.001\n"
# Whom a round kills, and how often of a hundred; the later ones one after the other.
VICTIMS = ((("engine",), 55), (("recorder",), 12), (("guard",), 13), (("engine", "engine"), 10),
           (("recorder", "engine"), 5), (("guard", "engine"), 5))  # fmt: skip
# The supervisor gives up on a process that it has to start so often within so many seconds.
MOST, WINDOW_S = supervisor.MOST_RESTARTS - 1, supervisor.RESTART_WINDOW_S + 1


def test_whoever_is_killed_no_order_is_doubled_and_none_forgotten(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    rng, killed, waited_s = random.Random(SEED), Counter[str](), []
    with trading(tmp_path, host=host(tmp_path, TEXT), repeat=True) as bench:
        # When the engine ended: a killed guard ends it, too.
        ended_s: deque[float] = deque(maxlen=MOST)
        for number in range(ROUNDS):
            time.sleep(rng.uniform(0, 0.5))
            who = rng.choices(*zip(*VICTIMS, strict=True))[0]
            for name in who:
                if len(ended_s) == MOST:
                    time.sleep(max(0.0, WINDOW_S - (time.monotonic() - ended_s[0])))
                kill(bench, name)
                ended_s.append(time.monotonic())
                time.sleep(rng.uniform(0, 0.4))
            killed["+".join(who)] += 1
            killed_s = time.monotonic()
            status = bench.wait_status(timeout_s=20.0, ladder_done=True, mode="EMERGENCY")
            found = (status.get("mode"), status.get("ladder_done"))
            assert found == ("EMERGENCY", True), (number, who)
            waited_s.append(time.monotonic() - killed_s)
            bench.rearm()
        bench.press()
        assert bench.wait_status(timeout_s=10.0, ladder_done=True)["ladder_done"] is True
        with Person(bench.bench._venue_socket) as person:
            said, listed = person.position(), person.ask("open_orders")["orders"]
        time.sleep(0.5)  # the recorder's commit
        records = log(bench)
    claims = sorted(
        (record["mono_ns"], D(record["data"]["position"]), record["data"]["stops"])
        for record in records
        if record["kind"] == "rung" and record["data"]["rung"] == "HALTED"
    )
    found = account(lines(bench.bench.venue_record))
    alerts = Counter(record["data"].get("code") for record in records if record["kind"] == "alert")
    never = sum(record["kind"] == "never_arrived" for record in records)
    with capsys.disabled():
        print(f"\n  {ROUNDS} rounds: {dict(killed)}\n  {found.entries} entries, {found.asked} orders "
              f"asked for, {never} never arrived; {len(claims)} times worked off, after at most "
              f"{max(waited_s):.2f} s\n"
              f"  alerts {dict(alerts)}", end=" ")  # fmt: skip
    assert found.wrong == []
    assert len(claims) > ROUNDS
    assert unconfirmed(bench.bench.venue_record, claims) == []
    assert len(listed) == 0 if said == 0 else all(map(stops.is_stop, listed))
    assert "STRAY_ORDER" not in alerts
    assert "UNKNOWN_ORDER" not in alerts


def kill(bench: Trading, name: str) -> None:
    """SIGKILL a process of the host; one that is just being started again is killed when it is there."""
    try:
        os.kill(bench.pid(name), signal.SIGKILL)
    except ProcessLookupError:
        time.sleep(0.1)
        os.kill(bench.pid(name), signal.SIGKILL)
