"""Which ends of an engine count as its failures."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from host import config
from host.plan import PREFIX, Plan
from host.supervisor import LONGEST_PAUSE_S, StartFailed, Supervisor
from host.venues.settings import Venue


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(plan(tmp_path), lambda _line: None)
    yield made
    made._lock.close()
    made.page.close()


def plan(folder: Path, **more: Any) -> Plan:
    return Plan(
        run_dir=folder / "run",
        audit_dir=folder / "audit",
        venue=folder / "venue",
        serial="x",
        pins="x",
        link_key=folder / "key",
        profile="bench",
        host_id="pi",
        config=config.DEFAULT,
        on_kill="cancel_entries",
        second_failure_s=10.0,
        **more,
    )


def told(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch, *answers: dict) -> None:
    """Have the guard say these, one after the other."""
    left = iter(answers)
    monkeypatch.setattr(supervisor, "_guard_status", lambda: next(left))


def test_the_second_failure_within_the_window_is_one_too_many(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [100.0]
    monkeypatch.setattr("host.supervisor.time.monotonic", lambda: now_s[0])
    told(supervisor, monkeypatch, *[{"forced": 0}] * 4)
    assert not supervisor._failed_twice()
    now_s[0] = 110.0
    assert not supervisor._failed_twice()  # the first one is as old as the window
    now_s[0] = 119.9
    assert supervisor._failed_twice()


def test_a_kill_by_the_guard_is_no_failure_and_a_silent_guard_no_excuse(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(supervisor, monkeypatch, *[{"forced": n} for n in (1, 2, 3)], {}, {"forced": 3})
    assert [supervisor._failed_twice() for _end in range(5)] == [False] * 4 + [True]


def test_two_hosts_in_one_folder_are_refused(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match="another host runs in"):
        Supervisor(plan(tmp_path), lambda _line: None)
    assert supervisor.page.ring.head == 0


def test_a_connector_is_started_again_however_often_after_a_pause_and_nobody_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue = Venue("kraken", exchange="kraken", url="http://127.0.0.1:9")
    said: list[str] = []
    made = Supervisor(plan(tmp_path, connectors=(venue,), strategy="trend"), said.append)
    name, now_s = PREFIX + "kraken", [1000.0]
    monkeypatch.setattr(Plan, "command", lambda *_: ["sh", "-c", "exit 1"])
    monkeypatch.setattr("host.supervisor.time.monotonic", lambda: now_s[0])
    pauses = []
    made._due[name] = now_s[0], []
    for _ in range(12):
        made._start_due()
        child = made._children.find(name)
        assert child is not None
        child.process.wait(10)
        assert made._restart(child)  # the host goes on
        assert made._children.find(name) is None
        made._start_due()
        assert made._children.find(name) is None  # not before its time
        pause_s = made._until_due()
        assert pause_s is not None
        pauses.append(pause_s)
        now_s[0] += pause_s
    assert pauses[0] < 1
    assert max(pauses) <= LONGEST_PAUSE_S
    assert pauses[3] > pauses[0]
    assert all("VENUE_LOST; starting it again in" in line for line in said)
    made._lock.close()
    made.page.close()


def test_a_child_that_hangs_is_killed_within_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    made = Supervisor(plan(tmp_path), said.append)
    monkeypatch.setattr(
        Plan,
        "command",
        lambda *_: ["sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.05; done"],
    )
    monkeypatch.setattr("host.children.END_S", 0.2)
    child = made._children.spawn("modeller")
    assert isinstance(child.process, subprocess.Popen)
    assert child.process.stdout is not None
    assert child.process.stdout.readline() == b"up\n"
    made._children.end("modeller")
    made._children.end("modeller")  # one that has gone needs no end
    assert child.process.returncode == -9
    assert said == ["modeller did not end by itself and was killed"]
    made._lock.close()
    made.page.close()
