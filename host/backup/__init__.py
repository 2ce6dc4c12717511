"""The record and the state of a host as one file, and back.

places   what is kept, under which name, and where it lies
archive  the file: contents first, then a manifest with their digests
making   a backup, also of a running host
restore  all of it checked before any of it is put anywhere; nothing is overwritten

Keys and the configuration are not in it.
"""


class BackupError(Exception):
    """A backup cannot be made or used; the text is one line."""
