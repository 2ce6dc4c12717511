"""Segments that are retired on record, and what an attacker makes of that."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from host.audit import AuditBroken, AuditRecordError
from host.audit.record import parse
from host.audit.retention import DAY_NS, PERIOD_NS, Keep, Retention, number_of, present
from host.audit.verify import Report, verify
from host.audit.writer import AuditWriter
from tests.audit.audit_logs import no_sync
from tests.audit.test_receipts import CASES
from tests.audit.witnessed import KEY, Log, Witness

SEGMENT_BYTES = 3_000


@dataclass
class Host:
    """The real writer and retention in front of the model of the witness."""

    directory: Path
    keep: Keep = Keep(size_bytes=4 * SEGMENT_BYTES)
    witness: Witness = field(default_factory=Witness)
    wall_ns: int = 10**18
    mono_ns: int = 0
    vouched: int = 0

    def start(self) -> None:
        self.writer = AuditWriter(self.directory, host_id="pi", segment_bytes=SEGMENT_BYTES)
        self.retention = Retention(self.writer, self.keep)
        self.record("receipt", self.witness.receipt())
        self.vouched = 0

    def record(self, kind: str, data: dict) -> None:
        self.wall_ns += 10**9
        self.writer.append(kind, "guard", data, wall_ns=self.wall_ns)
        self.writer.commit()

    def show(self) -> None:
        count, head = self.writer.head
        receipt = self.witness.show(count, head)
        assert receipt is not None
        self.record("receipt", receipt)
        self.vouched = receipt["count"]

    def look(self) -> bool:
        self.mono_ns += PERIOD_NS
        if self.retention.tick(self.vouched, self.wall_ns, self.mono_ns):
            self.writer.commit()
            return True
        return False

    def live(self, rng: random.Random, steps: int) -> None:
        """Trade, show, retire, and now and then restart or lose the controller's power."""
        for _ in range(steps):
            for _ in range(rng.randint(1, 4)):
                self.record("order", {"n": rng.getrandbits(30)})
            if rng.random() < 0.6:
                self.show()
            self.look()
            if rng.random() < 0.05:
                self.witness.keep()
                self.witness.power_cycle()
                self.record("receipt", self.witness.receipt())
            if rng.random() < 0.05:
                self.writer.close()
                self.start()
        self.show()
        self.look()


def grown(directory: Path, rng: random.Random, steps: int = 60, **options: object) -> Host:
    host = Host(directory, **options)  # type: ignore[arg-type]
    with no_sync():
        host.start()
        host.live(rng, steps)
        while number_of(present(directory)[0]) == 1:
            host.live(rng, 5)
        host.writer.close()
    return host


def judged(directory: Path, key: bytes | None = KEY) -> Report:
    return verify(directory, witness_key=key, settle_s=0)


def chain_of(directory: Path) -> list[bytes]:
    return [line for path in present(directory) for line in path.read_bytes().splitlines(True)]


def first_record(path: Path) -> int:
    return parse(path.read_bytes().splitlines(True)[0]).seq


# ---- what an honest host does -----------------------------------------------------------------


def test_honestly_retired_logs_raise_no_alarm(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    gone, cases = 0, max(20, CASES // 10)
    for case in range(cases):
        rng = random.Random(case)
        host = grown(tmp_path / str(case), rng, rng.randint(40, 120))
        for key in (KEY, None):
            report = judged(host.directory, key)
            assert report.verified, (case, report.reason)
        assert report.retired == first_record(present(host.directory)[0]) - 1 > 0
        gone += number_of(present(host.directory)[0]) - 1
    with capsys.disabled():
        print(f"\n  {cases} logs of which {gone} segments were retired, no false alarm")


@pytest.mark.parametrize("size_bytes", [1, 4 * SEGMENT_BYTES, 20 * SEGMENT_BYTES])
def test_it_comes_down_to_its_size_and_never_takes_the_newest(
    tmp_path: Path, size_bytes: int
) -> None:
    host = Host(tmp_path / "log", keep=Keep(size_bytes=size_bytes))
    with no_sync():
        host.start()
        host.live(random.Random(1), 100)
        for _ in range(100):
            host.show()
            host.look()
        paths = present(host.directory)
        assert sum(path.stat().st_size for path in paths) <= size_bytes + 3 * SEGMENT_BYTES
        assert number_of(paths[0]) > 1
        host.writer.close()
    assert judged(host.directory).verified


def test_a_segment_goes_when_what_follows_is_too_old(tmp_path: Path) -> None:
    host = Host(tmp_path / "log", keep=Keep(days=2.0))
    with no_sync():
        host.start()
        while len(present(host.directory)) < 3:
            host.record("order", {"n": 1})
            host.show()
        following = parse(present(host.directory)[1].read_bytes().splitlines(True)[0])
        host.wall_ns = following.wall_ns + 2 * DAY_NS
        assert not host.look()
        host.wall_ns += 1
        assert host.look()
        host.show()
        assert len(present(host.directory)) == 3  # not before the next look
        host.look()
        assert number_of(present(host.directory)[0]) == 2
        host.writer.close()
    assert judged(host.directory).verified


def test_without_limits_and_without_receipts_nothing_goes(tmp_path: Path) -> None:
    for name, keep, shows in (("unlimited", Keep(), True), ("unseen", Keep(size_bytes=1), False)):
        host = Host(tmp_path / name, keep=keep)
        with no_sync():
            host.start()
            for _ in range(100):
                host.record("order", {"n": 1})
                if shows:
                    host.show()
                assert not host.look()
            host.writer.close()
        assert number_of(present(host.directory)[0]) == 1
        assert len(present(host.directory)) > 3


def test_nothing_goes_before_a_receipt_vouches_for_the_retirement_itself(tmp_path: Path) -> None:
    host = Host(tmp_path / "log")
    with no_sync():
        host.start()
        while not host.look():
            host.record("order", {"n": 1})
            host.show()
        for _ in range(3):
            host.record("order", {"n": 1})
            assert not host.look()
            assert number_of(present(host.directory)[0]) == 1
        host.show()
        host.look()
        assert number_of(present(host.directory)[0]) == 2
        host.writer.close()


def test_a_crash_between_record_and_deletion_is_gone_on_from(tmp_path: Path) -> None:
    host = Host(tmp_path / "log")
    with no_sync():
        host.start()
        while not host.look():
            host.record("order", {"n": 1})
            host.show()
        host.writer._release()
        assert judged(host.directory).verified
        host.start()
        host.live(random.Random(2), 60)
        host.writer.close()
    report = judged(host.directory)
    assert report.verified, report.reason
    assert report.retired > 0


def test_the_writer_continues_what_was_retired_and_refuses_what_was_deleted(tmp_path: Path) -> None:
    host = grown(tmp_path / "log", random.Random(3))
    with no_sync():
        AuditWriter(host.directory, host_id="pi").close()
    assert judged(host.directory).verified
    present(host.directory)[0].unlink()
    with pytest.raises(AuditBroken, match="no record retires it"):
        AuditWriter(host.directory, host_id="pi")


def test_nobody_else_can_append_a_retirement(tmp_path: Path) -> None:
    with no_sync(), AuditWriter(tmp_path / "log", host_id="pi") as writer:
        with pytest.raises(AuditRecordError, match="belongs to the log itself"):
            writer.append("retired", "engine", {})


# ---- attacks ----------------------------------------------------------------------------------


def delete_more(rng: random.Random, host: Host) -> None:
    """Delete one or more further segments from the beginning."""
    paths = present(host.directory)
    for path in paths[: rng.randint(1, len(paths) - 1)]:
        path.unlink()


def delete_all_but_the_newest_and_say_so(rng: random.Random, host: Host) -> None:
    """Delete, and append a retirement that fits; no receipt vouches for it."""
    paths = present(host.directory)
    cut = rng.randint(1, len(paths) - 1)
    with no_sync(), AuditWriter(host.directory, host_id="pi") as writer:
        _retire(writer, paths[cut - 1])
    for path in paths[:cut]:
        path.unlink()


def delete_unvouched(rng: random.Random, host: Host) -> None:
    """The live host retires what no receipt has vouched for yet, and then has the witness sign it."""
    with no_sync():
        writer = AuditWriter(host.directory, host_id="pi", segment_bytes=SEGMENT_BYTES)
        newest = number_of(present(host.directory)[-1])
        while number_of(present(host.directory)[-1]) < newest + 3:
            writer.append("order", "guard", {"n": rng.getrandbits(30)})
            writer.commit()
        paths = present(host.directory)[:-1]
        _retire(writer, paths[-1])
        receipt = host.witness.show(*writer.head)
        assert receipt is not None
        writer.append("receipt", "guard", receipt)
        writer.close()
    for path in paths:
        path.unlink()


def _rewritten(rng: random.Random, host: Host, change: Callable[[dict], dict]) -> None:
    """Change the newest retirement, and seal everything after it anew."""
    chain = [parse(line) for line in chain_of(host.directory)]
    at = max(place for place, record in enumerate(chain) if record.kind == "retired")
    out = chain_of(host.directory)[:at]
    made = Log([record.hash for record in chain[:at]], list(out))
    made.hashes = ["0" * 64] * (chain[0].seq - 1) + made.hashes
    made.lines = [b""] * (chain[0].seq - 1) + made.lines
    for record in chain[at:]:
        data = change(record.data) if record.seq == chain[at].seq else record.data
        made.append(record.kind, data, origin=record.origin)
    _lay_out(host.directory, made.lines[chain[0].seq - 1 :])


def name_another_segment(rng: random.Random, host: Host) -> None:
    _rewritten(rng, host, lambda data: {**data, "segments": data["segments"] + rng.choice([-1, 1])})


def name_another_record(rng: random.Random, host: Host) -> None:
    _rewritten(rng, host, lambda data: {**data, "records": data["records"] - rng.randint(1, 3)})


def name_another_head(rng: random.Random, host: Host) -> None:
    _rewritten(rng, host, lambda data: {**data, "head": rng.randbytes(32).hex()})


def forge_its_receipt(rng: random.Random, host: Host) -> None:
    forged = Witness(1, 10**6, 2, rng.randbytes(32).hex()).receipt(bytes(32))
    _rewritten(rng, host, lambda data: {**data, "receipt": forged})


def leave_its_receipt_out(rng: random.Random, host: Host) -> None:
    _rewritten(rng, host, lambda data: {**data, "receipt": None})


def take_the_retirement_out(rng: random.Random, host: Host) -> None:
    """Leave every retirement out, and seal the rest anew."""
    chain = [parse(line) for line in chain_of(host.directory)]
    first = chain[0].seq - 1
    made = Log(["0" * 64] * (first - 1) + [chain[0].prev], [b""] * first)
    for record in chain:
        if record.kind != "retired":
            made.append(record.kind, record.data, origin=record.origin)
    _lay_out(host.directory, made.lines[first:])


def cut_and_jump_ahead(rng: random.Random, host: Host) -> None:
    """Cut the log back, write past the witness's count, and retire where the receipts would gap."""
    _jump(rng, host, lambda real, cut: real[max(count for count in real if count <= cut)])


def cut_and_jump_with_the_newest_receipt(rng: random.Random, host: Host) -> None:
    """The same, and the retirement carries a receipt after which the numbers have no gap."""
    _jump(rng, host, lambda real, cut: real[max(real)])


def cut_and_jump_with_a_forged_receipt(rng: random.Random, host: Host) -> None:
    """The same with a receipt that would fit, under a key that is not the witness's."""
    witness = host.witness

    def forged(_real: dict[int, dict], cut: int) -> dict:
        return Witness(witness.epoch, witness.number - 1, cut).receipt(bytes(32))

    _jump(rng, host, forged)


def _jump(rng: random.Random, host: Host, carried: Callable[[dict[int, dict], int], dict]) -> None:
    chain = [parse(line) for line in chain_of(host.directory)]
    real = {record.data["count"]: record.data for record in chain if record.kind == "receipt"}
    first = chain[0].seq - 1
    vouched = [count for count in real if first + 1 < count < host.witness.count]
    cut = rng.choice(vouched)  # a forged log that goes on from here
    made = Log(["0" * 64] * (cut - 1) + [chain[cut - first - 1].hash], [b""] * cut)
    while len(made.lines) <= host.witness.count:
        made.append("order", {"n": rng.getrandbits(30)})
    made.show(host.witness)
    gone = {"segments": 1, "records": cut, "head": made.hashes[cut - 1]}
    limits = {"keep_days": 0.0, "keep_bytes": 1, "receipt": carried(real, cut)}
    made.append("retired", {**gone, **limits}, origin="recorder")
    made.show(host.witness)
    for path in present(host.directory):
        path.unlink()
    (host.directory / "audit-000002.jsonl").write_bytes(b"".join(made.lines[cut:]))


def _retire(writer: AuditWriter, path: Path) -> None:
    last = parse(path.read_bytes().splitlines(True)[-1])
    writer.retire(Retention(writer, Keep(size_bytes=1))._account(path, last))
    writer.commit()


def _lay_out(directory: Path, lines: list[bytes]) -> None:
    """The lines in the segments that are there, the first of which keeps its beginning."""
    paths = present(directory)
    lengths = [len(path.read_bytes().splitlines()) for path in paths[:-1]]
    for path, length in zip(paths, [*lengths, len(lines)], strict=True):
        path.write_bytes(b"".join(lines[:length]))
        lines = lines[length:]


ATTACKS = (
    delete_more,
    delete_all_but_the_newest_and_say_so,
    delete_unvouched,
    name_another_segment,
    name_another_record,
    name_another_head,
    forge_its_receipt,
    leave_its_receipt_out,
    take_the_retirement_out,
    cut_and_jump_ahead,
    cut_and_jump_with_the_newest_receipt,
    cut_and_jump_with_a_forged_receipt,
)


def test_every_attack_on_retention_is_found(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    found: Counter = Counter()
    cases = max(5 * len(ATTACKS), CASES // 10)
    for case in range(cases):
        rng = random.Random(case)
        attack = ATTACKS[case % len(ATTACKS)]
        host = grown(tmp_path / str(case), rng, rng.randint(40, 80))
        assert judged(host.directory).verified
        attack(rng, host)
        report = judged(host.directory)
        assert not report.verified, (case, attack.__name__)
        assert report.reason
        assert "\n" not in report.reason
        found[attack.__name__] += 1
    with capsys.disabled():
        print(f"\n  {cases} attacks on retention, all found:")
        for name, count in found.items():
            print(f"    {name.replace('_', ' '):40} {count}")


GOOD = {"segments": 1, "records": 1, "head": "", "receipt": None, "keep_days": 1, "keep_bytes": 1}


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {**GOOD, "records": 0},
        {**GOOD, "segments": "1"},
        {**GOOD, "records": True},
        {**GOOD, "head": 1},
        {**GOOD, "receipt": {}},
        {**GOOD, "more": 1},
        {key: GOOD[key] for key in GOOD if key != "keep_days"},
    ],
)
def test_what_is_not_a_retirement_is_named(tmp_path: Path, broken: dict) -> None:
    with no_sync(), AuditWriter(tmp_path / "log", host_id="pi") as writer:
        writer.retire(broken)
    report = judged(tmp_path / "log")
    assert not report.verified
    assert report.first_bad == 2
    assert "retires" in report.reason or "receipt in it is none" in report.reason
