"""Both processes as they run: what they can write to, whom they are, and what breaks them."""

from __future__ import annotations

import os
import pwd
import random
import socket
import ssl
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.dashboard.kit import WORD, Dashboard, Host, a_day, dashboard
from tests.dashboard.test_access import OTHER_METHODS

ROOT = os.geteuid() == 0
ELSEWHERE = (
    "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/page.css/../start.py",
    "/host/default.toml", "/audit-000001.jsonl", "http://evil.example/",
)  # fmt: skip


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with Host(tmp_path_factory.mktemp("host")) as running:
        a_day(running)
        yield running


@pytest.fixture(scope="module")
def shown(host: Host) -> Iterator[Dashboard]:
    arguments = ("--run-dir", str(host.run_dir), "--audit-dir", str(host.audit))
    with dashboard(*arguments) as running:
        running.page("CONDITIONS_HELD")
        yield running


def test_the_page_shows_what_guard_log_and_pages_say(shown: Dashboard) -> None:
    text = shown.page("99,800.00")
    for wanted in ("NORMAL", "closed: not pressed", "green lit", "paper 1.5", "trend.1.0", "heartbeat",
                   "1.500 %", "number 3 of epoch 1", "11 records, unbroken"):  # fmt: skip
        assert wanted in text, wanted
    metrics = shown.get("/metrics").decode()
    assert 'bot4_mode{mode="NORMAL"} 1.0' in metrics
    assert 'bot4_source_up{source="pages"} 1.0' in metrics


def held(pid: int) -> dict[str, bool]:
    """What a process holds open or has mapped for others too, and whether it can write to it."""
    found: dict[str, bool] = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        if entry.is_symlink():
            target = str(entry.readlink())
            writes = bool(entry.lstat().st_mode & stat.S_IWUSR)
            found[target] = found.get(target, False) or writes
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        _address, rights, _offset, _device, _inode, *name = line.split(maxsplit=5)
        if rights.endswith("s"):
            found[f"mapped {''.join(name)}"] = rights[1] == "w"
    return found


def test_no_descriptor_on_anything_of_the_host_can_write(shown: Dashboard, host: Host) -> None:
    shown.get("/")
    both = [held(pid) for pid in shown.pids]
    # Beside sockets and pipes nothing at all can be written to.
    harmless = ("socket:", "pipe:", "anon_inode:", "/dev/null")
    writable = [name for found in both for name, writes in found.items() if writes]
    assert [name for name in writable if not name.startswith(harmless)] == []
    assert [name for name in both[0] if "audit-" in name]
    assert sum(name.startswith("/memfd:bot4") for name in both[0]) == 4
    assert sum(name.startswith("mapped /memfd:bot4") for name in both[0]) == 4


def test_one_that_can_write_would_be_found(host: Host) -> None:
    segment = next(host.audit.glob("audit-*.jsonl"))
    with segment.open("r+b"):
        assert held(os.getpid())[str(segment)]
    assert held(os.getpid())["mapped /memfd:bot4-guard (deleted)"]  # the writer's own


def test_the_web_process_holds_nothing_of_the_host(shown: Dashboard, host: Host) -> None:
    _reader, web = shown.pids
    ours = (str(host.run_dir), str(host.audit), "/memfd", "mapped /memfd")
    assert [name for name in held(web) if name.startswith(ours)] == []


def test_neither_process_can_write_a_byte_into_a_file_or_gain_a_right(shown: Dashboard) -> None:
    for pid in shown.pids:
        limits = Path(f"/proc/{pid}/limits").read_text()
        size = next(line for line in limits.splitlines() if line.startswith("Max file size"))
        assert size.split()[3:5] == ["0", "0"]
        assert "NoNewPrivs:\t1" in Path(f"/proc/{pid}/status").read_text()


@pytest.mark.skipif(not ROOT, reason="only root can become somebody else")
def test_the_web_process_is_somebody_else_for_good(shown: Dashboard) -> None:
    nobody = str(pwd.getpwnam("nobody").pw_uid)
    status = Path(f"/proc/{shown.pids[1]}/status").read_text()
    told = {line.split(":")[0]: line.split()[1:] for line in status.splitlines()}
    assert told["Uid"] == [nobody] * 4
    assert set(told["Gid"]) != {"0"}
    assert told["Groups"] == []
    assert int(told["CapEff"][0], 16) == int(told["CapPrm"][0], 16) == 0


@pytest.mark.skipif(not ROOT, reason="only root can become somebody else")
def test_the_reader_becomes_the_user_of_the_host(tmp_path: Path) -> None:
    user = pwd.getpwnam("daemon")
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    os.chown(run_dir, user.pw_uid, user.pw_gid)
    with dashboard("--run-dir", str(run_dir)) as running:
        running.page("no guard at")
        status = Path(f"/proc/{running.pids[0]}/status").read_text()
        told = {line.split(":")[0]: line.split()[1:] for line in status.splitlines()}
        assert told["Uid"] == [str(user.pw_uid)] * 4
        assert told["Groups"] == []


def test_the_guard_is_asked_for_its_status_and_for_nothing_else(
    host: Host, shown: Dashboard
) -> None:
    shown.get("/")
    assert {msgspec.json.decode(asked)["op"] for asked in host.asked} == {"status"}
    assert all(len(msgspec.json.decode(asked)) == 1 for asked in host.asked)


@pytest.mark.parametrize("method", [method for method in OTHER_METHODS if method])
def test_every_other_method_is_405_on_the_wire(shown: Dashboard, method: str) -> None:
    for path in ("/", "/events", "/metrics", "/nothing"):
        answer = shown.get(path, method)
        wanted = (b"HTTP/1.1 405", b"HTTP/1.1 400")  # 400: what HTTP itself does not allow
        assert answer.startswith(wanted[0] if method not in ("CONNECT", "get") else wanted)


def test_the_stream_says_what_changes_and_nothing_twice(shown: Dashboard, host: Host) -> None:
    with socket.create_connection(("127.0.0.1", shown.port), 20) as sock:
        sock.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        got = b""
        while b"\n\n" not in got.partition(b"data: ")[2]:
            got += sock.recv(65536)
        host.changes = {"mode": "EMERGENCY", "reason": "OPERATOR", "detail": "a test", "epoch": 9}
        later = b""
        while b"OPERATOR" not in later:
            later += sock.recv(65536)
        host.changes = {}
    assert b'"wires": ' in got
    assert b"EMERGENCY" in later
    assert b'"enrichment": ' not in later


def test_bytes_that_are_no_request_do_not_end_it(shown: Dashboard) -> None:
    rng = random.Random(11)
    heads = [b"GET / HTTP/1.1\r\n", b"GET /events HTTP/9\r\n", b"", b"HEAD * HTTP/1.0\r\n"]
    for number in range(120):
        junk = rng.randbytes(rng.randrange(1, 400))
        if number % 3 == 0:
            junk = (
                b"Host: localhost\r\nX: "
                + junk.replace(b"\r", b"").replace(b"\n", b"")
                + b"\r\n\r\n"
            )
        elif number % 3 == 1:
            junk = (
                b"Host: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + junk
            )
        shown.ask(rng.choice(heads) + junk, timeout_s=5)
    big = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 1_000_000
    shown.ask(big)
    assert shown.get("/").startswith(b"HTTP/1.1 200")
    assert shown.process.poll() is None


def test_no_file_of_the_machine_can_be_asked_for(shown: Dashboard) -> None:
    for path in ELSEWHERE:
        answer = shown.get(path)
        assert not answer.startswith(b"HTTP/1.1 200"), path
        assert b"root:" not in answer


def test_without_a_host_everything_is_not_known_and_a_host_that_comes_is_seen(
    tmp_path: Path,
) -> None:
    run_dir, audit = tmp_path / "run", tmp_path / "audit"
    with dashboard("--run-dir", str(run_dir), "--audit-dir", str(audit)) as running:
        text = running.page("no guard at")
        assert "NORMAL" not in text
        assert "bot4_mode{" not in running.get("/metrics").decode()
        with Host(tmp_path) as host:
            a_day(host)
            running.page("CONDITIONS_HELD")
        running.page("no guard at")


def test_a_reader_that_is_stopped_shows_nothing_as_if_it_were_of_now(host: Host) -> None:
    arguments = ("--run-dir", str(host.run_dir), "--audit-dir", str(host.audit))
    with dashboard(*arguments) as running:
        running.page("CONDITIONS_HELD")
        os.kill(running.process.pid, 19)  # SIGSTOP
        text = running.page("nothing below is current")
        assert "the reader is silent" in text
        assert "bot4_dashboard_up 0.0" in running.get("/metrics").decode()
        os.kill(running.process.pid, 18)  # SIGCONT
        running.page("CONDITIONS_HELD")


def test_it_ends_when_asked_to_and_both_when_one_is_killed(host: Host) -> None:
    arguments = ("--run-dir", str(host.run_dir), "--audit-dir", str(host.audit))
    running = Dashboard(*arguments)
    assert running.end() == 0
    for victim in (0, 1):
        running = Dashboard(*arguments)
        pids = running.pids
        os.kill(pids[victim], 9)
        assert running.process.wait(20) != 0
        deadline = time.monotonic() + 20
        while Path(f"/proc/{pids[1]}").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not Path(f"/proc/{pids[1]}").exists()
        running.end()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate and its key, as `openssl` makes them."""
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
               "/CN=localhost", "-keyout", "key.pem", "-out", "cert.pem"]  # fmt: skip
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    return folder / "cert.pem", folder / "key.pem"


def test_elsewhere_it_serves_tls_with_a_token(
    host: Host, tmp_path: Path, pair: tuple[Path, Path]
) -> None:
    certificate, key = pair
    token = tmp_path / "token"
    token.touch(0o600)
    token.write_text(WORD + "\n")
    arguments = ("--run-dir", str(host.run_dir), "--listen", "0.0.0.0", "--token", str(token),
                 "--certificate", str(certificate), "--key", str(key))  # fmt: skip
    with dashboard(*arguments) as running:
        assert running.said.startswith("bot4: dashboard at https://")
        trust = ssl.create_default_context(cafile=str(certificate))
        for header, status in ((f"Authorization: Bearer {WORD}\r\n", 200), ("", 401)):
            with socket.create_connection(("127.0.0.1", running.port), 20) as plain:
                with trust.wrap_socket(plain, server_hostname="localhost") as sock:
                    sock.sendall(f"GET / HTTP/1.1\r\nHost: localhost\r\n{header}\r\n".encode())
                    assert sock.recv(65536).startswith(f"HTTP/1.1 {status}".encode())
        assert not running.ask(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").startswith(
            b"HTTP/1.1 2"
        )
