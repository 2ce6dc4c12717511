"""`bot4 firmware` on an emulated Pico, over its USB port as a pty."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulated.kit import Box, firmware, needs_emulator
from tests.integration.kit import bot4

pytestmark = [needs_emulator, pytest.mark.timeout(300)]
pytest.importorskip("mpremote")


@contextlib.contextmanager
def service_pico(folder: Path, button: str = "held") -> Iterator[str]:
    """Yield the port of a Pico that holds the files of `folder`; they are written back at the end."""
    command = [sys.executable, "-m", "tests.emulated.service_pico", str(folder), button]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().decode().strip()
        finally:
            process.communicate(b"stop\n", timeout=60)


def laid_out(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files below a folder; return it."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    folder.mkdir(exist_ok=True)
    return folder


def in_flash(folder: Path) -> dict[str, bytes]:
    """Return what is in a flash folder."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("firmware")
    done = bot4("firmware", "build", "--out", str(out), "--profile", "bench", "--json")
    assert done.returncode == 0, done.stderr
    return out


def test_an_empty_pico_is_flashed_provisioned_and_runs(built: Path, tmp_path: Path) -> None:
    flash, key = laid_out(tmp_path / "flash", {}), tmp_path / "keys" / "link.key"
    with service_pico(flash) as port:
        done = bot4("firmware", "flash", "--port", port, "--folder", str(built), timeout_s=200)
        assert done.returncode == 0, done.stderr
        done = bot4("firmware", "provision", "--port", port, "--link-key", str(key))
        assert done.returncode == 0, done.stderr
    assert key.stat().st_mode & 0o777 == 0o600
    left = in_flash(flash)
    assert left["link.key"] == key.read_bytes()
    assert left["witness.key"].hex() == done.stdout.strip()
    assert left["link.key"] != left["witness.key"]
    from tests.emulated.kit import Host

    box = Box("bench", left, Host(key=key.read_bytes()))
    box.arm()
    assert box.halt_high()


def test_the_old_firmware_stays_until_the_new_one_verifies(built: Path, tmp_path: Path) -> None:
    before = dict(firmware("bench"))
    flash = laid_out(tmp_path / "flash", before)
    with service_pico(flash) as port:
        command = [sys.executable, "-m", "bot4", "firmware", "flash", "--port", port]
        with subprocess.Popen([*command, "--folder", str(built)], stderr=subprocess.PIPE) as half:
            assert half.stderr is not None
            half.stderr.readline()  # it has begun to write
            with contextlib.suppress(subprocess.TimeoutExpired):
                half.wait(0.3)
            half.kill()
    left = in_flash(flash)
    assert {path: left[path] for path in before} == before
    assert any(path.startswith("b/") for path in left), "it was killed before it wrote anything"
    Box("bench", left).arm()


def test_a_running_pico_lets_nobody_in(built: Path, tmp_path: Path) -> None:
    flash = laid_out(tmp_path / "flash", dict(firmware("bench")))
    with service_pico(flash, "released") as port:
        done = bot4("firmware", "flash", "--port", port, "--folder", str(built))
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "re-arm button" in done.stderr
    assert in_flash(flash)["active"] == b"a"


def test_a_wrong_port_is_one_line(built: Path, tmp_path: Path) -> None:
    for port in ("/dev/null", "/dev/no-such-port", str(tmp_path)):
        done = bot4("firmware", "flash", "--port", port, "--folder", str(built))
        assert done.returncode == 2
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_a_busy_port_is_one_line(built: Path, tmp_path: Path) -> None:
    import serial

    flash = laid_out(tmp_path / "flash", {})
    with service_pico(flash) as port, serial.Serial(port, exclusive=True):
        done = bot4("firmware", "flash", "--port", port, "--folder", str(built))
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "another program" in done.stderr
    assert in_flash(flash) == {}


def test_a_damaged_build_is_not_flashed(built: Path, tmp_path: Path) -> None:
    copy = laid_out(tmp_path / "copy", in_flash(built))
    (copy / "a" / "firmware" / "loop.mpy").write_bytes(b"M")
    done = bot4("firmware", "flash", "--port", "/dev/null", "--folder", str(copy))
    assert done.returncode == 2
    assert "build it again" in done.stderr


def test_an_existing_link_key_is_never_overwritten(tmp_path: Path) -> None:
    flash = laid_out(tmp_path / "flash", {})
    key = tmp_path / "link.key"
    key.write_bytes(b"k" * 32)
    with service_pico(flash) as port:
        done = bot4("firmware", "provision", "--port", port, "--link-key", str(key))
    assert done.returncode == 2
    assert key.read_bytes() == b"k" * 32
    assert in_flash(flash) == {}
