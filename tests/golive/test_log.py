"""The gate and the audit log: what was altered, cut, written anew or not vouched for."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from host.audit.record import encode_data, parse, seal
from host.golive.gate import Decision
from host.golive.signed import KINDS
from tests.golive.proofs import KEY, Host, machine, opened

Judge = Callable[..., Decision]


def seals(lines: list[bytes], number: int, change: Callable[[dict], None]) -> None:
    """Change the data of a record and chain everything anew from it, as an attacker can."""
    prev = parse(lines[number]).prev
    for at in range(number, len(lines)):
        record = parse(lines[at])
        data = record.data
        if at == number:
            change(data)
        raw = encode_data(data)
        lines[at], prev = seal(
            record.seq, record.wall_ns, record.mono_ns, record.kind, record.origin, raw, prev
        )


def log_lines(host: Host) -> tuple[Path, list[bytes]]:
    (file,) = host.audit_dir.glob("audit-*")
    return file, file.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize("kind", ["open", "paper_day", "receipt", "controller_trip", "gate_closed"])
def test_one_altered_byte_of_the_log_is_found(kind: str, host: Host, judge: Judge) -> None:
    file, lines = log_lines(host)
    number = next(n for n, line in enumerate(lines) if f'"kind":"{kind}"'.encode() in line)
    lines[number] = lines[number].replace(b'"data":{', b'"data":{"a":1,', 1)
    file.write_bytes(b"".join(lines))
    found = opened(judge(host))
    assert "not verified" in found["audit_log"]
    assert "paper_days" in found


def test_a_chain_that_was_written_anew_is_another_log(host: Host, judge: Judge) -> None:
    file, lines = log_lines(host)
    number = next(n for n, line in enumerate(lines) if b'"kind":"paper_day"' in line)

    def better(data: dict) -> None:
        data["wins"] = data["trades"]

    seals(lines, number, better)
    file.write_bytes(b"".join(lines))
    found = opened(judge(host))
    assert "audit_log" in found
    assert "paper_days" in found


def test_a_log_that_was_cut_is_another_log(host: Host, judge: Judge) -> None:
    file, lines = log_lines(host)
    file.write_bytes(b"".join(lines[:-5]))
    found = opened(judge(host))
    assert "another log" in found["audit_log"]
    assert "no day" in found["paper_days"]


def test_what_came_after_the_auditors_word_does_not_count(host: Host, judge: Judge) -> None:
    told = msgspec.json.decode(host.piece("audit").read_bytes())["result"]
    host.sign("audit", told | {"receipts_to": 4329 * 60 // 100})
    found = judge(host)
    days = next(line for line in found.lines if line.line == "paper_days")
    assert days.open
    assert 50 < days.figures["days"] < 60


def test_the_auditors_own_key_serves_as_well(host: Host, judge: Judge) -> None:
    host.piece("audit").unlink()
    assert opened(judge(host, witness_key=KEY)) == {}
    assert "MAC" in opened(judge(host, witness_key=bytes(32)))["audit_log"]


def test_the_log_of_another_host_does_not_count(host: Host, judge: Judge) -> None:
    other = Host(host.folder, host.now_ns, host.key, machine(host="other"))
    for kind in KINDS:
        if host.piece(kind).exists():
            other.sign(kind, msgspec.json.decode(host.piece(kind).read_bytes())["result"])
    assert "of host 'pi'" in opened(judge(other))["audit_log"]
