"""Whose log a folder holds: the host that its newest "open" record names."""

import mmap
from contextlib import suppress
from pathlib import Path
from typing import Any

from host.audit import AuditBroken, AuditRecordError
from host.audit.record import FORMAT_VERSION, KIND_OPEN, SEGMENT_PREFIX, parse

_MARK = b',"kind":"%b",' % KIND_OPEN.encode()


def require_owner(directory: Path, host_id: str) -> None:
    """Raise AuditBroken when the log in `directory` is of another host or format: it is not continued.

    A log without any "open" record (all in segments that are no longer kept) names nobody.
    """
    for path in sorted(directory.glob(f"{SEGMENT_PREFIX}*"), reverse=True):
        opened = _opened(path)
        if opened is None:
            continue
        owner, version = str(opened.get("host_id")), opened.get("format")
        if owner != host_id:
            raise AuditBroken(f"{directory}: the log of host {owner!r}, and this is {host_id!r}")
        if version != FORMAT_VERSION:
            raise AuditBroken(
                f"{directory}: a log of format {version!r}, and this version writes {FORMAT_VERSION}"
            )
        return


def _opened(path: Path) -> dict[str, Any] | None:
    """Return what the last "open" record in a segment says; None without one."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            at = content.rfind(_MARK)
            while at >= 0:
                start, end = content.rfind(b"\n", 0, at) + 1, content.find(b"\n", at) + 1
                # The mark may also stand in the data of another record, or in a torn line.
                with suppress(AuditRecordError):
                    record = parse(content[start:end])
                    if record.kind == KIND_OPEN:
                        return record.data
                at = content.rfind(_MARK, 0, start)
    return None
