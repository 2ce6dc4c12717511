"""Everything that the gate looks at, gathered once: signed results, the audit log, and this machine.

What cannot be read is kept as the reason why not, and opens the lines that need it.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from host.audit import AuditInputError
from host.audit.intact import Line
from host.audit.verify import Report, verify
from host.golive.signed import SUFFIX, EvidenceError, Piece, check
from host.golive.trust import Root, TrustError, read
from host.ledger.history import Day, Part, days
from host.ledger.paper import NS

MOST_FILES = 1000
# s. Receipts come every second; for the question whether a day was watched fewer will do.
RECEIPT_STEP_NS = 600 * NS
# A press is proven by the controller's TRIP and the closed gate, so close together.
PRESS_NS = 2 * NS
SWITCHES = ("SWITCH_A", "SWITCH_B")


class Machine(NamedTuple):
    """What was looked up on this machine, now."""

    host: str
    software: dict[str, str]  # digests of the sources that trade
    cpu: str
    kernel: str
    profile: str  # that the host would run
    pins: str
    venue: str  # that the configuration trades at
    exchange: str  # where its orders are real; empty where they are not
    strategy: str  # that trades
    clock_fault: str  # empty when the clock is synchronised
    clock: str
    key_faults: list[str]
    keys: list[str]


@dataclass
class Log:
    """The audit log: verified here, and what it says."""

    directory: str
    report: Report | None = None
    error: str = ""
    hosts: set[str] = field(default_factory=set)
    days: list[Day] = field(default_factory=list)
    press_ns: int = 0
    press_seq: int = 0
    checked_to: int = 0  # the last record whose receipts somebody with the witness key has checked
    unchecked: str = ""  # why there is none


@dataclass
class Evidence:
    """All of it."""

    now_ns: int
    machine: Machine
    root: Root | None
    trust_fault: str
    pieces: list[Piece]
    refused: list[str]
    log: Log

    def newest(self, kind: str, target: str | None = None) -> Piece | None:
        """Return the result of a kind that was measured last; of an acceptance, of that target."""
        found = [piece for piece in self.pieces if piece.envelope.kind == kind]
        if target is not None:
            found = [piece for piece in found if piece.result.get("target") == target]
        return max(found, key=_time, default=None)


def _time(piece: Piece) -> tuple[int, int]:
    return piece.envelope.measured_ns, piece.envelope.signed_ns


def gather(
    now_ns: int,
    machine: Machine,
    audit_dir: Path,
    folder: Path,
    trust: Path,
    witness_key: bytes | None = None,
) -> Evidence:
    """Gather it. folder -- of the signed results; trust -- the trust root's file

    witness_key -- the auditor's, on the auditor's own machine: receipts are then checked here
    """
    root, trust_fault = None, ""
    try:
        root = read(trust)
    except TrustError as error:
        trust_fault = str(error)
    pieces, refused = ([], []) if root is None else _signed(folder, root, machine.host, now_ns)
    found = Evidence(now_ns, machine, root, trust_fault, pieces, refused, Log(str(audit_dir)))
    _read_log(found.log, found.newest("audit"), witness_key, machine.strategy)
    return found


def _signed(folder: Path, root: Root, host: str, now_ns: int) -> tuple[list[Piece], list[str]]:
    """Return the good results of a folder, and why the others are none."""
    pieces, refused = [], []
    try:
        files = sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
    except OSError as error:
        return [], [f"{folder}: {error.strerror}"]
    if len(files) > MOST_FILES:
        return [], [f"{folder}: more than {MOST_FILES} results"]
    for file in files:
        try:
            piece = check(file, root)
            if piece.envelope.host != host:
                raise EvidenceError(f"{file}: of host {piece.envelope.host!r}, this is {host!r}")
            if piece.envelope.signed_ns > now_ns:
                raise EvidenceError(f"{file}: signed in the future; look at the clocks")
            pieces.append(piece)
        except EvidenceError as error:
            refused.append(str(error))
    return pieces, refused


def _read_log(log: Log, statement: Piece | None, witness_key: bytes | None, strategy: str) -> None:
    reader = _Reader(statement.result["records"] if statement else 0)
    try:
        report = verify(log.directory, witness_key=witness_key, visit=reader.visit)
    except AuditInputError as error:
        log.error = str(error)
        return
    log.report, log.hosts = report, reader.hosts
    log.press_ns, log.press_seq = reader.press()
    log.checked_to, log.unchecked = _checked(report, statement, reader.head, witness_key)
    log.days = days(reader.parts, reader.receipts_ns, log.checked_to, strategy)


def _checked(
    report: Report, statement: Piece | None, head: str, witness_key: bytes | None
) -> tuple[int, str]:
    """Return how far receipts count, and why no farther."""
    if not report.verified:
        return 0, f"the log is not verified: {report.reason}"
    if witness_key is not None:
        return report.receipts_to, ""
    if statement is None:
        return 0, "no auditor has checked its receipts with the witness key"
    told = statement.result
    if told["verified"] is not True or told["receipts_checked"] is not True:
        return 0, f"{statement.file}: the log or its receipts were not verified"
    if not head or head != told["head"]:
        return 0, f"{statement.file}: it is of another log than this one"
    reach = told["receipts_to"]
    if type(reach) is not int or not 0 <= reach <= report.records:
        return 0, f"{statement.file}: its receipts reach to {reach!r}"
    return reach, ""


class _Reader:
    """Picks out of a log what the gate asks for. statement -- number of the record that one is about"""

    def __init__(self, statement: object) -> None:
        self._statement = statement
        self.head = ""
        self.hosts: set[str] = set()
        self.parts: list[Part] = []
        self.receipts_ns: list[int] = []
        self._epoch = self._number = 0
        self._press = self._closed = (0, 0)
        self._proof = (0, 0)

    def visit(self, record: Line) -> None:
        """Take one record of a good chain."""
        if record.seq == self._statement:
            self.head = record.hash
        match (record.kind, record.origin):
            case ("paper_day", "engine"):
                self.parts.append(Part(record.seq, record.wall_ns, record.data))
            case ("receipt", "guard"):
                self._receipt(record)
            case ("controller_trip", "guard") if record.data.get("reason") in SWITCHES:
                self._press = record.wall_ns, record.seq
                self._match()
            case ("gate_closed", "guard"):
                self._closed = record.wall_ns, record.seq
                self._match()
            case ("open", _):
                self.hosts.add(str(record.data.get("host_id")))

    def press(self) -> tuple[int, int]:
        """Return (wall time, number) of the last press that closed the gate, or zeros."""
        return self._proof

    def _receipt(self, record: Line) -> None:
        """Keep one now and then: of a head that the witness had not seen before."""
        epoch, number = record.data["epoch"], record.data["number"]
        if epoch != self._epoch:  # a power-up begins with what stands; its numbers may go back
            self._epoch, self._number = epoch, number
            return
        if number <= self._number:
            return
        self._number = number
        last = self.receipts_ns[-1] if self.receipts_ns else None
        if last is None or abs(record.wall_ns - last) >= RECEIPT_STEP_NS:
            self.receipts_ns.append(record.wall_ns)

    def _match(self) -> None:
        if self._press[0] and abs(self._press[0] - self._closed[0]) <= PRESS_NS:
            self._proof = self._press
