"""What a connector asks to see before an order may be real: forged or partial ones are none."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from host.golive import permit, trust
from host.golive.gate import Decision
from host.golive.permit import NotPermitted
from host.golive.trust import Root
from tests.golive.proofs import HOST, Host

Judge = Callable[..., Decision]


@pytest.fixture
def root(host: Host) -> Root:
    """Production's, as far as `check` can see."""
    return trust.read(host.root)._replace(production=True, why_not="")


@pytest.fixture
def decision(host: Host, root: Root, judge: Judge) -> Decision:
    found = judge(host)
    assert found.ready
    return msgspec.structs.replace(found, live=True, trust=f"production {root.name}")


def check(packet: bytes, root: Root, **changes: str) -> None:
    asked = {"host": HOST, "venue": "kraken", "exchange": "kraken"} | changes
    permit.check(packet, root, **asked)


def test_a_host_that_is_ready_gets_one_and_it_is_of_one_exchange(
    decision: Decision, root: Root
) -> None:
    packet = permit.grant(decision)
    check(packet, root)
    for changes in ({"host": "other"}, {"venue": "kraken2"}, {"exchange": "okx"}):
        with pytest.raises(NotPermitted):
            check(packet, root, **changes)


def test_no_host_that_is_not_ready_gets_one(decision: Decision) -> None:
    with pytest.raises(NotPermitted, match="has not let this host"):
        permit.grant(msgspec.structs.replace(decision, live=False))


def test_evidence_that_has_changed_since_gives_none(decision: Decision, host: Host) -> None:
    told = msgspec.json.decode(host.piece("venue").read_bytes())["result"]
    host.sign("venue", told | {"note": "another one"})
    with pytest.raises(NotPermitted, match="changed since"):
        permit.grant(decision)
    host.piece("venue").unlink()
    with pytest.raises(NotPermitted, match="No such file"):
        permit.grant(decision)


def test_a_test_root_permits_nothing(decision: Decision, host: Host) -> None:
    with pytest.raises(NotPermitted, match="not production's"):
        check(permit.grant(decision), trust.read(host.root))


def altered(packet: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    told = msgspec.json.decode(packet)
    change(told)
    return msgspec.json.encode(told)


def tell(**fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda told: told["decision"].update(fields)


def open_one(told: dict[str, Any]) -> None:
    told["decision"]["lines"][3]["open"] = True


def drop_one(told: dict[str, Any]) -> None:
    del told["decision"]["lines"][5]


@pytest.mark.parametrize(
    "change",
    [
        tell(live=False), tell(ready=False), tell(trust="test 0123"), tell(trust=""), tell(lines=[]),
        tell(host="other"), open_one, drop_one, lambda told: told.update(evidence="{}"),
        lambda told: told.update(evidence=told["evidence"].replace("kraken", "okx")),
        lambda told: told.update(more=1), lambda told: told.pop("evidence"),
    ],
)  # fmt: skip
def test_an_altered_permit_is_none(
    decision: Decision, root: Root, change: Callable[[dict[str, Any]], None]
) -> None:
    with pytest.raises(NotPermitted):
        check(altered(permit.grant(decision), change), root)


def test_a_permit_that_somebody_else_has_signed_is_none(
    decision: Decision, root: Root, host: Host, judge: Judge
) -> None:
    stranger = Ed25519PrivateKey.generate()
    told = msgspec.json.decode(host.piece("venue").read_bytes())["result"]
    forged = host.sign("venue", told, key=stranger).read_text()
    good = permit.Permit(decision, forged)
    with pytest.raises(NotPermitted, match="signed by key"):
        check(msgspec.json.encode(good), root)


# -- how it comes to a connector ------------------------------------------------------------------

ASK = (
    "import sys\nfrom host.golive.permit import *\n"
    "try:\n  print(receive().decode())\nexcept NotPermitted as e:\n  print('none:', e)"
)


def asked(stdin: Any, command: tuple[str, ...] = ()) -> str:
    done = subprocess.run(
        [*command, sys.executable, "-c", ASK],
        stdin=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.strip()


def test_a_parent_hands_it_over_and_nobody_else(tmp_path: Path) -> None:
    with permit.offer(b"the permit") as given:
        assert asked(given) == "the permit"
    with permit.offer(b"the permit") as given:  # of a grandparent
        assert "has not started this process" in asked(given, ("sh", "-c", '"$@"; :', "sh"))
    (tmp_path / "permit").write_bytes(b"the permit")
    with (tmp_path / "permit").open() as file:
        assert "not the supervisor's" in asked(file)
    assert "not the supervisor's" in asked(subprocess.DEVNULL)
    reader, writer = os.pipe()
    os.write(writer, b"the permit")
    assert "not the supervisor's" in asked(reader)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        ours.close()
        assert "offered none" in asked(theirs)
