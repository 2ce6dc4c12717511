"""Versions and digests of what was measured: two results with the same ones are of the same code."""

from __future__ import annotations

import hashlib
import platform
import struct
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import controller

_HOUSE = Path(controller.__file__).resolve().parent.parent
# What runs: sources and compiled modules. Generated C and caches do not.
_SOURCES = frozenset({".py", ".pyx", ".pxd", ".h", ".toml", ".json"})
_SUFFIXES = _SOURCES | {".so"}
_NOTES = Path("/sys/kernel/notes")
_CPU = Path("/proc/cpuinfo")
_NT_GNU_BUILD_ID = 3
_SHOWN = 16  # hex digits; 64 bits tell builds apart, and fit a line
UNKNOWN = "unknown"


def fingerprint() -> dict[str, str]:
    """Return versions and digests of Bot4, firmware, host and kernel, and the CPU's name."""
    return {
        "bot4": _version(),
        "firmware sha256": digest_of(_HOUSE / "firmware", _HOUSE / "controller"),
        "host sha256": digest_of(_HOUSE / "host", _HOUSE / "controller"),
        "python": platform.python_version(),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "kernel build": platform.version(),
        "kernel build id": build_id(_NOTES),
        "cpu": _cpu(),
    }


def sources() -> dict[str, str]:
    """Return digests of what firmware and host are made of: the same on every machine."""
    return {
        "firmware": digest_of(_HOUSE / "firmware", _HOUSE / "controller", suffixes=_SOURCES),
        "host": digest_of(_HOUSE / "host", _HOUSE / "controller", suffixes=_SOURCES),
    }


def digest_of(*folders: Path, suffixes: frozenset[str] = _SUFFIXES) -> str:
    """Return the SHA-256 (first 16 hex digits) of names and contents of all that runs in `folders`."""
    state = hashlib.sha256()
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            if file.suffix in suffixes and file.is_file():
                content = file.read_bytes()
                name = f"{folder.name}/{file.relative_to(folder)}"
                state.update(f"{name}\0{len(content)}\0".encode() + content)
    return state.hexdigest()[:_SHOWN]


def build_id(notes: Path) -> str:
    """Return the GNU build id in an ELF note file such as /sys/kernel/notes, or "unknown"."""
    try:
        raw = notes.read_bytes()
    except OSError:
        return UNKNOWN
    at = 0
    while at + 12 <= len(raw):
        name_bytes, data_bytes, kind = struct.unpack_from("=III", raw, at)
        data_at = at + 12 + _padded(name_bytes)
        if kind == _NT_GNU_BUILD_ID and raw[at + 12 : at + 16] == b"GNU\0":
            return raw[data_at : data_at + data_bytes].hex()[:_SHOWN] or UNKNOWN
        at = data_at + _padded(data_bytes)
    return UNKNOWN


def _padded(size: int) -> int:
    return -(-size // 4) * 4


def _version() -> str:
    try:
        return version("bot4")
    except PackageNotFoundError:
        return "not installed"


def _cpu() -> str:
    """Name of the CPU; on ARM the board's, which comes last."""
    try:
        rows = [line.partition(":") for line in _CPU.read_text().splitlines()]
    except OSError:
        return UNKNOWN
    names = {key.strip(): value.strip() for key, _, value in rows}
    return names.get("model name") or names.get("Model") or UNKNOWN
