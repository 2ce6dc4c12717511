"""The recorder: reads the rings of guard, engine and supervisor, writes the audit log.

loop     drains the rings, commits, shows the head to the witness
upkeep   the mode on disk, and the segments that are too old
showing  when a head is shown
"""
