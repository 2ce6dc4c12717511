"""The verifier on the page, as it stands there: it passes logs of the recorder's code and no other."""

import hashlib
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host.audit.verify import verify
from tests.audit.audit_logs import hash_of, lines, make_log, rechain, seal_body, segments, split
from tests.audit.witnessed import KEY, Log, Witness, honest
from tests.docs import sandbox
from tests.docs.pages import HOUSE, blocks

(PAGE,) = [
    block for block in blocks(HOUSE / "docs" / "audit-log.md") if block.title == "check_log.py"
]
SCRIPT = "\n".join(PAGE.lines) + "\n"


@pytest.fixture(scope="module")
def check() -> Callable[[Path, bytes | None], tuple[int, int]]:
    """The page's own function."""
    found: dict[str, Any] = {"__name__": "check_log"}
    exec(compile(SCRIPT, "check_log.py", "exec"), found)
    return found["check"]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Several segments with receipts and power cycles, by the recorder's writer."""
    sandbox.log(tmp_path / "audit")
    assert len(segments(tmp_path / "audit")) > 2
    return tmp_path / "audit"


KEYS = ("other", "bad", "none")


def run(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the script as a reader does, with nothing of ours to be imported."""
    script = tmp_path / "check_log.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-I", str(script), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_it_needs_nothing_of_ours() -> None:
    assert "bot4" not in SCRIPT.replace("bot4 receipt", "")
    assert "import host" not in SCRIPT
    assert len(PAGE.lines) <= 70


def test_a_reader_runs_it(log: Path, tmp_path: Path) -> None:
    good = verify(log, witness_key=KEY)
    done = run(tmp_path, str(log))
    assert done.returncode == 0, done.stderr
    told = f"{good.records} records as written, receipts up to record {good.receipts_to}\n"
    assert done.stdout == told
    (tmp_path / "witness.hex").write_text(KEY.hex() + "\n")
    assert run(tmp_path, str(log), str(tmp_path / "witness.hex")).stdout == told
    first = segments(log)[0]
    first.write_bytes(first.read_bytes().replace(b'"n":3', b'"n":4', 1))
    done = run(tmp_path, str(log))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("NOT as written: record 6: altered")


def test_no_log_and_a_wrong_key_are_one_line(log: Path, tmp_path: Path) -> None:
    (tmp_path / "other.hex").write_text(KEY[::-1].hex())
    (tmp_path / "bad.hex").write_text("no key")
    with_keys = [[str(log), str(tmp_path / f"{name}.hex")] for name in KEYS]
    for words in ([], [str(tmp_path / "none")], *with_keys):
        done = run(tmp_path, *words)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1


def test_every_changed_byte_is_found(check: Callable, tmp_path: Path) -> None:
    log = make_log(tmp_path / "audit", records=12)
    records, _ = check(log, None)
    assert records == 14
    tried = 0
    for path in segments(log):
        content = path.read_bytes()
        for place in range(0, len(content), 3):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            with pytest.raises(ValueError, match="record"):
                check(log, None)
            tried += 1
        path.write_bytes(content)
    print(f"{tried} changed bytes, all found")
    assert tried > 1000


def without(chain: list[bytes], at: int) -> list[bytes]:
    return chain[:at] + chain[at + 1 :]


def swapped(chain: list[bytes], at: int) -> list[bytes]:
    return [*chain[:at], chain[at + 1], chain[at], *chain[at + 2 :]]


def doubled(chain: list[bytes], at: int) -> list[bytes]:
    return [*chain[: at + 1], *chain[at:]]


@pytest.mark.parametrize("attack", [without, swapped, doubled])
def test_a_record_gone_moved_or_added_is_found(
    check: Callable, log: Path, tmp_path: Path, attack: Callable
) -> None:
    chain = lines(log)
    for at in range(len(chain) - 1):
        other = tmp_path / f"{attack.__name__}-{at}"
        other.mkdir()
        (other / "audit-000001.jsonl").write_bytes(b"".join(attack(chain, at)))
        with pytest.raises(ValueError, match="record"):
            check(other, None)


def test_a_segment_gone_and_a_torn_line_are_found(check: Callable, log: Path) -> None:
    middle = segments(log)[1]
    content = middle.read_bytes()
    middle.unlink()
    with pytest.raises(LookupError):
        check(log, None)
    middle.write_bytes(content[:-1])
    with pytest.raises(ValueError, match="torn"):
        check(log, None)
    middle.write_bytes(content)
    segments(log)[0].unlink()
    with pytest.raises(ValueError, match="not retired"):
        check(log, None)


def test_who_writes_the_chain_anew_is_found_by_the_receipts(check: Callable, log: Path) -> None:
    chain = lines(log)
    orders = [at for at, line in enumerate(chain) if b'"engine"' in line]
    for at in (orders[0], orders[len(orders) // 2]):
        changed = list(chain)
        body = chain[at][: chain[at].rindex(b',"hash":')]
        changed[at] = seal_body(body.replace(b'"engine"', b'"engins"'))
        assert changed[at] != chain[at]
        rewritten = rechain(changed, at + 1)
        for path in segments(log):
            path.unlink()
        (log / "audit-000001.jsonl").write_bytes(b"".join(rewritten))
        with pytest.raises(ValueError, match="receipt"):
            check(log, KEY)


def test_a_log_cut_and_continued_is_found(check: Callable, log: Path, tmp_path: Path) -> None:
    chain = lines(log)
    receipts = [at for at, line in enumerate(chain) if b'"kind":"receipt"' in line]
    begin, later = receipts[3], receipts[5]
    continued = rechain([*chain[:begin], *chain[later:]], begin)
    continued = [seal_seq(line, at) for at, line in enumerate(continued, 1)]
    continued = rechain(continued, 1)
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "audit-000001.jsonl").write_bytes(b"".join(continued))
    with pytest.raises(ValueError, match="receipt"):
        check(tmp_path / "cut", None)


def seal_seq(line: bytes, seq: int) -> bytes:
    """The same record under another number."""
    body = line[: line.rindex(b',"hash":')]
    return seal_body(b'{"seq":%d' % seq + body[body.index(b",") :])


def test_it_agrees_with_ours_on_honest_logs(check: Callable, tmp_path: Path) -> None:
    for seed in range(10):
        log, witness = Log(), Witness()
        honest(random.Random(seed), 60, log, witness)
        folder = log.write(tmp_path / str(seed))
        report = verify(folder, witness_key=KEY, settle_s=0)
        assert check(folder, KEY) == (report.records, report.receipts_to)


def test_retired_segments_are_believed_when_a_record_and_a_receipt_say_so(
    check: Callable, tmp_path: Path
) -> None:
    log, witness = Log(), Witness()
    honest(random.Random(1), 60, log, witness)
    receipt = None
    for line in log.lines[:40]:
        if b'"kind":"receipt"' in line:
            receipt = json.loads(line)["data"]
    told = {"segments": 1, "records": 40, "head": log.hashes[39], "receipt": receipt}
    log.append("retired", {**told, "keep_days": 1.0, "keep_bytes": 0}, origin="recorder")
    unvouched = log.cut(len(log.lines))
    log.show(witness)
    for name, made, good in (("vouched", log, True), ("unvouched", unvouched, False)):
        folder = made.write(tmp_path / name)
        (folder / "audit-000001.jsonl").unlink()
        assert verify(folder, witness_key=KEY, settle_s=0).verified is good
        if good:
            assert check(folder, KEY)[0] == len(log.lines)
        else:
            with pytest.raises(ValueError, match="not retired"):
                check(folder, KEY)


def test_the_shell_line_of_the_page_computes_the_hash(log: Path) -> None:
    if shutil.which("sha256sum") is None:
        pytest.skip("sha256sum is not installed")
    text = (HOUSE / "docs" / "audit-log.md").read_text()
    assert "head -c -76 | sha256sum" in text
    command = f"head -n 1 {segments(log)[0]} | head -c -76 | sha256sum"
    told = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
    line = split(segments(log)[0].read_bytes())[0]
    assert told.split()[0] == hash_of(line) == hashlib.sha256(line[:-76]).hexdigest()
