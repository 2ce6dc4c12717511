"""What pools, queues, seqlocks and decisions answer: one table for compiled code and documents.

No exception is raised on the hot path. A call that returns a number returns one above 0, or 0, when it
did what it was asked for, and the code below with a minus sign when it did not.
"""

OUTCOMES = (
    # code, name, what it means
    (0, "OK", "done"),
    (1, "EXHAUSTED", "the pool has no free slot"),
    (2, "GIVEN_BACK", "the slot was given back before: a release came twice, or late"),
    (3, "FOREIGN_SLOT", "the slot belongs to another member"),
    (4, "NO_SUCH_SLOT", "this is no handle of a slot of this pool"),
    (5, "NOT_A_MEMBER", "closed, or inherited over a fork: attach again"),
    (6, "BUSY", "another member is giving back what the dead have left"),
    (10, "FULL", "the consumer is behind by the whole queue; counted as back-pressure"),
    (11, "EMPTY", "no message waits"),
    (12, "TOO_LONG", "the message does not fit into a cell"),
    (13, "UNFINISHED", "the next message is still being written"),
    (14, "NOT_THE_CONSUMER", "another living member takes from this queue"),
    (20, "NEVER_WRITTEN", "nothing has been published yet"),
    (21, "TORN", "the values changed, or were left half written, in every one of the tries"),
    (22, "TOO_OLD", "the values are older than asked for"),
    (23, "FROM_THE_FUTURE", "the values carry a time that has not come yet"),
    (30, "BAD_FORECAST", "the expected return is not a usable number"),
    (31, "BAD_SIGMA", "the standard deviation is not a usable number above 0"),
    (32, "BAD_SIGNAL", "the signal is not a usable number between -1 and 1"),
    (33, "BAD_POSITION", "the position is not a usable number"),
    (34, "BAD_MODE", "there is no such mode"),
    (40, "BAD_SIZE", "a size is zero, negative, not a whole number of words, or too large"),
    (41, "NOT_SEALED", "no sealed memory: its size could change under us"),
    (42, "HALF_MADE", "its maker has not finished it, or died before"),
    (43, "OTHER_VERSION", "made by another version of this code"),
    (44, "OTHER_KIND", "memory of another kind"),
    (45, "OTHER_RECORD", "its records have other fields or another size"),
    (46, "CUT_SHORT", "it is smaller or larger than its header says"),
    (47, "NO_ROOM", "it has as many members as it can have"),
)

NAMES = {code: name for code, name, _text in OUTCOMES}
MEANINGS = {code: text for code, _name, text in OUTCOMES}
(
    OK,
    EXHAUSTED,
    GIVEN_BACK,
    FOREIGN_SLOT,
    NO_SUCH_SLOT,
    NOT_A_MEMBER,
    BUSY,
    FULL,
    EMPTY,
    TOO_LONG,
    UNFINISHED,
    NOT_THE_CONSUMER,
    NEVER_WRITTEN,
    TORN,
    TOO_OLD,
    FROM_THE_FUTURE,
    BAD_FORECAST,
    BAD_SIGMA,
    BAD_SIGNAL,
    BAD_POSITION,
    BAD_MODE,
    BAD_SIZE,
    NOT_SEALED,
    HALF_MADE,
    OTHER_VERSION,
    OTHER_KIND,
    OTHER_RECORD,
    CUT_SHORT,
    NO_ROOM,
) = [row[0] for row in OUTCOMES]
