"""What somebody who helps needs to see, and nothing else: only what is listed here gets in.

Text that a person or a peer has chosen (names, addresses, reasons, messages) is never copied: of the
configuration go numbers, switches and choices; of the log go number, time, kind and codes that our own
tables know; of the environment go the names of a few variables. There is no search for secrets, which
would have to know what they look like.
"""

import platform
import re
import stat
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from controller import reasons, states
from host import outcomes, refusals
from host.audit import AuditInputError
from host.audit.export import records
from host.audit.record import Record
from host.backup.places import Places
from host.config import Config
from host.doctor import TABLE, Finding
from host.modes import Reason, Rung, TradingMode

RECORDS = 500
PACKAGES = (
    "bot4", "arch", "ccxt", "cryptography", "gpiod", "gpiozero", "msgspec", "numpy", "onnxruntime",
    "openai", "pyserial", "redis", "rich", "scipy", "starlette", "statsmodels", "typer", "uvicorn",
)  # fmt: skip
VARIABLES = ("LD_PRELOAD", "NOTIFY_SOCKET", "PYTHONMALLOC", "PYTHONPATH", "XDG_RUNTIME_DIR")
# Words of the kernel's command line.
BOOT = re.compile(
    r"(isolcpus|nohz_full|rcu_nocbs|irqaffinity|preempt|clocksource)=[a-z0-9,_-]{1,32}"
)
KIND = re.compile(r"[a-z_]{1,32}")
# Fields of records and of the status whose values are words of our own tables, and what counts.
CODED = ("mode", "was", "reason", "rung", "code", "outcome", "state", "halt", "ack", "controller",
         "controller_reason", "profile")  # fmt: skip
COUNTED = ("epoch", "since_s", "ladder_done", "forced", "orders_sent", "orders_refused")
ALERTS = (
    "CONTRADICTION", "ENGINE_GIVEN_UP", "IMPOSSIBLE_EVENT", "JOURNAL_DAMAGED", "JOURNAL_FULL",
    "LOST_FILL", "POSITION_UNPROTECTED", "RETENTION_FAILED", "STRAY_ORDER", "UNKNOWN_ORDER", "UNRESOLVED",
)  # fmt: skip
WORDS = frozenset({
    *(item.name for table in (TradingMode, Reason, Rung) for item in table),
    *refusals.NAMES.values(), *outcomes.NAMES.values(), *reasons.NAMES, *states.STATE_NAMES,
    *ALERTS, "high", "low", "silent", "production", "bench",
})  # fmt: skip
NOT_SHOWN = "(text)"


def bundle(
    config: Config,
    findings: Iterable[Finding],
    status: Mapping[str, Any] | None,
    places: Places,
    environment: Mapping[str, str],
    root: Path = Path("/"),
) -> dict[str, Any]:
    """Return the files of the bundle: name -> content, plain JSON types."""
    return {
        "versions.json": versions(),
        "machine.json": machine(environment, root),
        "doctor.json": checked(findings),
        "configuration.json": settings(config),
        "status.json": coded(status) if status is not None else "no host answers",
        "log.json": log(places.audit_dir),
        "files.json": files(places),
    }


def versions() -> dict[str, str]:
    """Return what is installed, of the packages that we know."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "-"
    return found


def machine(environment: Mapping[str, str], root: Path) -> dict[str, Any]:
    """Return kernel, architecture, what the kernel was started with, and which variables are set."""
    try:
        words = (root / "proc/cmdline").read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        words = []
    return {
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "boot": [word for word in words if BOOT.fullmatch(word)],
        "set": [name for name in VARIABLES if name in environment],
        "made_s": int(time.time()),
    }


def checked(findings: Iterable[Finding]) -> list[dict[str, str]]:
    """Return the doctor's findings; without the fact where it may quote what somebody has chosen."""
    quotes = {check.name: check.quotes for check in TABLE}
    return [
        {
            "name": finding.name,
            "status": str(finding.status),
            "found": NOT_SHOWN if quotes.get(finding.name, True) else finding.found,
        }
        for finding in findings
    ]


def settings(value: Any) -> Any:
    """Return a section with numbers, switches and choices; of texts only that there are some."""
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.fields(value)
        return {field.name: _setting(field.type, getattr(value, field.name)) for field in fields}
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, list):
        return [settings(item) for item in value]
    if isinstance(value, Mapping):
        return f"{len(value)} of them"
    return NOT_SHOWN if value else ""


def _setting(kind: Any, value: Any) -> Any:
    """A choice of ours is shown: it is one of the words in the code."""
    if isinstance(value, Enum):
        return value.name
    choices = msgspec.json.schema(kind).get("enum", ()) if isinstance(value, str) else ()
    return value if isinstance(value, str) and value in choices else settings(value)


def coded(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the codes and counts of a record or of the status."""
    words = {name: data[name] for name in CODED if data.get(name) in WORDS}
    counts = {
        name: data[name] for name in COUNTED if isinstance(data.get(name), int | float | bool)
    }
    return words | counts


def log(audit_dir: Path) -> dict[str, Any]:
    """Return how much of each kind is in the log, and the shape of its last records."""
    kinds: Counter[str] = Counter()
    last: list[Record] = []
    try:
        for record in records(audit_dir):
            kinds[_kind(record)] += 1
            last.append(record)
            if len(last) > 2 * RECORDS:
                del last[:RECORDS]
    except AuditInputError:
        return {"readable": False, "records": kinds.total(), "kinds": dict(kinds)}
    shown = [
        {"seq": item.seq, "wall_ns": item.wall_ns, "kind": _kind(item), **coded(item.data)}
        for item in last[-RECORDS:]
    ]
    return {"readable": True, "records": kinds.total(), "kinds": dict(kinds), "last": shown}


def _kind(record: Record) -> str:
    both = (record.origin, record.kind)
    return "/".join(word if KIND.fullmatch(word) else NOT_SHOWN for word in both)


def files(places: Places) -> list[dict[str, Any]]:
    """Return names of our own making, sizes, ages and modes of what lies in the host's folders."""
    segments = places.segments() if places.audit_dir.is_dir() else []
    named = [(f"audit/{path.name}", path) for path in segments]
    named += [(name, path) for name, path in places.others() if not name.startswith("evidence/")]
    found = []
    for name, path in named:
        status = path.stat()
        found.append({
            "name": name,
            "bytes": status.st_size,
            "mode": f"{stat.S_IMODE(status.st_mode):04o}",
            "ours": status.st_uid == path.parent.stat().st_uid,
            "changed_s": int(status.st_mtime),
        })  # fmt: skip
    return found
