"""Commands on the host's machine: words stay words, ends are ends, and nothing outlives the rig."""

import io
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from rig.benchfile import Host
from rig.physical.machine import Machine, unpack
from rig.processes import BenchError
from tests.rig.physical.world import SSH

NASTY = ["a b", "$(echo no)", "'", '"', ";", "-n", "", "*", "\\", "ä\n"]
SAY = "import sys;print(ascii(sys.argv[1:]))"
SLEEP = [sys.executable, "-c", "import time;print('ready',flush=True);time.sleep(99)"]


@pytest.fixture(params=["local", "ssh"])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    host = Host()
    if request.param == "ssh":
        ssh = tmp_path / "ssh"
        ssh.write_text(SSH)
        ssh.chmod(0o755)
        connect = (str(ssh), "-o", "BatchMode=yes")
        folder = str(tmp_path)
        host = Host("ssh", argv=("bot4",), address="a@b", folder=folder, connect=connect)
    made = Machine(host, ["bot4", "run"], str(tmp_path / "run folder"), tmp_path)
    made.make_folder()
    return made


def test_words_arrive_as_they_were(machine: Machine) -> None:
    said = machine.require([sys.executable, "-c", SAY, *NASTY])
    assert said.decode().strip() == ascii(NASTY)


def test_what_fails_is_named_in_one_line(machine: Machine) -> None:
    with pytest.raises(BenchError, match=r"^host: .*no-such") as caught:
        machine.require(["cat", "/no-such-file"])
    assert "\n" not in str(caught.value)
    with pytest.raises(BenchError, match="no answer within"):
        machine.require(["sleep", "9"], 0.2)


def test_a_program_is_started_and_ended_and_its_exit_code_is_known(machine: Machine) -> None:
    machine.start("it", SLEEP, 20.0)
    assert machine.runs("it")
    assert machine.end("it") == 128 + signal.SIGTERM
    assert machine.end("it") is None
    machine.start("it", ["sh", "-c", "exit 7"])
    while machine.runs("it"):
        time.sleep(0.01)
    assert machine.end("it") == 7


def test_a_program_that_does_not_start_says_why(machine: Machine) -> None:
    with pytest.raises(BenchError, match="no such bench"):
        machine.start("it", ["sh", "-c", "echo no such bench >&2; exit 2"], 20.0)
    machine.close()


def test_a_program_can_be_killed_as_by_a_loss_of_power(machine: Machine) -> None:
    machine.start("it", SLEEP, 20.0)
    machine.kill("it")
    assert machine.end("it") == 128 + signal.SIGKILL


def test_records_are_fetched_and_the_folder_goes(machine: Machine, tmp_path: Path) -> None:
    (Path(machine.folder) / "audit").mkdir()
    (Path(machine.folder) / "audit" / "1.jsonl").write_text("x")
    machine.fetch(machine.folder, "audit", tmp_path / "out")
    assert (tmp_path / "out" / "audit" / "1.jsonl").read_text() == "x"
    with pytest.raises(BenchError, match="host: tar"):
        machine.fetch(machine.folder, "venue.jsonl", tmp_path / "out")
    machine.close()
    assert not Path(machine.folder).exists()


@pytest.mark.parametrize("filtered", [True, False], ids=["filter", "before 3.11.4"])
@pytest.mark.parametrize(
    ("name", "kind"),
    [("../x", tarfile.REGTYPE), ("/x", tarfile.REGTYPE), ("x", tarfile.SYMTYPE)],
)
def test_an_archive_that_reaches_out_of_its_folder_is_refused_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: bytes, filtered: bool
) -> None:
    if not filtered:
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("good"))
        bad = tarfile.TarInfo(name)
        bad.type, bad.linkname = kind, "/etc/hostname"
        archive.addfile(bad)
    with pytest.raises(BenchError, match=r"no plain record"):
        unpack(packed.getvalue(), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(BenchError, match="whole"):
        unpack(b"no archive", tmp_path / "out")


def test_one_machine_has_one_clock(machine: Machine) -> None:
    # Half a turn-round of a pipe; the same clock stands at both ends.
    assert abs(machine.clock_offset_ns()) < 1_000_000_000


def test_nothing_outlives_a_rig_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys,time\nfrom pathlib import Path\nfrom rig.benchfile import Host\n"
        "from rig.physical.machine import Machine\n"
        "machine = Machine(Host(), ['x'], sys.argv[1], Path(sys.argv[1]))\n"
        f"machine.start('it', {SLEEP!r}, 20.0)\nprint('up', flush=True)\ntime.sleep(99)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE
    ) as rig:
        assert rig.stdout is not None
        assert rig.stdout.readline() == b"up\n"
        pid = int((tmp_path / "it.pid").read_text())
        rig.kill()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
