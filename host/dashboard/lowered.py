"""Giving up rights for good: users, new rights by exec, and writing to files."""

from __future__ import annotations

import ctypes
import os
import pwd
import resource

PR_SET_NO_NEW_PRIVS = 38
NICE = 10

_libc = ctypes.CDLL(None, use_errno=True)


def become(uid: int, gid: int) -> None:
    """Become this user alone, for good, when started as root. Raises OSError."""
    if os.geteuid() != 0 or uid == 0:
        return
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if os.getresuid() != (uid, uid, uid) or os.getresgid() != (gid, gid, gid):
        raise PermissionError(1, "the user could not be given up")


def write_no_file() -> None:
    """Let this process write not one byte into any file, gain no right by exec, and not compete."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    no_new_rights()
    os.nice(NICE)


def no_new_rights() -> None:
    """Let this process gain no right by exec. Raises OSError."""
    if _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_NO_NEW_PRIVS)")


def ids_of(user: str) -> tuple[int, int]:
    """Return (uid, gid). Raises KeyError for an unknown name."""
    found = pwd.getpwnam(user)
    return found.pw_uid, found.pw_gid
