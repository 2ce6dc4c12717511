"""Which ends of an engine count as its failures."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from host import config
from host.plan import Plan
from host.supervisor import StartFailed, Supervisor


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(plan(tmp_path), lambda _line: None)
    yield made
    made._lock.close()
    made.page.close()


def plan(folder: Path) -> Plan:
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
