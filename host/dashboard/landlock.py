"""Landlock: from here on this process opens no file for writing, whoever it is (linux/landlock.h)."""

from __future__ import annotations

import ctypes
import os
import struct

from host.dashboard.lowered import no_new_rights

# The system calls have the same numbers on every architecture.
CREATE_RULESET, RESTRICT_SELF = 444, 446
VERSION_FLAG = 1
# LANDLOCK_ACCESS_FS_*: by the version that brought them, what changes a file or a folder.
WRITE_FILE, REMOVE_AND_MAKE, REFER, TRUNCATE = 1 << 1, 0x1FF << 4, 1 << 13, 1 << 14
SINCE = ((1, WRITE_FILE | REMOVE_AND_MAKE), (2, REFER), (3, TRUNCATE))

_libc = ctypes.CDLL(None, use_errno=True)


def read_only() -> bool:
    """Forbid every change of a file for good; False where the kernel knows no Landlock.

    It also keeps this process from looking into others, and from gaining rights. Raises OSError.
    """
    version = _libc.syscall(CREATE_RULESET, None, 0, VERSION_FLAG)
    if version < 1:
        return False
    no_new_rights()  # or the kernel wants CAP_SYS_ADMIN
    rights = sum(right for since, right in SINCE if version >= since)
    attributes = struct.pack("<Q", rights)
    ruleset = _libc.syscall(CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "landlock_create_ruleset")
    try:
        if _libc.syscall(RESTRICT_SELF, ruleset, 0) != 0:
            raise OSError(ctypes.get_errno(), "landlock_restrict_self")
    finally:
        os.close(ruleset)
    return True
