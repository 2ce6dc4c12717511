"""A disk of one's own that can be full or fail: small, mounted, and gone after the test (root only)."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

FILLER = "filler"
IMAGE_BYTES = 32 << 20


def run(*command: str | Path) -> None:
    """Run one command of the system; the test is skipped where it is not permitted."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{command[0]}: {done.stderr.strip()}")


def need_root(*programs: str) -> None:
    """Skip with the reason where disks cannot be mounted."""
    if os.geteuid() != 0:
        pytest.skip("mounting a disk needs root")
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


@contextlib.contextmanager
def small(place: Path, megabytes: int = 8) -> Iterator[Path]:
    """Mount a disk of a few megabytes at `place`."""
    need_root("mount", "umount")
    place.mkdir()
    run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "none", place)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def fill(place: Path) -> int:
    """Leave not a byte on the disk; return how many there were."""
    written = 0
    with (place / FILLER).open("wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while True:
                written += file.write(bytes(4096))
    return written


def free(place: Path) -> None:
    """Give the bytes back."""
    (place / FILLER).unlink()


@contextlib.contextmanager
def failing(place: Path) -> Iterator[Path]:
    """Mount an ext4 that turns read-only on its first error; `fail(place)` makes one."""
    need_root("mkfs.ext4", "losetup", "mount", "umount")
    image = place.with_suffix(".img")
    with image.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    run("mkfs.ext4", "-q", "-e", "remount-ro", image)
    place.mkdir()
    run("mount", "-o", "loop", image, place)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)
        image.unlink()


def fail(place: Path) -> None:
    """Have the file system find an error of its own: it is read-only from now on."""
    mounted = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    device = next(line[0] for line in mounted if line[1] == str(place))
    trigger = Path("/sys/fs/ext4") / Path(device).name / "trigger_fs_error"
    if not trigger.exists():
        pytest.skip("this kernel cannot make an ext4 fail")
    trigger.write_text("planted by a test of Bot4\n")
