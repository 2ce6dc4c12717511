"""Out of range, of another version, of another host, foreign or empty: refused with the reason.

The cases for the configuration are made from its types, so that a new key is tried by itself.
"""

import math
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from host import config, layout, shm
from host.audit import AuditBroken
from host.audit.verify import verify
from host.audit.writer import AuditWriter

GOOD = tomllib.loads(config.DEFAULT.read_text())
VENUE = {"name": "paper", "socket": "venue.sock"}
FOREIGN = [
    math.nan,
    math.inf,
    -math.inf,
    -1,
    0,
    2**80,
    1e300,
    "",
    "\n",
    "loosened:",
    [],
    [1],
    {},
    True,
]


def keys() -> Iterator[tuple[str, str, inspect.Type]]:
    """Yield section, key and type of everything that may be configured."""
    for section in inspect.type_info(config.Config).fields:  # type: ignore[attr-defined]
        table = getattr(section.type, "item_type", section.type)  # [[section]] is a list of tables
        for field in table.fields:
            yield section.name, field.name, field.type


KEYS = list(keys())


def load(tmp_path: Path, section: str, key: str, value: Any) -> config.Config:
    """Load the default configuration with one value changed."""
    data = msgspec.json.decode(msgspec.json.encode(GOOD))
    table = data.setdefault(section, [dict(VENUE)] if section == "venue" else {})
    (table[0] if isinstance(table, list) else table)[key] = value
    file = tmp_path / "bot4.toml"
    file.write_text(toml(data))
    return config.load(file)


def toml(data: dict[str, Any]) -> str:
    """Write sections of plain values."""
    lines = []
    for section, tables in data.items():
        many = isinstance(tables, list)
        for values in tables if many else [tables]:
            lines.append(f"[[{section}]]" if many else f"[{section}]")
            lines += [f"{key} = {spell(value)}" for key, value in values.items()]
    return "\n".join(lines)


def spell(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return "{}" if value == {} else msgspec.json.encode(value).decode()


def accepts(kind: inspect.Type, value: Any) -> bool:
    """Return whether a value can be in range for a type, by what msgspec alone knows of it."""
    try:
        msgspec.convert(value, msgspec_type(kind), strict=True)
    except (msgspec.ValidationError, OverflowError):
        return False
    return True


def msgspec_type(kind: inspect.Type) -> Any:
    names = {inspect.IntType: int, inspect.FloatType: float, inspect.StrType: str,
             inspect.BoolType: bool, inspect.ListType: list, inspect.DictType: dict}  # fmt: skip
    if isinstance(kind, inspect.Metadata):
        return msgspec_type(kind.type)
    if isinstance(kind, inspect.UnionType):
        union = [msgspec_type(part) for part in kind.types]
        return union[0] if len(union) == 1 else union[0] | union[1]
    return names.get(type(kind), str)


@pytest.mark.parametrize(("section", "key", "kind"), KEYS, ids=[f"{s}.{k}" for s, k, _t in KEYS])
def test_every_key_refuses_what_is_out_of_its_range_and_names_it(
    tmp_path: Path, section: str, key: str, kind: inspect.Type
) -> None:
    refused = 0
    for value in FOREIGN:
        try:
            load(tmp_path, section, key, value)
        except config.ConfigError as error:
            refused += 1
            line = str(error)
            assert "\n" not in line
            assert f"[{section}]" in line or f"[{section}[0]]" in line, (value, line)
        else:
            assert accepts(kind, value), f"{section}.{key} = {value!r} was taken"
            assert not (isinstance(value, float) and not math.isfinite(value)), (key, value)
    assert refused >= 5


HEADER = [layout.HEAD_MAGIC, layout.HEAD_VERSION, layout.HEAD_KIND]


@pytest.mark.parametrize("word", HEADER)
@pytest.mark.parametrize("value", [0, 4, 9, 2**32, 2**64 - 1])
def test_a_page_of_another_version_or_kind_is_refused(word: int, value: int) -> None:
    page = shm.create(layout.KIND_ENGINE, "test")
    page.words.store(word, value)
    with pytest.raises(shm.PageError, match="header"):
        shm.attach(page.fd, layout.KIND_ENGINE)
    page.close()


def log_of(directory: Path, host_id: str) -> Path:
    with AuditWriter(directory, host_id=host_id) as writer:
        writer.append("note", "test", {})
    return directory


def test_the_log_of_another_host_is_not_continued(tmp_path: Path) -> None:
    log_of(tmp_path / "audit", "other")
    before = (tmp_path / "audit" / "audit-000001.jsonl").read_bytes()
    with pytest.raises(AuditBroken, match="other"):
        AuditWriter(tmp_path / "audit", host_id="this")
    assert (tmp_path / "audit" / "audit-000001.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"not a log\n", os.urandom(64), b'{"seq":1}\n'], ids=["text", "noise", "record"]
)
def test_a_foreign_segment_is_not_continued_and_not_verified(
    tmp_path: Path, content: bytes
) -> None:
    segment = tmp_path / "audit-000001.jsonl"
    segment.write_bytes(content)
    with pytest.raises(AuditBroken):
        AuditWriter(tmp_path, host_id="this")
    assert segment.read_bytes() == content
    assert not verify(tmp_path).verified


def test_an_empty_or_foreign_folder_is_no_log(tmp_path: Path) -> None:
    for name in ("empty", "foreign"):
        (tmp_path / name).mkdir()
    (tmp_path / "foreign" / "holiday.jpg").write_bytes(b"x")
    for name in ("empty", "foreign", "none"):
        command = [sys.executable, "-m", "bot4", "audit", "verify", str(tmp_path / name)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert name in done.stderr
