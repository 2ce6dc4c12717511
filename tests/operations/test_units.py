"""The systemd units: what systemd itself says of them, and that no restart of theirs re-arms."""

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot4 import install
from controller.times import Times
from host import layout, moderecord, modes, shm
from host.doctor import Place
from host.doctor.kernel import capable
from host.guard.keeper import Keeper
from host.moderecord import ModeRecord
from host.modes import Reason, TradingMode

CAP_SYS_RESOURCE = 24
NOW_NS = 1_800_000_000 * 10**9
UNITS = ("bot4.service", "bot4-dashboard.service")
# Overall exposure, 0 to 10: `systemd-analyze security` calls up to 2.0 of a service safe, 4.0 ok.
MOST_EXPOSURE = 2.5
analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


class Unit(configparser.RawConfigParser):
    """A unit file; a key that stands twice keeps both values, one a line."""

    def __init__(self, name: str) -> None:
        super().__init__(strict=False, delimiters=("=",), comment_prefixes=("#",))
        self.optionxform = str  # type: ignore[assignment,method-assign]
        seen: dict[str, int] = {}
        lines = []
        for line in (install.DEPLOY / "systemd" / name).read_text().splitlines():
            key = line.partition("=")[0]
            if re.fullmatch(r"[A-Za-z]+", key) and "=" in line:
                seen[key] = seen.get(key, 0) + 1
                line = line.replace(key, f"{key}.{seen[key]}", 1) if seen[key] > 1 else line
            lines.append(line)
        self.read_string("\n".join(lines))


@pytest.fixture(params=UNITS)
def unit(request: pytest.FixtureRequest) -> Unit:
    return Unit(request.param)


@pytest.fixture
def rendered(tmp_path: Path) -> list[Path]:
    """The units as installed, with a program that is there."""
    files = []
    for file in install.FILES[:2]:
        path = tmp_path / Path(file.target).name
        path.write_text(install.content(file, Path(sys.executable)))
        files.append(path)
    return files


@analyze
def test_systemd_finds_nothing_wrong(rendered: list[Path]) -> None:
    command = ["systemd-analyze", "verify", "--man=no", *map(str, rendered)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    ours = [line for line in (done.stderr + done.stdout).splitlines() if "bot4" in line]
    assert (done.returncode, ours) == (0, [])


@analyze
def test_a_misspelt_setting_would_be_found(rendered: list[Path]) -> None:
    rendered[0].write_text(rendered[0].read_text().replace("ProtectHome=", "ProtectHouse="))
    command = ["systemd-analyze", "verify", "--man=no", str(rendered[0])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "ProtectHouse" in done.stderr


@analyze
def test_they_are_exposed_no_more_than_they_must_be(rendered: list[Path]) -> None:
    for path in rendered:
        command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found = re.search(r"Overall exposure level for (\S+): ([\d.]+) (\w+)", done.stdout)
        assert found is not None, done.stderr
        print(f"\n{found[1]}: exposure {found[2]} of 10, {found[3]}")
        assert float(found[2]) <= MOST_EXPOSURE


def test_no_unit_runs_as_root_with_more_than_two_capabilities(unit: Unit) -> None:
    service = unit["Service"]
    assert service["AmbientCapabilities"] == ""
    wanted = "" if "User" in service else "CAP_SETGID CAP_SETUID"
    assert service["CapabilityBoundingSet"] == wanted
    assert service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["LimitCORE"] == "0"


def test_the_dashboard_writes_nowhere(unit: Unit) -> None:
    may_write = unit["Service"].get("ReadWritePaths", "")
    assert may_write == ("/run/bot4 /var/lib/bot4" if "User" in unit["Service"] else "")


def test_wrong_input_is_not_started_again_and_nothing_is_for_ever(unit: Unit) -> None:
    service = unit["Service"]
    assert service["Restart"] == "on-failure"
    assert service["RestartPreventExitStatus"] == "2"
    assert int(unit["Unit"]["StartLimitBurst"]) <= 10
    # Before the limit counts them, so many starts must fit into its interval.
    burst, rest_s = int(unit["Unit"]["StartLimitBurst"]), int(service["RestartSec"])
    assert burst * rest_s < int(unit["Unit"]["StartLimitIntervalSec"])


def test_the_supervisor_ends_its_processes_itself() -> None:
    from host import children, supervisor

    service = Unit("bot4.service")["Service"]
    assert service["KillMode"] == "mixed"
    assert service["OOMPolicy"] == "continue"
    connectors = 4
    longest_s = supervisor.LADDER_S + 5 * children.END_S + connectors * children.CONNECTOR_END_S
    assert int(service["TimeoutStopSec"]) > longest_s
    starting_s = 4 * supervisor.READY_S + connectors * supervisor.CONNECTOR_READY_S
    assert int(service["TimeoutStartSec"]) > starting_s


def test_no_line_of_a_unit_can_arm_anything(unit: Unit) -> None:
    """One command each, and it is one that begins in EMERGENCY or that only shows."""
    lines = {key: value for key, value in unit["Service"].items() if key.startswith("Exec")}
    assert list(lines) == ["ExecStart"]
    program, command, *_options = lines["ExecStart"].split()
    assert (program, command) in ((install.PROGRAM, "run"), (install.PROGRAM, "dashboard"))


@given(
    mode=st.sampled_from(TradingMode),
    reason=st.sampled_from(Reason),
    epoch=st.integers(1, moderecord.LAST_EPOCH),
    age_ns=st.integers(-10, 10**15),
    restarts=st.integers(1, 5),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_however_often_it_is_restarted_the_host_is_in_emergency(
    tmp_path: Path, mode: TradingMode, reason: Reason, epoch: int, age_ns: int, restarts: int
) -> None:
    """The guard's own beginning, over a mode record of any content, and an hour without a person."""
    audit = tmp_path / "audit"
    moderecord.save(
        moderecord.beside(audit), ModeRecord(1, "pi", mode.name, reason.name, epoch, NOW_NS)
    )
    for restart in range(restarts):
        page = shm.create(layout.KIND_GUARD, "test")
        keeper = Keeper(page.words, Times("production"), lambda *_step: None)
        keeper.begin(*moderecord.begin(audit, "pi", NOW_NS + age_ns + restart))
        for minute in range(60):
            keeper.conditions_hold(NOW_NS + minute * 60 * 10**9)
        word = modes.unpack(page.words.load(layout.GUARD_MODE))
        assert word[0] == keeper.mode == TradingMode.EMERGENCY
        assert keeper.reason in modes.BEGINNINGS
        page.close()


# As nobody, without a capability: SCHED_FIFO for itself and for a neighbour, and locked memory.
LIMITED = """
import os, resource, signal, sys
from host import realtime
priority = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_RTPRIO, (priority, priority))
resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
neighbour = os.fork()
if neighbour == 0:
    signal.pause()
refused = [realtime.fifo(), realtime.lock_memory()]
try:
    os.sched_setscheduler(neighbour, os.SCHED_FIFO, os.sched_param(realtime.FIFO_PRIORITY - 1))
except OSError as error:
    refused.append(str(error))
os.kill(neighbour, signal.SIGKILL)
sys.exit(any(refused))
"""


def may_raise_limits() -> bool:
    return os.geteuid() == 0 and capable(Place(*[Path()] * 2, "", "", Path()), CAP_SYS_RESOURCE)


@pytest.mark.skipif(not may_raise_limits(), reason="only root may raise limits (CAP_SYS_RESOURCE)")
def test_the_two_limits_do_what_the_capabilities_would() -> None:
    """Where root is none of that kind: tools/vm-gpio/run-in-vm.sh runs this test in a machine."""
    service = Unit("bot4.service")["Service"]
    assert service["LimitMEMLOCK"] == "infinity"
    for priority, refused in ((int(service["LimitRTPRIO"]), 0), (0, 1)):
        command = [sys.executable, "-c", LIMITED, str(priority)]
        assert subprocess.run(command, check=False).returncode == refused
