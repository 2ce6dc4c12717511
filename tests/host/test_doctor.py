"""The doctor: every check says something, in 80 columns, and finds what is planted."""

import dataclasses
import os
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import msgspec
import pytest

from bot4 import doctor as shown
from host import docs, realtime
from host.doctor import TABLE, Check, Place, examine, kernel, running, upkeep
from host.doctor.finding import Found, Status, missing, ok
from host.pins import chips


@pytest.fixture
def place(tmp_path: Path) -> Place:
    key = tmp_path / "link.key"
    key.touch(0o600)
    return Place(tmp_path / "audit", tmp_path / "run", str(tmp_path / "tty"), "bot4gpiod", key)


def one(check: Check, place: Place) -> tuple[Status, str, str]:
    finding = examine([check], place)[0]
    return finding.status, finding.found, finding.todo


def named(name: str) -> Check:
    return next(check for check in TABLE if check.name == name)


def test_every_check_gives_one_finding_and_says_what_to_do(place: Place) -> None:
    findings = examine(TABLE, place)
    assert [finding.name for finding in findings] == [check.name for check in TABLE]
    assert len({check.name for check in TABLE}) == len(TABLE)
    for finding in findings:
        assert finding.found
        assert "\n" not in finding.found
        assert bool(finding.todo) == (finding.status != Status.OK)


def test_a_check_that_cannot_run_is_a_finding_and_ends_no_other(place: Place) -> None:
    def broken(_place: Place) -> Found:
        raise ValueError("two\nlines")

    table = [Check("a", broken, "do"), Check("b", lambda _place: ok("fine"), "do")]
    first, second = examine(table, place)
    assert (first.status, first.todo) == (Status.WARN, "do")
    assert first.found == "cannot be checked: two lines"
    assert second.status == Status.OK
    strict = Check("c", broken, "do", unable=Status.MISSING)
    assert one(strict, place)[0] == Status.MISSING


def test_what_the_kernel_refuses_is_found(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realtime, "fifo", lambda: "SCHED_FIFO: no")
    monkeypatch.setattr(realtime, "lock_memory", lambda: "mlockall: no")
    monkeypatch.setattr(realtime, "short_slice", lambda: "short time slice: no")
    for check in (named("SCHED_FIFO"), named("locked memory"), named("kernel")):
        status, found, todo = one(check, place)
        assert status == Status.WARN, found
        assert todo
    monkeypatch.setattr(realtime, "fifo", lambda: 1 / 0)
    assert "cannot be checked" in one(named("SCHED_FIFO"), place)[1]


def test_asking_for_fifo_leaves_the_doctor_as_it_was(place: Place) -> None:
    before = os.sched_getscheduler(0)
    examine(kernel.CHECKS, place)
    assert os.sched_getscheduler(0) == before


def test_a_small_limit_on_locked_memory_is_found(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "capable", lambda _place, _number: False)
    monkeypatch.setattr(kernel.resource, "getrlimit", lambda _what: (8 << 20, 8 << 20))
    status, found, _todo = one(named("locked memory"), place)
    assert (status, found) == (
        Status.WARN,
        "RLIMIT_MEMLOCK is 8 MiB, below the 64 MiB that it takes",
    )


def test_a_serial_port_is_a_character_device_that_we_may_use(place: Place, tmp_path: Path) -> None:
    check = named("serial port")
    assert one(check, place)[0] == Status.MISSING
    Path(place.serial).touch()
    assert "not a character device" in one(check, place)[1]
    ours, theirs = os.openpty()
    terminal = Place(tmp_path, tmp_path, os.ttyname(theirs), "x", tmp_path)
    assert one(check, terminal)[0] == Status.OK
    assert "cannot be checked" in one(named("serial driver"), terminal)[1]
    os.close(ours)
    os.close(theirs)


def test_a_serial_driver_and_console_are_judged(place: Place, tmp_path: Path) -> None:
    place = dataclasses.replace(place, root=tmp_path)
    device = tmp_path / "sys" / "class" / "tty" / "tty" / "device"
    device.mkdir(parents=True)
    for driver, status in (("uart-pl011", Status.OK), ("bcm2835-aux-uart", Status.WARN)):
        (tmp_path / driver).mkdir()
        (device / "driver").unlink(missing_ok=True)
        (device / "driver").symlink_to(tmp_path / driver)
        assert one(named("serial driver"), place)[0] == status
    spoken = Path("/proc/cmdline").read_text().split()
    on = next((word[8:].partition(",")[0] for word in spoken if word.startswith("console=")), None)
    if on is not None:
        taken = Place(tmp_path, tmp_path, f"/dev/{on}", "x", tmp_path)
        assert one(named("serial console"), taken)[0] == Status.MISSING


def test_a_key_that_others_may_read_is_missing(place: Place) -> None:
    assert one(named("link key"), place)[0] == Status.OK
    place.link_key.chmod(0o640)
    assert one(named("link key"), place)[:2][0] == Status.MISSING
    place.link_key.unlink()
    assert one(named("link key"), place)[0] == Status.MISSING


class Header:
    """A chip as gpiod shows it."""

    path = "/dev/gpiochip0"

    def __init__(self, held: dict[str, str], names: tuple[str, ...] = ("GPIO17", "GPIO27")) -> None:
        self.held, self.names = held, names

    def __enter__(self) -> "Header":
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def get_info(self) -> object:
        return namedtuple("Info", "label")("pinctrl-rp1")

    def line_offset_from_id(self, name: str) -> str:
        if name not in self.names:
            raise OSError(name)
        return name

    def get_line_info(self, name: str) -> object:
        return namedtuple("Line", "used consumer")(name in self.held, self.held.get(name, ""))


@pytest.mark.parametrize(
    ("header", "status", "words"),
    [
        (Header({}), Status.OK, "HALT GPIO17, ACK GPIO27"),
        (Header({"GPIO17": "bot4"}), Status.OK, "HALT GPIO17 held by us"),
        (Header({"GPIO27": "spi0"}), Status.MISSING, "GPIO27 (ACK) is in use by 'spi0'"),
        (Header({}, ("GPIO17",)), Status.MISSING, "no line called GPIO27 (ACK)"),
    ],
)
def test_the_lines_are_found_by_name(
    place: Place, monkeypatch: pytest.MonkeyPatch, header: Header, status: Status, words: str
) -> None:
    monkeypatch.setattr(chips, "find_chip", lambda: header)
    found = one(named("GPIO lines"), place)
    assert found[0] == status
    assert words in found[1]
    assert one(named("GPIO device"), place)[0] == Status.OK


def test_a_full_or_slow_disk_is_found(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "p99" in one(named("disk"), place)[1]
    monkeypatch.setattr(upkeep, "SLOW_SYNC_MS", -1.0)
    assert one(named("disk"), place)[0] == Status.WARN
    monkeypatch.setattr(upkeep, "LOW_FREE_MB", 10**12)
    assert one(named("free space"), place)[0] == Status.WARN
    monkeypatch.setattr(upkeep, "LEAST_FREE_MB", 10**12)
    assert one(named("free space"), place)[0] == Status.MISSING


def test_an_unsynchronised_clock_and_a_missing_package_are_found(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Libc:
        def __init__(self, *_arguments: object, **_options: object) -> None:
            pass

        @staticmethod
        def adjtimex(_words: object) -> int:
            return upkeep.TIME_ERROR

    monkeypatch.setattr(upkeep.ctypes, "CDLL", Libc)
    assert one(named("clock"), place)[0] == Status.WARN
    monkeypatch.setattr(upkeep, "PACKAGES", ("no-such-package-of-ours",))
    assert one(named("packages"), place)[:2] == (
        Status.MISSING,
        "not installed: no-such-package-of-ours",
    )


def granted(**changed: str) -> dict:
    said = {"fifo": "granted", "memory": "locked", "cpu": "pinned to 1", "gc": "frozen", **changed}
    link = {"mismatch": ""}
    return {"realtime": said, "controller": "ARMED", "mode": "NORMAL", "reason": "X", "link": link}


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({}, Status.OK),
        ({"fifo": "SCHED_FIFO: Operation not permitted"}, Status.WARN),
        ({"memory": "mlockall: Cannot allocate memory"}, Status.WARN),
        ({"cpu": "CPU [1]: Invalid argument"}, Status.WARN),
        ({"cpu": "not asked for"}, Status.OK),
    ],
)
def test_what_the_running_guard_was_refused_is_found(
    place: Place, monkeypatch: pytest.MonkeyPatch, changed: dict, status: Status
) -> None:
    monkeypatch.setattr(running, "told", lambda _place: (os.getpid(), granted(**changed)))
    assert one(named("guard granted"), place)[0] == status


def test_a_guard_that_says_more_than_it_has_is_found(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "told", lambda _place: (os.getpid(), granted()))
    status, found, _todo = one(named("guard observed"), place)
    assert status == Status.WARN
    assert "the guard says otherwise" in found


def test_every_line_fits_into_80_columns(place: Place) -> None:
    for finding in examine(TABLE, place):
        text = shown._shown(finding.name, finding.status, finding.found, finding.todo)
        assert max(map(len, text.splitlines())) <= 80
        assert text.startswith(f"{finding.name} ")


def run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "bot4", "doctor", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_ends_with_1_when_something_is_missing(tmp_path: Path) -> None:
    said = run("--serial", str(tmp_path / "none"), "--run-dir", str(tmp_path), "--json")
    answer = msgspec.json.decode(said.stdout)
    assert (said.returncode, answer["ready"], said.stderr) == (1, False, "")
    assert set(answer["findings"][0]) == {"name", "status", "found", "todo"}
    bad = tmp_path / "bad.toml"
    bad.write_text("x")
    said = run("--config", str(bad))
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith(f"bot4: {bad}: ")
    assert said.stderr.count("\n") == 1


def test_the_exit_code_is_0_when_nothing_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    good = Check("good", lambda _place: ok("there"), "x")
    bad = Check("bad", lambda _place: missing("gone"), "x")
    for table, code in (((good,), 0), ((good, bad), 1)):
        monkeypatch.setattr("host.doctor.TABLE", table)
        assert shown.doctor(run_dir=tmp_path, serial=None) == code
    assert "MISSING" in capsys.readouterr().out


def test_no_heavy_library_is_loaded() -> None:
    script = (
        "import sys; from pathlib import Path; from host import doctor; "
        "p = Path('/tmp'); doctor.examine(doctor.TABLE, doctor.Place(p, p, 'x', 'y', p)); "
        "print([n for n in ('numpy', 'pandas', 'arch', 'pyarrow', 'gpiozero') if n in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert said.stdout == "[]\n"


def test_the_page_has_every_check() -> None:
    page = docs.doctor_page()
    assert all(f"| {check.name} | " in page for check in TABLE)
    assert all(check.look.__doc__ for check in TABLE)
