"""`bot4 install`: everything below the folder that is given, nothing else, and no one's file twice."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bot4 import install
from host import config, notify

PROGRAM = "/opt/venv/bin/bot4"


def run(*words: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "bot4", "install", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_everything_is_below_the_root_and_names_the_program(tmp_path: Path) -> None:
    done = run("--root", tmp_path, "--program", PROGRAM)
    assert (done.returncode, done.stderr) == (0, "")
    found = content(tmp_path)
    assert set(found) == {file.target for file in install.FILES}
    units = [text for name, text in found.items() if name.endswith(".service")]
    assert all(f"ExecStart={PROGRAM} " in text for text in units)
    assert not any(install.PROGRAM in text for text in found.values())
    assert (tmp_path / "etc/bot4/bot4.toml").stat().st_mode & 0o777 == 0o640
    assert max(map(len, done.stdout.splitlines())) < 250


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    done = run("--root", tmp_path, "--program", PROGRAM, "--dry-run")
    assert done.returncode == 0
    assert done.stdout.count("new ") == len(install.FILES)
    assert content(tmp_path) == {}


def test_an_upgrade_changes_the_units_and_keeps_the_configuration(tmp_path: Path) -> None:
    run("--root", tmp_path, "--program", PROGRAM)
    assert run("--root", tmp_path, "--program", PROGRAM).stdout.count("same ") == 6
    own, unit = (tmp_path / install.FILES[index].target for index in (-1, 0))
    own.write_text("mine")
    unit.write_text("old")
    said = run("--root", tmp_path, "--program", PROGRAM).stdout
    assert (said.count("kept "), said.count("changed "), said.count("same ")) == (1, 1, 4)
    assert own.read_text() == "mine"
    assert PROGRAM in unit.read_text()


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("/home/pi/.local/bin/bot4", "services may not see it"),
        ("/root/v/bin/bot4", "services may not see it"),
        ("bin/bot4", "an absolute path"),
        ("/opt/my bot/bot4", "no such characters"),
        ("/opt/%h/bot4", "no such characters"),
    ],
)
def test_a_program_that_no_service_can_start_is_refused(
    tmp_path: Path, program: str, words: str
) -> None:
    done = run("--root", tmp_path, "--program", program)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert content(tmp_path) == {}


def test_a_root_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "usr").touch()
    done = run("--root", tmp_path, "--program", PROGRAM)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_the_configuration_is_one_that_the_host_takes(tmp_path: Path) -> None:
    file = tmp_path / "bot4.toml"
    file.write_text(install.content(install.FILES[-1], Path(PROGRAM)))
    wanted = config.load(file)
    assert wanted.host.audit_dir == "/var/lib/bot4/audit"
    assert wanted.venues()[0].socket.startswith("/run/bot4/")
    assert wanted.limits == config.load(config.DEFAULT).limits


@pytest.mark.skipif(
    shutil.which("systemd-sysusers") is None or os.geteuid() != 0,
    reason="needs root and systemd-sysusers",
)
def test_systemd_makes_the_users_and_the_folders(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    run("--root", tmp_path, "--program", PROGRAM)
    (tmp_path / "etc/bot4/link.key").write_bytes(bytes(32))
    for command in (["systemd-sysusers"], ["systemd-tmpfiles", "--create"]):
        done = subprocess.run(
            [*command, f"--root={tmp_path}"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    users = dict(
        line.split(":", 3)[::2] for line in (tmp_path / "etc/passwd").read_text().splitlines()
    )
    groups = {
        line.split(":")[0]: line.split(":")[3]
        for line in (tmp_path / "etc/group").read_text().splitlines()
    }
    assert set(users) == {"bot4", "bot4-web"}
    assert groups["gpio"] == groups["dialout"] == "bot4"
    for folder, mode in (("run/bot4", 0o700), ("var/lib/bot4", 0o700), ("etc/bot4", 0o750)):
        assert (tmp_path / folder).stat().st_mode & 0o777 == mode
    key = (tmp_path / "etc/bot4/link.key").stat()
    assert (key.st_mode & 0o777, str(key.st_uid)) == (0o400, users["bot4"])


def test_ready_is_told_to_whoever_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notify.tell("READY=1")  # nobody asked
    for address in (str(tmp_path / "notify"), f"\0bot4-test-{os.getpid()}"):
        heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        heard.settimeout(2)
        heard.bind(address)
        monkeypatch.setenv(notify.VARIABLE, address.replace("\0", "@"))
        notify.tell("READY=1")
        assert heard.recv(100) == b"READY=1"
        heard.close()
    monkeypatch.setenv(notify.VARIABLE, str(tmp_path / "nobody"))
    notify.tell("READY=1")  # nobody hears, and nothing breaks
