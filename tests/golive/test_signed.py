"""Signed files and trust roots: one spelling, one key, and no way around either."""

import os
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host.golive import trust
from host.golive.signed import EvidenceError, canonical, check, measured_at, read_result, sign
from host.golive.trust import TEST_MARK, TrustError, read
from tests.golive.proofs import Host

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SPKI = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
CAPITAL = {"amount_quote": 12_000.5, "currency": "USDT", "account": "é \\ \n", "more": [1, None]}


def root_of(folder: Path) -> trust.Root:
    (folder / "root.pem").write_bytes(SPKI)
    return read(folder / "root.pem")


def test_what_was_signed_is_what_is_read(tmp_path: Path) -> None:
    file = tmp_path / "x.signed.json"
    file.write_bytes(sign("capital", CAPITAL, "pi", {"host": "1"}, 4, 5, KEY))
    piece = check(file, root_of(tmp_path))
    assert (piece.result, piece.envelope.host, piece.envelope.signed_ns) == (CAPITAL, "pi", 5)


def test_what_was_measured_after_it_was_signed_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.signed.json"
    file.write_bytes(sign("capital", CAPITAL, "pi", {"host": "1"}, 6, 5, KEY))
    with pytest.raises(EvidenceError, match="after it was signed"):
        check(file, root_of(tmp_path))


def test_evidence_is_as_old_as_its_measurement(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    file.touch()
    os.utime(file, ns=(7, 7))
    assert measured_at(file, {}) == 7
    assert measured_at(file, {"at": "1970-01-01T01:00:00+00:00"}) == 3600 * 10**9
    for wrong in ("1970-01-01T00:00:00", "now", 5, None):
        with pytest.raises(EvidenceError, match="its time"):
            measured_at(file, {"at": wrong})


def test_every_byte_counts(tmp_path: Path) -> None:
    file, root = tmp_path / "x.signed.json", root_of(tmp_path)
    content = sign("capital", CAPITAL, "pi", {"host": "1"}, 4, 5, KEY)
    for at in range(len(content)):
        for bad in (bytes([content[at] ^ 1]), b"", content[at : at + 1] + b" "):
            file.write_bytes(content[:at] + bad + content[at + 1 :])
            with pytest.raises(EvidenceError):
                check(file, root)


def test_another_spelling_of_the_same_is_refused(tmp_path: Path) -> None:
    file, root = tmp_path / "x.signed.json", root_of(tmp_path)
    told = msgspec.json.decode(sign("capital", CAPITAL, "pi", {}, 4, 5, KEY))
    for content in (
        canonical(told),
        canonical(told) + b"\n\n",
        msgspec.json.encode(dict(reversed(told.items()))) + b"\n",
        msgspec.json.format(canonical(told)) + b"\n",
    ):
        file.write_bytes(content)
        with pytest.raises(EvidenceError, match="altered"):
            check(file, root)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(max_size=200), st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(
        ["format", "kind", "host", "software", "measured_ns", "signed_ns", "result", "key", "signature"]
    ), inner), max_leaves=20).map(msgspec.json.encode)))  # fmt: skip
def test_whatever_lies_there_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "x.signed.json"
    file.write_bytes(content)
    with pytest.raises(EvidenceError) as error:
        check(file, root_of(tmp_path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not a public Ed25519 key"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "not a public"),
        (b"x" * 5000, "not a public"),
        (
            generate_private_key(65537, 2048)
            .public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "not a public Ed25519",
        ),
        (None, "No such file"),
    ],
)
def test_what_is_no_trust_root_is_refused(content: bytes | None, why: str, tmp_path: Path) -> None:
    file = tmp_path / "root.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TrustError, match=why):
        read(file)


def test_only_roots_own_file_in_its_place_is_productions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, file = tmp_path / "etc", tmp_path / "etc" / "auditor.pem"
    folder.mkdir(0o755)
    file.write_bytes(SPKI)
    file.chmod(0o644)
    assert "it is not /etc/bot4/auditor.pem" in read(file).why_not
    monkeypatch.setattr(trust, "PRODUCTION", file)
    owned = os.getuid() == 0
    assert read(file).production == owned
    if not owned:
        pytest.skip("what follows needs files that belong to root")
    file.chmod(0o666)
    assert "others than root" in read(file).why_not
    file.chmod(0o644)
    folder.chmod(0o777)
    assert "others than root" in read(file).why_not
    folder.chmod(0o755)
    os.chown(file, 12345, 0)
    assert "does not belong to root" in read(file).why_not
    os.chown(file, 0, 0)
    file.write_bytes(TEST_MARK + b"\n" + SPKI)
    assert "test root" in read(file).why_not
    file.rename(folder / "other.pem")
    file.symlink_to("other.pem")
    (folder / "other.pem").write_bytes(SPKI)
    assert "plain file" in read(file).why_not


def test_a_junit_file_becomes_counts_of_modules(tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    file.write_text(
        '<testsuites><testsuite><testcase classname="tests.safety.test_gate" name="a"/>'
        '<testcase classname="tests.safety.test_gate.TestOf" name="b"><failure/></testcase>'
        '<testcase classname="tests.safety.test_gate" name="c"><skipped/></testcase>'
        '<testcase classname="tests.audit.test_attacks" name="d"><error/></testcase>'
        "</testsuite></testsuites>"
    )
    assert read_result(file, "safety")["modules"] == {
        "tests.safety.test_gate": {"tests": 3, "failed": 1, "skipped": 1},
        "tests.audit.test_attacks": {"tests": 1, "failed": 1, "skipped": 0},
    }


@pytest.mark.parametrize(
    ("kind", "content", "why"),
    [
        ("safety", "<a", "not JUnit XML"),
        ("safety", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "entities"),
        ("capital", "{", "not JSON"),
        ("capital", "[1]", "not a JSON object"),
        ("capital", "{}", "it has no 'amount_quote'"),
        ("capital", "\udcff", "not JSON"),
    ],
)
def test_what_is_not_what_it_is_called_is_not_signed(
    kind: str, content: str, why: str, tmp_path: Path
) -> None:
    file = tmp_path / "result"
    file.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(EvidenceError, match=why):
        read_result(file, kind)


def test_a_huge_file_and_a_folder_are_refused(host: Host) -> None:
    file = host.piece("capital")
    with file.open("r+b") as big:
        big.truncate(100 << 20)
    with pytest.raises(EvidenceError, match="larger than"):
        check(file, read(host.root))
    file.unlink()
    file.mkdir()
    with pytest.raises(EvidenceError, match="directory"):
        check(file, read(host.root))
