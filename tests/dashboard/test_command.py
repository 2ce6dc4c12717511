"""`bot4 dashboard` refuses in one line what would be unsafe or cannot be."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bot4.dashboard import read_token
from bot4.errors import BadInput
from tests.dashboard.kit import WORD


def run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "bot4", "dashboard", "--port", "0", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--listen", "0.0.0.0"], "needs --token, --certificate and --key"),
        (["--listen", "::"], "needs --token, --certificate and --key"),
        (["--listen", "0.0.0.0", "--token", "TOKEN"], "needs --token, --certificate and --key"),
        (["--listen", "192.0.2.7", "--certificate", "FILE", "--key", "FILE"], "needs --token"),
        (["--listen", "box.example"], "an IP address"),
        (["--certificate", "FILE"], "belong together"),
        (["--certificate", "FILE", "--key", "FILE"], "FILE"),
        (["--certificate", "none", "--key", "none"], "cannot be read"),
        (["--token", "none"], "No such file"),
        (["--token", "FILE"], "characters"),
        (["--user", "nobody-of-this-name"], "no such user"),
        (["--user", "root"], "root"),
        (["--listen", "192.0.2.7", "--token", "TOKEN", "--certificate", "none"], "belong together"),
    ],
)
def test_what_is_refused_is_said_in_one_line(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    for name, text in (("TOKEN", WORD), ("FILE", "short")):
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_text(text)
    places = [str(tmp_path / word) if word in ("TOKEN", "FILE") else word for word in arguments]
    done = run(*places)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run("--port", port, "--run-dir", str(tmp_path))
    assert done.returncode == 2
    assert f"127.0.0.1:{port}: Address already in use" in done.stderr


def test_a_token_that_others_can_read_is_none(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(WORD)
    file.chmod(0o640)
    with pytest.raises(BadInput, match="owner alone"):
        read_token(file)
    file.chmod(0o600)
    assert read_token(file) == WORD


@pytest.mark.parametrize(
    "content",
    [b"", b"x" * 31, b"x" * 257, b"\xff" * 40,
     *(b"x" * 20 + odd + b"x" * 20 for odd in (b" ", b":", b"\0"))],
)  # fmt: skip
def test_a_token_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.touch(0o600)
    file.write_bytes(content)
    with pytest.raises(BadInput, match="a token"):
        read_token(file)


def test_grafana_is_printed_without_a_host() -> None:
    done = run("--grafana")
    assert done.returncode == 0
    assert json.loads(done.stdout)["title"] == "Bot4"
