"""Everything that somebody on the host could try to step up out of EMERGENCY, tried.

Every command, every signal to every process, every message to the guard in every role, every message
on the serial line, every file of the run directory, every descriptor that can be got. The switch is
closed again first, so that nothing but the button is missing. BOT4_STEP_UP=all takes every signal
and 3,000 messages a role (`make faults`); here a part, drawn by a seed.
"""

import contextlib
import mmap
import multiprocessing
import os
import random
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer
from typer.core import TyperGroup

from bot4.cli import app
from controller import protocol
from host import layout, shm
from host.engine.emergency.progress import Progress
from host.guard.client import GuardClient, GuardUnreachable
from host.guard.link import HostLink
from host.modes import Reason
from rig.virtual import stimulus
from tests.integration.evidence import Witnessed, witnessed
from tests.integration.kit import BENCH_TIMES, bot4

ALL = os.environ.get("BOT4_STEP_UP") == "all"
MESSAGES = 3000 if ALL else 200
# What a command needs so that trying it leaves this machine as it is, and those that serve until ended.
HARMLESS = {("install",): ["--dry-run"]}
SERVES = {("dashboard",): 5.0}
WORDS = ("NORMAL", "up", "REARMED", "0", "-1", "CONDITIONS_HELD")
# Signals that end a process are paced: a supervisor gives up on a child that ends too often.
CALM_S = 1.5
NOBODY = 65534


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Witnessed]:
    """One host in EMERGENCY by a press, worked off, its switch closed again; armed at the end."""
    with witnessed(tmp_path_factory.mktemp("up"), repeat=True) as kit:
        kit.press()
        kit.wait_status(mode="EMERGENCY", ladder_done=True, ack="low", timeout_s=10)
        kit.bench.wires.stimulate(stimulus.release(random.Random(1)))
        yield kit
        kit.rearm()  # raises when it was the tries that kept it down, and not the missing button
        found = kit.judge()
        print(f"\n  tried to step up: {found}, log: {found.unverified or 'verified'}")
        # What an impostor showed to the witness is not in this log, and the verifier says so.
        assert (found.after_ack, found.left_by_itself) == (0, 0)


@pytest.fixture
def stays(bench: Witnessed, capsys: pytest.CaptureFixture) -> Iterator[list[str]]:
    """Afterwards nothing has left, and the mode is what it was; what was tried is counted."""
    tried: list[str] = []
    begun_ns = time.monotonic_ns()
    yield tried
    status = bench.wait_status(mode="EMERGENCY", halt="low", timeout_s=20.0)
    with capsys.disabled():
        print(f"\n  {len(tried)} tries: {status['mode']}, HALT {status['halt']}")
    assert tried
    assert (status["mode"], status["halt"]) == ("EMERGENCY", "low")
    assert bench.orders_after(begun_ns) == []


def commands(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command of `bot4` with its path."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, (*words, name))
        else:
            yield (*words, name), command


def test_no_command(bench: Witnessed, stays: list[str]) -> None:
    run_dir = str(bench.bench.run_dir)
    for path, command in commands(typer.main.get_command(app)):
        if path in (("demo",), ("bench", "measure"), ("perf",)) and not ALL:
            continue  # two wait for the bench that this one holds, and the third measures for long
        names = [name for param in command.params for name in param.opts]
        given = ["--run-dir", run_dir] if "--run-dir" in names else []
        given += HARMLESS.get(path, [])
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        for words in ([word] * len(arguments) for word in WORDS[: 2 if ALL and arguments else 1]):
            try:
                done = bot4(*path, *words, *given, timeout_s=SERVES.get(path, 100.0))
            except subprocess.TimeoutExpired:
                assert path in SERVES, path
                stays.append(f"{' '.join(path)}: served")
                continue
            stays.append(f"{' '.join(path)}: {done.returncode}")
            assert "Traceback" not in done.stderr, (path, done.stderr)
    for word in ("resume", "arm", "rearm", "up", "normal", "unhalt", "reset"):
        stays.append(word)
        assert bot4(word, "--run-dir", run_dir).returncode == 2


def fuzzed(rng: random.Random, ops: list[str]) -> bytes:
    """Return a request: a known or unknown op with bodies of every kind."""
    values: list[Any] = [
        None, True, -1, 0, 1, 2, 3, 2**32, 2**63, 2**64, -(2**63), 1.5, 1e308, "", "NORMAL", "REARMED",
        "CONDITIONS_HELD", "engine", "recorder", "guard", "00" * 16, "ff" * 32, [], {}, ["NORMAL"],
        *[reason.name for reason in Reason],
    ]  # fmt: skip
    keys = ["reason", "epoch", "mode", "role", "count", "head", "nonce", "detail", "page", "token"]
    body = {key: rng.choice(values) for key in rng.sample(keys, rng.randint(0, 6))}
    text = msgspec.json.encode({"op": rng.choice(ops), **body})
    kind = rng.random()
    if kind < 0.05:
        return rng.randbytes(rng.randint(1, 200))
    if kind < 0.1:
        return text[: rng.randint(1, len(text))]
    return text


OPS = ["status", "down", "attest", "head", "ladder", "liquidate", "resume", "attach", "up", "mode",
       "rearm", "NORMAL", "rearmed", "grant"]  # fmt: skip


def say(client: GuardClient, data: bytes, fds: list[int] | None = None) -> None:
    """Send one packet and take what comes back, if anything does."""
    client.sock.settimeout(0.02)
    with contextlib.suppress(OSError):
        shm.send_fds(client.sock, data, fds or [])
        shm.close_all(shm.receive_fds(client.sock)[1])


def test_no_message_of_a_stranger(bench: Witnessed, stays: list[str]) -> None:
    rng = random.Random(21)
    page = shm.create(layout.KIND_ENGINE, "stranger")
    for _ in range(MESSAGES // 20):
        client = GuardClient(bench.bench.run_dir)
        for _ in range(20):
            say(client, fuzzed(rng, OPS), rng.choice([[], [], [page.fd], [page.fd] * 3]))
            stays.append("stranger")
        client.close()
    page.close()


def impersonate(run_dir: Path, role: str) -> int:
    """Attach as `role` and say everything to the guard; return how much was said."""
    rng = random.Random(22)
    client = GuardClient(run_dir)
    kind = {"engine": layout.KIND_ENGINE, "recorder": layout.KIND_RECORDER}[role]
    page = shm.create(kind, "impostor")
    client.attach(role, page)
    begun_s = time.monotonic()
    for number in range(MESSAGES):
        page.words.store(layout.ENGINE_HEARTBEAT_NS, time.monotonic_ns())
        page.words.store(layout.RECORDER_HEARTBEAT_NS, time.monotonic_ns())
        data = fuzzed(rng, OPS)
        if number % 4 == 0:
            data = msgspec.json.encode({"op": "ladder", "epoch": number % 64})
        say(client, data)
        if not ALL and time.monotonic() - begun_s > 6.0:
            break
    client.close()
    page.close()
    return number + 1


@pytest.mark.parametrize("role", ["engine", "recorder"])
def test_no_message_of_whoever_took_a_process_s_place(
    bench: Witnessed, stays: list[str], role: str
) -> None:
    """Somebody owns the host: the process is killed, and another attaches in its role.

    A process of its own: an engine keeps its place until its process has ended.
    """
    supervisor = int(bench.bench.processes["host"].pid)
    victim = bench.pid(role)
    os.kill(supervisor, signal.SIGSTOP)  # or it would start another
    try:
        os.kill(victim, signal.SIGKILL)
        time.sleep(0.3)
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            said = pool.submit(impersonate, bench.bench.run_dir, role).result()
        stays.extend([role] * said)
    finally:
        os.kill(supervisor, signal.SIGCONT)
    bench.wait_status(mode="EMERGENCY", ladder_done=True, ack="low", timeout_s=15)


def test_no_signal_to_any_process(bench: Witnessed, stays: list[str]) -> None:
    rng = random.Random(23)
    every = [s for s in signal.valid_signals() if s not in (signal.SIGKILL, signal.SIGSTOP)]
    every = [*every, signal.SIGKILL, signal.SIGSTOP]
    tries = [(name, s) for name in ("guard", "engine", "recorder") for s in every]
    for name, number in tries if ALL else rng.sample(tries, 3):
        pid = bench.pid(name)
        os.kill(pid, number)
        time.sleep(0.2)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
        stays.append(f"{name} {number}")
        time.sleep(CALM_S)
        assert bench.wait_status(mode="EMERGENCY", timeout_s=20).get("mode") == "EMERGENCY"
    bench.wait_status(mode="EMERGENCY", ladder_done=True, ack="low", timeout_s=15)


def test_no_signal_to_the_supervisor(bench: Witnessed, stays: list[str]) -> None:
    every = [s for s in signal.valid_signals() if s not in (signal.SIGSTOP, signal.SIGTSTP)]
    chosen = every if ALL else [signal.SIGHUP, signal.SIGUSR1]
    for number in chosen:
        host = bench.bench.processes["host"]
        host.send_signal(number)
        stays.append(f"supervisor {number}")
        with contextlib.suppress(subprocess.TimeoutExpired):
            host.wait(1.0 if number != signal.SIGTERM else 10.0)
        if host.poll() is not None:
            bench.bench.end("host")
            bench.bench.start_host()
            bench.wait_status(mode="EMERGENCY", ladder_done=True, ack="low", timeout_s=15)


def test_no_file_of_the_run_directory(bench: Witnessed, stays: list[str]) -> None:
    """Every file replaced by what would please an attacker; then the children start again."""
    state = bench.bench.setup.out / "audit.ladder.json"
    for reason in [*Reason]:
        with contextlib.suppress(OSError):
            Progress(state).begun(reason)
        stays.append(f"ladder file {reason.name}")
    state.write_text('{"mode": "NORMAL"}')
    lock = bench.bench.run_dir / "run.lock"
    lock.write_text("NORMAL")
    stays += ["ladder file", "run.lock"]
    for name in ("mode", "armed", "rearm", "state.json"):
        (bench.bench.run_dir / name).write_text('{"mode": "NORMAL"}')
        stays.append(name)
    os.kill(bench.pid("engine"), signal.SIGKILL)
    time.sleep(CALM_S)
    os.kill(bench.pid("guard"), signal.SIGKILL)
    time.sleep(CALM_S)
    bench.wait_status(mode="EMERGENCY", ladder_done=True, ack="low", timeout_s=15)


FOREIGN = """
import mmap, os, socket, sys
pids, run_dir, done = sys.argv[2:], sys.argv[1], []
for pid in pids:
    names = ["mem"] + ["fd/%d" % fd for fd in range(64)] + ["root", "cwd"]
    for name in names:
        for flags in (os.O_RDWR, os.O_RDONLY, os.O_WRONLY):
            try:
                os.close(os.open("/proc/%s/%s" % (pid, name), flags)); done.append(pid + name)
            except OSError: pass
    for number in (9, 19, 18, 15):
        try: os.kill(int(pid), number); done.append("signal")
        except OSError: pass
for name in ("guard.sock", "run.lock", "config.toml", "new"):
    try:
        if name == "guard.sock":
            socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect(run_dir + "/" + name)
        else: open(run_dir + "/" + name, "r+" if name != "new" else "w")
        done.append(name)
    except OSError: pass
print(len(pids) * 67 * 3 + len(pids) * 4 + 4, *done)
"""


def test_no_way_in_for_another_user(bench: Witnessed, stays: list[str]) -> None:
    if os.geteuid() != 0:
        pytest.skip("becoming another user needs root")
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if python is None:
        pytest.skip("no python3 that another user may start")
    pids = [str(bench.pid(name)) for name in ("guard", "engine", "recorder")]
    pids.append(str(bench.bench.processes["host"].pid))
    command = [python, "-c", FOREIGN, str(bench.bench.run_dir), *pids]
    done = subprocess.run(
        command, capture_output=True, text=True, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/"
    )
    count, *got_in = done.stdout.split()
    stays += ["foreign"] * int(count)
    assert got_in == []


def test_no_write_through_a_descriptor_that_the_guard_hands_out(
    bench: Witnessed, stays: list[str]
) -> None:
    """The guard's page as every process of the host gets it: not one way to write is left."""
    guard = bench.pid("guard")
    pages = [
        link
        for link in Path(f"/proc/{guard}/fd").iterdir()
        if "/memfd:bot4-" in str(link.readlink())
    ]
    assert pages
    for link in pages:
        for flags in (os.O_RDONLY, os.O_RDWR):
            fd = os.open(link, flags)
            ways = [
                lambda fd=fd: os.pwrite(fd, b"\0" * 8, 8 * layout.GUARD_MODE),
                lambda fd=fd: os.ftruncate(fd, 0),
                lambda fd=fd: os.posix_fallocate(fd, 0, 1 << 24),
                lambda fd=fd: mmap.mmap(fd, 4096, mmap.MAP_SHARED, mmap.PROT_WRITE),
            ]
            for way in ways:
                with pytest.raises((OSError, PermissionError)):
                    way()
                stays.append("descriptor")
            os.close(fd)


def test_no_message_on_the_serial_line_of_a_host_that_has_the_link_key(
    bench: Witnessed, stays: list[str]
) -> None:
    """The whole host is somebody else's program: it has key, port and protocol, but no button."""
    rng = random.Random(24)
    bench.bench.end("host")
    fd = os.open(bench.bench._room / "serial", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    def send(data: bytes) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(fd, data)

    link = HostLink(
        BENCH_TIMES, bench.bench._key.read_bytes(), send, lambda: True,
        lambda *_: None, lambda: None, lambda _what: None,
    )  # fmt: skip
    deadline = time.monotonic() + (20.0 if ALL else 6.0)
    states = set()
    while time.monotonic() < deadline:
        with contextlib.suppress(BlockingIOError):
            link.receive(os.read(fd, 4096), time.monotonic_ns())
        if link.seen.status:
            states.add(link.seen.status["state"])
        if link.established and rng.random() < 0.2:
            row = rng.choice(protocol.MESSAGES)
            size = len(protocol.pack(row[protocol.NAME], zeros(row)))
            values = protocol.unpack(row, rng.choice([bytes(size), rng.randbytes(size)]))
            send(link._channel.encode(row[protocol.NAME], values, rng.getrandbits(32)))  # type: ignore[union-attr]
            stays.append(row[protocol.NAME])
        elif rng.random() < 0.02:
            send(rng.randbytes(rng.randint(1, 64)) + b"\0")
            stays.append("noise")
        assert bench.bench.wires.levels()["HALT"] == 0
        time.sleep(0.002)
    os.close(fd)
    assert link.seen.sessions
    assert len(set(stays)) > len(protocol.MESSAGES)
    bench.bench.start_host()
    bench.wait_status(mode="EMERGENCY", ladder_done=True, ack="low", timeout_s=15)


def zeros(row: tuple) -> tuple:
    """Return a payload of zeros for a message."""
    return struct.unpack(row[protocol.LAYOUT], bytes(struct.calcsize(row[protocol.LAYOUT])))


def test_a_guard_that_is_gone_answers_nobody(tmp_path: Path) -> None:
    with pytest.raises(GuardUnreachable):
        GuardClient(tmp_path)
