"""The tamper-evident audit log: record format, writer and independent verifier.

What can go wrong, and who has to act:

    AuditError
    +-- AuditRecordError   this record cannot be written as asked (the caller's data is at fault)
    +-- AuditBusy          another recorder holds the log
    +-- AuditBroken        the log on disk is foreign or was changed; a person has to look
    +-- AuditWriteError    the disk refused; nothing unconfirmed counts as written, try again
    +-- AuditInputError    there is nothing here that could be verified

Every message is one line. The modules: `record` (format), `writer` (append, group commit),
`recovery` (what the writer does on opening), `disk` (its disk operations), `verify` (shares only
constants).
"""


class AuditError(Exception):
    """Base of everything that this package raises on purpose."""


class AuditRecordError(AuditError):
    """A record, or the data for one, is outside the format; nothing was buffered."""


class AuditBusy(AuditError):
    """Another writer has the log open."""


class AuditBroken(AuditError):
    """The log on disk is not what this writer could have left; it is never continued silently."""


class AuditWriteError(AuditError):
    """The disk refused. What was not committed stays buffered, and a later commit may succeed."""


class AuditInputError(AuditError):
    """Missing, empty, unreadable or foreign directory: there is no log to judge."""
