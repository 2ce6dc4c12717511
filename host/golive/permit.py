"""Leave to trade at an exchange for real: from the gate's decision to a connector.

A connector for real orders takes no option and no variable for it. It reads the permit from its standard
input, which must be a socket pair that its own parent has made, and judges it anew: the decision with
every line, and the auditor's signature over the result about this exchange, under production's trust
root. A connector that is started again is given the same permit: what was decided at the start holds for
the run, so that a position is not left alone because a result grew too old in the night.
"""

import hashlib
import os
import socket
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from host.golive.gate import Decision
from host.golive.lines import LINES
from host.golive.signed import EvidenceError, understand
from host.golive.trust import Root

MOST_BYTES = 1 << 17
WAIT_S = 5.0
LINE = "venue"


class NotPermitted(ValueError):
    """There is no leave for real orders; the text is one line."""


class Permit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """evidence -- the signed result about the venue, as it lies in its file"""

    decision: Decision
    evidence: str


def grant(decision: Decision) -> bytes:
    """Return the permit of a decision. Raises NotPermitted, also when its evidence has gone."""
    if not decision.live:
        raise NotPermitted("the gate has not let this host go live")
    for piece in next(line.evidence for line in decision.lines if line.line == LINE):
        try:
            content = Path(piece["file"]).read_bytes()
        except OSError as error:
            raise NotPermitted(f"{piece['file']}: {error.strerror}") from None
        if hashlib.sha256(content).hexdigest() != piece["sha256"]:
            raise NotPermitted(f"{piece['file']}: changed since it was judged")
        return msgspec.json.encode(Permit(decision, content.decode()))
    raise NotPermitted("nothing signed is known of the venue")


def check(packet: bytes, root: Root, host: str, venue: str, exchange: str) -> None:
    """Judge a permit. Raises NotPermitted.

    root -- the trust root; host -- the name of this one; venue, exchange -- that orders would go to
    """
    if not root.production:
        raise NotPermitted(f"the trust root {root.file} is not production's: {root.why_not}")
    try:
        permit = msgspec.json.decode(packet, type=Permit)
        piece = understand("permit", permit.evidence.encode(), root)
    except (msgspec.MsgspecError, EvidenceError) as error:
        raise NotPermitted(" ".join(str(error).split())[:200]) from None
    decision, told = permit.decision, piece.result
    held = {line.line for line in decision.lines if not line.open}
    faults: Sequence[tuple[Any, str]] = (
        (decision.live and decision.ready, "the gate has not let the host go live"),
        (held >= {line.name for line in LINES}, "not every line of the gate holds"),
        (decision.trust.split()[-1:] == [root.name], "it was decided under another trust root"),
        (decision.host == piece.envelope.host == host, f"it is of another host than {host!r}"),
        (piece.envelope.kind == LINE, f"its evidence is of kind {piece.envelope.kind!r}"),
        (told["exchange"] == exchange, f"it is of {told['exchange']!r}, not of {exchange!r}"),
        (told["venue"] == venue, f"it is of venue {told['venue']!r}, not of {venue!r}"),
        (told["tested"] is True, f"{exchange} is not tested"),
    )
    for holds, why in faults:
        if not holds:
            raise NotPermitted(why)


def offer(packet: bytes) -> socket.socket:
    """Return what a connector takes the permit from: its standard input."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        ours.send(packet)
    return theirs


def receive(descriptor: int = 0) -> bytes:
    """Return the permit that our parent offers. Raises NotPermitted."""
    try:
        with socket.socket(fileno=os.dup(descriptor)) as given:
            if given.family != socket.AF_UNIX or given.type != socket.SOCK_SEQPACKET:
                raise NotPermitted("standard input is not the supervisor's")
            peer = given.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            maker, user, _group = struct.unpack("3i", peer)
            if (maker, user) != (os.getppid(), os.getuid()):
                raise NotPermitted("whoever offers the permit has not started this process")
            given.settimeout(WAIT_S)
            packet = given.recv(MOST_BYTES)
    except OSError:
        raise NotPermitted("standard input is not the supervisor's") from None
    if not packet:
        raise NotPermitted("the supervisor has offered none")
    return packet
