"""Lines of the robot's serial protocol: `NUMBER WORDS*CRC`, CRC-32 in eight hex digits.

The host numbers its lines, and an answer has the number of what it answers: `NUMBER OK WORDS` or
`NUMBER NO REASON`. Number 0 is never answered. A line whose CRC does not hold is dropped and counted.
"""

from binascii import crc32


def pack(number, words):
    """Return a line as bytes."""
    text = "%d %s" % (number, words)
    return b"%s*%08x\n" % (text.encode(), crc32(text.encode()) & 0xFFFFFFFF)


def unpack(line):
    """Return (number, words) of a line without its end; ValueError when it is none."""
    text, star, told = line.rpartition(b"*")
    if not star or len(told) != 8 or int(told, 16) != crc32(text) & 0xFFFFFFFF:
        raise ValueError("no such line")
    number, _space, words = text.decode().partition(" ")
    return int(number), words
