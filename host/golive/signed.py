"""Results with a signature: one JSON object a file, signed by the auditor, for one host.

    {"format":1,"kind":K,"host":H,"software":{...},"measured_ns":M,"signed_ns":T,"result":R,
     "key":N,"signature":S}

`signature` is Ed25519 over LABEL and the canonical bytes of the object without its last two keys: keys
sorted, no white space. The file holds the canonical bytes of the whole object and a line end, and nothing
else, so that it has one spelling and its SHA-256 names it.

`measured_ns` is when it was measured, as the result says (`at`), else when its file was written: evidence
is as old as that, however often it is signed. `software` has the digests of the sources that the
auditor signed beside: they must be those that trade.
"""

import hashlib
import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from xml.etree import ElementTree

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from host.golive.trust import Root, key_name

LABEL = b"bot4 evidence 1\n"
SUFFIX = ".signed.json"
MOST_BYTES = 64 << 20

KINDS = {
    # kind, what its result is
    "audit": "`bot4 audit verify DIR --witness-key KEY --json`, by the auditor, on a copy of the log",
    "hardware": "`result.json` of `bot4 bench measure --bench FILE` on a physical bench",
    "attestation": "`bot4 firmware attest --witness-key KEY --folder BUILD --json`",
    "safety": "JUnit XML of `pytest tests/safety tests/audit`",
    "performance": "`bot4 perf --json` on this machine",
    "forecast": "`bot4 forecast ... --json`",
    "var": "`bot4 var ... --backtest --json`",
    "leakage": "`bot4 validate leakage ... --json`",
    "capital": '`{"amount_quote": 12000, "currency": "USDT", "account": "..."}`, from the account',
    "venue": "what was tested of the venue that is to be traded at: `{venue, exchange, tested, deadman: "
    "{supported, seen_firing, delay_s, takes_stops}}`",
    "trials": '`{"trials": 40, "daily_sharpe_sd": 0.02}`: what was tried before this strategy',
    "acceptance": '`{"target": "sharpe", "at_least": 1.1, "reason": "...", "by": "..."}`: of a miss',
}


class EvidenceError(ValueError):
    """A file is no evidence; the text is one line that names it."""


Time = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a signed file holds."""

    format: Literal[1]
    kind: str
    host: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    software: dict[str, str]
    measured_ns: Time
    signed_ns: Time
    result: dict[str, Any]
    key: str
    signature: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{128}$")]


class Piece(msgspec.Struct, frozen=True):
    """One signed result, its signature checked."""

    file: str
    digest: str
    envelope: Envelope

    @property
    def result(self) -> dict[str, Any]:
        """What was measured."""
        return self.envelope.result


def canonical(value: dict[str, Any]) -> bytes:
    """Return the one spelling of an object of plain JSON types."""
    return msgspec.json.encode(value, order="deterministic")


def sign(
    kind: str,
    result: dict[str, Any],
    host: str,
    software: dict[str, str],
    measured_ns: int,
    signed_ns: int,
    key: Ed25519PrivateKey,
) -> bytes:
    """Return the content of a signed file."""
    body: dict[str, Any] = {
        "format": 1,
        "kind": kind,
        "host": host,
        "software": software,
        "measured_ns": measured_ns,
        "signed_ns": signed_ns,
        "result": result,
    }
    signature = key.sign(LABEL + canonical(body)).hex()
    return canonical(body | {"key": key_name(key.public_key()), "signature": signature}) + b"\n"


def check(path: Path, root: Root) -> Piece:
    """Read a signed file. Raises EvidenceError when it was altered, or is not the auditor's."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise EvidenceError(f"{path}: larger than {MOST_BYTES} bytes")
        content = path.read_bytes()
    except OSError as error:
        raise EvidenceError(f"{path}: {error.strerror}") from None
    return understand(str(path), content, root)


def understand(path: str, content: bytes, root: Root) -> Piece:
    """Check the content of a signed file. Raises EvidenceError, which names `path`."""
    try:
        told = msgspec.json.decode(content, type=dict[str, Any])
        envelope = msgspec.convert(told, Envelope)
        spelled = canonical(told) + b"\n"
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise EvidenceError(f"{path}: not a signed result: {_one_line(error)}") from None
    if spelled != content:
        raise EvidenceError(f"{path}: altered: not spelled as it was signed")
    if envelope.kind not in KINDS:
        raise EvidenceError(f"{path}: of kind {envelope.kind[:40]!r}, which is none")
    lacks = [name for name in NEEDS[envelope.kind] if name not in envelope.result]
    if lacks:
        raise EvidenceError(f"{path}: no {envelope.kind} result: it has no {lacks[0]!r}")
    body = {name: told[name] for name in told if name not in ("key", "signature")}
    if envelope.measured_ns > envelope.signed_ns:
        raise EvidenceError(f"{path}: measured after it was signed")
    if envelope.key != root.name:
        raise EvidenceError(f"{path}: signed by key {envelope.key[:16]}, trusted is {root.name}")
    if not root.signed(bytes.fromhex(envelope.signature), LABEL + canonical(body)):
        raise EvidenceError(f"{path}: altered: the signature is not of this content")
    return Piece(path, hashlib.sha256(content).hexdigest(), envelope)


def measured_at(path: Path, result: dict[str, Any]) -> int:
    """Return when a result was measured, ns. Raises EvidenceError when it says so in no known form."""
    if "at" not in result:
        return path.stat().st_mtime_ns
    try:
        at = datetime.fromisoformat(result["at"])
        if at.tzinfo is None:
            raise ValueError("without a time zone")
        return round(at.timestamp()) * 10**9
    except (TypeError, ValueError, OverflowError) as error:
        raise EvidenceError(f"{path}: its time `at`: {_one_line(error)}") from None


def read_result(path: Path, kind: str) -> dict[str, Any]:
    """Read what is to be signed. Raises EvidenceError when it is not what `kind` asks for."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EvidenceError(f"{path}: {error.strerror}") from None
    try:
        result = _junit(content) if kind == "safety" else msgspec.json.decode(content)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        what = "JUnit XML" if kind == "safety" else "JSON"
        raise EvidenceError(f"{path}: not {what}: {_one_line(error)}") from None
    if not isinstance(result, dict):
        raise EvidenceError(f"{path}: not a JSON object")
    lacks = [name for name in NEEDS[kind] if name not in result]
    if lacks:
        raise EvidenceError(f"{path}: no {kind} result: it has no {lacks[0]!r}")
    return result


NEEDS: dict[str, tuple[str, ...]] = {
    "audit": ("verified", "records", "head", "receipts_checked", "receipts_to"),
    "hardware": ("bench", "mcu", "profile", "latency_us", "orders", "audit", "verdict", "environment"),
    "attestation": ("attested", "checks", "compared", "profile", "firmware"),
    "safety": ("modules",),
    "performance": ("rows", "verdict", "environment"),
    "forecast": ("source", "limits", "n"),
    "var": ("method", "limits", "backtest"),
    "leakage": ("file", "limits", "pass"),
    "capital": ("amount_quote", "currency", "account"),
    "venue": ("venue", "exchange", "tested", "deadman"),
    "trials": ("trials", "daily_sharpe_sd"),
    "acceptance": ("target", "at_least", "reason", "by"),
}  # fmt: skip


def _junit(content: bytes) -> dict[str, Any]:
    """Return {modules: {name: {tests, failed, skipped}}} of a JUnit file. Raises ValueError."""
    if re.search(rb"<!(DOCTYPE|ENTITY)", content):
        raise ValueError("it declares entities")
    try:
        tree = ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise ValueError(str(error)) from None
    modules: dict[str, dict[str, int]] = {}
    for case in tree.iter("testcase"):
        name = _module(case.get("classname", ""))
        counts = modules.setdefault(name, {"tests": 0, "failed": 0, "skipped": 0})
        counts["tests"] += 1
        counts["failed"] += any(case.find(tag) is not None for tag in ("failure", "error"))
        counts["skipped"] += case.find("skipped") is not None
    return {"modules": modules}


def _module(classname: str) -> str:
    """Return the module of a test; what follows it is a class."""
    words = classname.split(".")
    last = next((at for at, word in enumerate(words) if word.startswith("test_")), len(words) - 1)
    return ".".join(words[: last + 1])


def _one_line(error: object) -> str:
    return " ".join(str(error).split())[:150]
