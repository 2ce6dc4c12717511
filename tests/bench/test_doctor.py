"""The doctor finds what is planted: no host, a Pi that lacks something, swapped lamps."""

import os
from pathlib import Path

import msgspec
import pytest

from controller import wiring
from rig import doctor, lease
from rig.benchfile import BenchFile, load
from rig.doctor import Finding, drivers, host, machine, trial

SSH = """#!/bin/sh
# Stands for ssh: takes options away, then the address, and runs the rest as sshd would.
while [ "${1#-}" != "$1" ]; do shift 2; done
shift
exec sh -c "$*"
"""
HOST = """#!/bin/sh
exit 0
"""


@pytest.fixture
def pi(tmp_path: Path) -> Path:
    """A folder that stands for a Pi: an ssh, a bot4 and a python of its own."""
    for name, text in (("ssh", SSH), ("bot4", HOST)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "python3").write_text("#!/bin/sh\necho 9.9.9 3.11.2\n")
    (tmp_path / "python3").chmod(0o755)
    (tmp_path / "port").touch()
    (tmp_path / "records").mkdir()
    return tmp_path


def physical(pi: Path) -> BenchFile:
    text = (
        f'[controller]\nkind = "serial"\nport = "{pi / "port"}"\n'
        f'[host]\nkind = "ssh"\naddress = "bot4@pi"\nfolder = "{pi / "records"}"\n'
        f'argv = ["{pi / "bot4"}", "run"]\nconnect = ["{pi / "ssh"}", "-o", "BatchMode=yes"]\n'
        '[analyser]\nkind = "none-such"\n[stimulus]\nkind = "none-such"\n'
    )
    (pi / "bench.toml").write_text(text)
    return load(str(pi / "bench.toml"))


def states(findings: list[Finding]) -> dict[str, str]:
    return {finding.found.removeprefix("not so: "): finding.state for finding in findings}


def test_a_host_over_ssh_is_asked_for_its_versions(pi: Path) -> None:
    found = host.findings(physical(pi))
    assert found[0].found == "answers at bot4@pi: bot4 9.9.9, Python 3.11.2"
    assert states(found)["the serial port can be opened"] == "ok"
    assert states(found)["the folder of the records is writable"] == "ok"


def test_what_the_pi_lacks_is_missing(pi: Path) -> None:
    bench = physical(pi)
    (pi / "port").unlink()
    (pi / "records").rmdir()
    found = host.findings(bench)
    assert states(found)["the serial port can be opened"] == "missing"
    assert states(found)["the folder of the records is writable"] == "missing"
    assert not doctor.holds(found)
    assert all(finding.advice for finding in found if finding.state == "missing")


def test_a_host_that_does_not_answer_is_missing(pi: Path) -> None:
    bench = physical(pi)
    (pi / "bot4").unlink()
    (finding,) = host.findings(bench)
    assert (finding.part, finding.state) == ("host", "missing")


def test_a_driver_that_does_not_exist_is_missing(pi: Path) -> None:
    found = drivers.findings(physical(pi))
    assert [finding.state for finding in found] == ["missing", "missing"]
    assert all("none-such" in finding.found for finding in found)


def test_a_bench_that_somebody_holds_is_not_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "place", lambda: tmp_path / "bench.lease")
    bench = load("virtual")
    with lease.held("virtual", file=lease.place()):
        found = machine.findings(bench)
        assert found[0].state == "missing"
        assert str(os.getpid()) in found[0].found
        after = trial.findings("virtual", bench, ready=doctor.holds(found))
    assert [finding.state for finding in after] == ["missing"]


def edges(*moves: tuple[int, str, int]) -> list[tuple[int, int, int]]:
    return [(at_ms * 1_000_000, wiring.INDEX[name], level) for at_ms, name, level in moves]


GOOD = edges(
    (0, "LED_RED", 1), (10, "LED_RED", 0), (10, "LED_YELLOW", 1), (30, "LED_YELLOW", 0),
    (30, "LED_GREEN", 1), (60, "LED_GREEN", 0), (60, "LED_RED", 1), (99, "LED_RED", 0),
)  # fmt: skip


def test_the_lamp_test_is_read_from_the_first_pulse_of_each_lamp() -> None:
    pulses = trial.lamp_pulses(GOOD)
    assert [(line, width // 1_000_000) for line, width in pulses] == [
        ("LED_RED", 10), ("LED_YELLOW", 20), ("LED_GREEN", 30),
    ]  # fmt: skip
    assert trial._wires(pulses).state == "ok"


@pytest.mark.parametrize("fault", ["swapped", "broken", "nothing"])
def test_lamp_wires_that_are_wrong_are_found(fault: str) -> None:
    red, yellow = wiring.INDEX["LED_RED"], wiring.INDEX["LED_YELLOW"]
    swap = {red: yellow, yellow: red}
    seen = {
        "swapped": [(at, swap.get(line, line), level) for at, line, level in GOOD],
        "broken": [edge for edge in GOOD if edge[1] != yellow],
        "nothing": [],
    }[fault]
    assert trial._wires(trial.lamp_pulses(seen)).state == "missing"


def test_nothing_looked_at_holds_nothing() -> None:
    assert not doctor.holds([])


def test_findings_fit_80_columns_and_json() -> None:
    found = [Finding("host", "missing", "word " * 40, "do this " * 30)]
    assert max(map(len, doctor.told(found).splitlines())) <= 80
    facts = msgspec.json.decode(msgspec.json.encode(doctor.as_json("virtual", found)))
    assert facts["usable"] is False
