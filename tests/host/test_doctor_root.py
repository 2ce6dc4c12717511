"""Each finding of the doctor over a folder that stands for a system: what is there, what is said."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from host import moderecord
from host.audit.record import FORMAT_VERSION
from host.audit.writer import AuditWriter
from host.doctor import TABLE, Place, examine, kernel, running, upkeep
from host.doctor.finding import Status
from host.execution import journal
from host.execution.journal import Journal
from host.moderecord import ModeRecord

OK, WARN, MISSING = Status.OK, Status.WARN, Status.MISSING
KERNEL, CPU = "proc/sys/kernel", "sys/devices/system/cpu"
CLOCK = "sys/devices/system/clocksource/clocksource0/current_clocksource"
HOST = os.uname().nodename


def place(root: Path, **changed: object) -> Place:
    fields: dict = {
        "audit_dir": root / "var/audit",
        "run_dir": root / "run/bot4",
        "serial": str(root / "dev/ttyAMA0"),
        "pins": "bot4gpiod",
        "link_key": root / "etc/link.key",
        "root": root,
    }
    return Place(**{**fields, **changed})


def found(name: str, where: Place) -> tuple[Status, str]:
    """Run one check; whatever is not as it should be comes with what to do."""
    finding = examine([check for check in TABLE if check.name == name], where)[0]
    assert bool(finding.todo) == (finding.status != OK)
    return finding.status, finding.found


# finding, files of the system, what is said
SYSTEMS = [
    ("CPUs", {f"{CPU}/isolated": "\n"}, WARN, "isolated: none"),
    ("CPUs", {f"{CPU}/isolated": "2-3\n"}, OK, "isolated: 2, 3"),
    ("CPUs", {}, WARN, "cannot be checked"),
    ("real-time kernel", {f"{KERNEL}/version": "#1 SMP PREEMPT_RT Debian"}, OK, "PREEMPT_RT"),
    (
        "real-time kernel",
        {f"{KERNEL}/version": "#1 SMP PREEMPT Debian", "sys/kernel/realtime": "1\n"},
        OK,
        "PREEMPT_RT",
    ),
    ("real-time kernel", {f"{KERNEL}/version": "#1 SMP PREEMPT_DYNAMIC x"}, WARN, "(PREEMPT_DYNAMIC)"),
    ("real-time kernel", {f"{KERNEL}/version": "#1 SMP x"}, WARN, "(no preemption)"),
    ("real-time kernel", {}, WARN, "cannot be checked"),
    ("kernel", {f"{KERNEL}/osrelease": "5.4.0-1-rpi\n"}, WARN, "older than 5.10"),
    ("kernel", {}, WARN, "cannot be checked"),
    ("RT throttling", {}, OK, "no throttling in this kernel"),
    ("RT throttling", {f"{KERNEL}/sched_rt_runtime_us": "950000"}, OK, "95 %"),
    ("RT throttling", {f"{KERNEL}/sched_rt_runtime_us": "100000"}, WARN, "10 %"),
    ("RT throttling", {f"{KERNEL}/sched_rt_runtime_us": "0"}, WARN, "never run"),
    ("RT throttling", {f"{KERNEL}/sched_rt_runtime_us": "-1"}, WARN, "for ever"),
    ("CPU frequency", {}, OK, "not the system's"),
    ("CPU frequency", {f"{CPU}/cpu0/cpufreq/scaling_governor": "performance\n"}, OK, "performance"),
    (
        "CPU frequency",
        {
            f"{CPU}/cpu0/cpufreq/scaling_governor": "performance\n",
            f"{CPU}/cpu3/cpufreq/scaling_governor": "ondemand\n",
        },
        WARN,
        "ondemand, performance",
    ),
    ("device rules", {}, WARN, "no rule gives"),
    ("device rules", {"etc/udev/rules.d/1.rules": '#KERNEL=="gpiochip*", GROUP="x"'}, WARN, "no rule"),
    ("device rules", {"etc/udev/rules.d/1.rules": 'KERNEL=="sda", GROUP="x"'}, WARN, "no rule"),
    (
        "device rules",
        {"usr/lib/udev/rules.d/99-com.rules": 'SUBSYSTEM=="*gpiomem*"\nSUBSYSTEM=="gpio", GROUP="gpio"'},
        OK,
        "99-com.rules",
    ),
    ("device access", {}, MISSING, "no gpiochip"),
    ("device access", {"dev/gpiochip0": ""}, OK, "gpiochip0 "),
    ("serial port", {}, MISSING, "No such file"),
    ("serial port", {"dev/ttyAMA0": ""}, MISSING, "not a character device"),
    ("serial driver", {}, WARN, "cannot be checked"),
    (
        "serial console",
        {"proc/cmdline": "root=/dev/x console=serial0,115200", "sys/class/tty/console/active": "tty0"},
        MISSING,
        "the kernel's console is on ttyAMA0",
    ),
    (
        "serial console",
        {"proc/cmdline": "root=/dev/x", "sys/class/tty/console/active": "tty0 ttyAMA0"},
        MISSING,
        "a console is active on ttyAMA0",
    ),
    (
        "serial console",
        {"proc/cmdline": "console=tty1", "sys/class/tty/console/active": "tty1\n"},
        OK,
        "none on ttyAMA0",
    ),
    ("link key", {}, MISSING, "No such file"),
    ("clock source", {CLOCK: "tsc\n"}, OK, "tsc"),
    ("clock source", {CLOCK: "hpet\n"}, WARN, "hpet: slow to read"),
    ("clock source", {}, WARN, "cannot be checked"),
    ("run directory", {}, WARN, "cannot be checked"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "files", "status", "words"), SYSTEMS)
def test_a_system_is_judged_by_its_files(
    tmp_path: Path, name: str, files: dict[str, str], status: Status, words: str
) -> None:
    for file, content in files.items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(0o660)
    said = found(name, place(tmp_path))
    assert said[0] == status, said
    assert words in said[1]


def test_a_kernel_that_is_new_enough_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / KERNEL / "osrelease"
    file.parent.mkdir(parents=True)
    file.write_text("6.12.34-v8-rt\n")
    for refused, status in (("", OK), ("short time slice: no", WARN)):
        monkeypatch.setattr(kernel.realtime, "short_slice", lambda said=refused: said)
        assert found("kernel", place(tmp_path))[0] == status


@pytest.mark.parametrize(
    ("capabilities", "words"),
    [("0000000000800000", "CAP_SYS_NICE yes"), ("0000000000000000", "CAP_SYS_NICE no")],
)
def test_the_capabilities_of_this_process_are_told(
    tmp_path: Path, capabilities: str, words: str
) -> None:
    status = tmp_path / "proc/self/status"
    status.parent.mkdir(parents=True)
    status.write_text(f"Name:\tx\nCapEff:\t{capabilities}\n")
    assert words in found("SCHED_FIFO", place(tmp_path))[1]
    status.write_text("Name:\tx\n")
    assert "names no capabilities" in found("SCHED_FIFO", place(tmp_path))[1]


def mounts(root: Path, *lines: str) -> None:
    file = root / "proc/self/mounts"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{line} rw 0 0\n" for line in lines))


def test_the_run_directory_belongs_into_memory(tmp_path: Path) -> None:
    where = place(tmp_path, run_dir=tmp_path / "with space" / "bot4")
    (tmp_path / "with space").mkdir()
    mounts(tmp_path, "/dev/sda / ext4", f"tmpfs {tmp_path} tmpfs")
    assert found("run directory", where) == (OK, f"{where.run_dir} is on tmpfs")
    escaped = str(where.run_dir.parent).replace(" ", "\\040")
    mounts(tmp_path, "/dev/sda / ext4", f"tmpfs {tmp_path} tmpfs", f"/dev/sdb {escaped} ext4")
    assert found("run directory", where) == (WARN, f"{where.run_dir} is on ext4")
    mounts(tmp_path, f"tmpfs {tmp_path}-other tmpfs", "/dev/sda / ext4")
    assert found("run directory", where)[0] == WARN


def test_folders_of_the_host_are_its_own(tmp_path: Path) -> None:
    where = place(tmp_path)
    assert found("permissions", where)[0] == OK
    where.audit_dir.mkdir(parents=True, mode=0o700)
    assert found("permissions", where)[0] == OK
    where.audit_dir.chmod(0o755)
    assert found("permissions", where) == (WARN, f"{where.audit_dir}: mode 0755, others get in")
    where.audit_dir.chmod(0o700)
    file = tmp_path / "bot4.toml"
    file.touch(0o640)
    assert found("permissions", place(tmp_path, config=file))[0] == OK
    file.chmod(0o662)
    assert found("permissions", place(tmp_path, config=file)) == (
        MISSING,
        f"{file}: others may write it",
    )


def test_a_folder_that_this_user_may_not_write_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep.os, "access", lambda *_asked: False)
    assert found("permissions", place(tmp_path))[0] == MISSING


def test_a_device_that_everybody_or_nobody_may_use_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chip = tmp_path / "dev/gpiochip0"
    chip.parent.mkdir()
    chip.touch()
    chip.chmod(0o666)
    assert found("device access", place(tmp_path)) == (WARN, "everybody may use gpiochip0")
    chip.chmod(0o660)
    monkeypatch.setattr(upkeep.os, "access", lambda *_asked: False)
    assert found("device access", place(tmp_path))[0] == MISSING


def journal_of(version: int) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        Journal(path).close()
        with path.open("r+b") as file:
            file.seek(8)
            file.write(struct.pack("<Q", version))

    return make


def test_the_state_is_read_as_a_start_would_read_it(tmp_path: Path) -> None:
    where = place(tmp_path)
    assert found("state", where) == (OK, "first start")
    where.run_dir.mkdir(parents=True)
    where.audit_dir.parent.mkdir()
    AuditWriter(where.audit_dir, host_id=HOST).close()
    assert found("state", where) == (
        WARN,
        "the next start is EMERGENCY(MODE_RECORD): mode record missing, though there is a log",
    )
    record = ModeRecord(1, HOST, "NORMAL", "REARMED", 3, 1)
    moderecord.save(moderecord.beside(where.audit_dir), record)
    path = where.run_dir / "orders-paper.journal"
    journal_of(journal.VERSION)(path)
    assert found("state", where) == (OK, "log, last: NORMAL REARMED 3, orders-paper.journal")
    journal_of(journal.VERSION + 1)(path)
    status, said = found("state", where)
    assert status == WARN
    assert f"a journal of format {journal.VERSION + 1}, this is {journal.VERSION}" in said


def test_a_log_of_another_host_or_format_is_found(tmp_path: Path) -> None:
    where = place(tmp_path)
    where.audit_dir.parent.mkdir()
    AuditWriter(where.audit_dir, host_id="elsewhere").close()
    assert found("state", where)[0] == MISSING
    assert "the log of host 'elsewhere'" in found("state", where)[1]
    assert FORMAT_VERSION == 1


@pytest.mark.parametrize(
    ("wanted", "runs", "status", "words"),
    [
        ("", "ab" * 32, OK, "not compared"),
        ("ab" * 32, None, OK, "no host runs here"),
        ("ab" * 32, "ab" * 32, OK, "abababab"),
        ("ab" * 32, "cd" * 32, MISSING, "cdcdcdcdcdcdcdcd runs there, the build is abababababababab"),
    ],
)  # fmt: skip
def test_the_firmware_is_compared_with_its_build(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wanted: str,
    runs: str | None,
    status: Status,
    words: str,
) -> None:
    monkeypatch.setattr(running, "told", lambda _place: (1, {}) if runs else None)
    monkeypatch.setattr(running, "firmware", lambda _place: runs)
    said = found("firmware", place(tmp_path, firmware=wanted))
    assert said[0] == status
    assert words in said[1]


def test_every_finding_that_looks_at_files_is_tried_here() -> None:
    elsewhere = {  # asks the kernel or the guard themselves: tests/host/test_doctor.py
        "SCHED_FIFO", "locked memory", "allocator", "GPIO device", "GPIO lines", "pin factory", "clock",
        "disk", "free space", "Python", "packages", "compiled core", "guard granted", "guard observed",
        "controller",
    }  # fmt: skip
    here = {name for name, *_rest in SYSTEMS}
    here |= {"permissions", "state", "firmware"}
    assert {check.name for check in TABLE} == here | elsewhere
