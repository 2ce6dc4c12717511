"""One line of the report, and how a table of checks is run. A check that cannot run is a finding."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Status(StrEnum):
    """`missing` keeps the host from trading as it should; `warn` makes it less punctual or safe."""

    OK = "ok"
    WARN = "warn"
    MISSING = "missing"


@dataclass(frozen=True)
class Place:
    """Where to look: the folders and devices of the host that is to run here.

    config -- the file that it is to run under; None: what comes with it
    firmware -- digest of the build that the controller should run, hex; empty: not to be compared
    root -- of /proc, /sys, /dev and /etc
    """

    audit_dir: Path
    run_dir: Path
    serial: str
    pins: str
    link_key: Path
    config: Path | None = None
    firmware: str = ""
    root: Path = Path("/")

    def at(self, path: str) -> Path:
        """Return a file of the system, below `root`."""
        return self.root / path.lstrip("/")


@dataclass(frozen=True)
class Found:
    """What one look at the machine gave: how bad it is, and the fact itself."""

    status: Status
    fact: str


@dataclass(frozen=True)
class Check:
    """A row of a table: what is looked at, how, what to do when it is not as it should be.

    look(place) may raise: then the finding is `unable`, with the error as its fact
    quotes -- its fact quotes paths or names that somebody has chosen, so it stays on this machine
    """

    name: str
    look: Callable[[Place], Found]
    todo: str
    unable: Status = Status.WARN
    quotes: bool = False


def quoting(name: str, look: Callable[[Place], Found], todo: str) -> Check:
    """A check whose fact quotes what somebody has chosen."""
    return Check(name, look, todo, quotes=True)


@dataclass(frozen=True)
class Finding:
    """A line of the report; `todo` is empty when there is nothing to do."""

    name: str
    status: Status
    found: str
    todo: str = ""


def ok(fact: str) -> Found:
    """All is as it should be."""
    return Found(Status.OK, fact)


def warn(fact: str) -> Found:
    """It works, only less well."""
    return Found(Status.WARN, fact)


def missing(fact: str) -> Found:
    """Something that trading needs is not there."""
    return Found(Status.MISSING, fact)


def examine(table: Iterable[Check], place: Place) -> list[Finding]:
    """Run every check of a table; none can end the others."""
    return [_run(check, place) for check in table]


def _run(check: Check, place: Place) -> Finding:
    try:
        found = check.look(place)
    except Exception as error:  # noqa: BLE001  a check that cannot run is a finding, not silence
        why = " ".join(str(error).split()) or type(error).__name__
        found = Found(check.unable, f"cannot be checked: {why}"[:200])
    todo = "" if found.status == Status.OK else check.todo
    return Finding(check.name, found.status, found.fact, todo)
