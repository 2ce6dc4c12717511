"""The lease: one holder, renewed while it runs, taken over when it is stale."""

import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from rig import lease
from rig.lease import Lease
from rig.processes import BenchError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bench.lease"


def other(**facts: object) -> Lease:
    """Return the lease of a process that lives, on this host: our parent."""
    pid = os.getppid()
    now_s = time.time()
    given = {
        "bench": "virtual",
        "user": "somebody",
        "host": os.uname().nodename,
        "pid": pid,
        "started": lease.started(pid),
        "since_s": now_s,
        "until_s": now_s + 30,
        "token": "theirs",
    }
    return Lease(**(given | facts))  # type: ignore[arg-type]


def leave(file: Path, held: Lease) -> None:
    file.write_bytes(msgspec.json.encode(held))


def test_held_and_given_back(file: Path) -> None:
    with lease.held("virtual", file=file) as mine:
        assert lease.read(file).token == mine.token
        assert mine.pid == os.getpid()
    assert lease.read(file) is None


def test_a_second_run_is_told_who_has_it(file: Path) -> None:
    leave(file, other())
    with pytest.raises(BenchError, match=r"another bench is running: somebody on .* until"):
        with lease.held("virtual", file=file):
            pytest.fail("two runs at once")
    assert lease.read(file).token == "theirs"


@pytest.mark.parametrize(
    "stale",
    [{"until_s": 0.0}, {"started": 1}, {"pid": 2**22 + 1}, {"host": "elsewhere", "until_s": 0.0}],
    ids=["expired", "pid used again", "dead", "expired elsewhere"],
)
def test_a_stale_lease_is_taken_over(file: Path, stale: dict) -> None:
    leave(file, other(**stale))
    with lease.held("virtual", file=file) as mine:
        assert lease.read(file).token == mine.token


def test_a_lease_of_another_host_is_believed_until_it_expires(file: Path) -> None:
    leave(file, other(host="elsewhere", pid=1, started=1))
    with pytest.raises(BenchError), lease.held("virtual", file=file):
        pytest.fail("two runs at once")


def test_renewing_pushes_the_end_out_for_the_owner_alone(file: Path) -> None:
    leave(file, other(until_s=time.time() + 1))
    assert not lease.renew(file, "mine")
    assert lease.read(file).until_s < time.time() + 2
    assert lease.renew(file, "theirs")
    assert lease.read(file).until_s > time.time() + 20


def test_a_run_that_was_taken_over_from_is_told(file: Path) -> None:
    with pytest.raises(BenchError, match="taken over by somebody"):
        with lease.held("virtual", file=file):
            leave(file, other())
    assert lease.read(file).token == "theirs"  # and theirs stays


def test_the_keeper_interrupts_a_run_that_lost_its_lease(file: Path) -> None:
    leave(file, other())
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom rig.processes import spawn\n"
        "spawn([sys.executable, '-m', 'rig.lease', sys.argv[1], 'mine'], log=Path('/dev/null'))\n"
        "try:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print('interrupted')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(file)], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "interrupted"


@pytest.mark.parametrize("junk", [b"", b"{", b"[]", b'{"bench": 1}', b"\xff"])
def test_a_file_that_is_no_lease_is_named_and_not_taken(file: Path, junk: bytes) -> None:
    file.write_bytes(junk)
    with pytest.raises(BenchError, match=str(file)), lease.held("virtual", file=file):
        pytest.fail("held without a lease")


def test_of_many_that_come_at_once_one_has_it(file: Path) -> None:
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom rig import lease\n"
        "try:\n    with lease.held('virtual', file=Path(sys.argv[1])):\n"
        "        print('mine', flush=True)\n        sys.stdin.read()\n"
        "except Exception:\n    print('theirs', flush=True)\n"
    )
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    said = [run.stdout.readline().strip() for run in runs]
    for run in runs:
        run.communicate()
    assert sorted(said) == ["mine", "theirs", "theirs", "theirs"]
