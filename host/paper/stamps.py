"""When a packet was sent, from the kernel: SO_TIMESTAMPNS stamps turned into CLOCK_MONOTONIC.

For AF_UNIX datagrams and SEQPACKET the sender's `send()` stamps the packet in CLOCK_REALTIME, but
only if the receiving socket had the option on at that moment. Otherwise the kernel stamps it when
it is *read*, and nothing in the stamp tells the two apart (net/unix/af_unix.c unix_dgram_sendmsg;
include/net/sock.h sock_recv_timestamp; seen here: 50 ms late). An accepted socket does not inherit
the option from its listener. So packets that were in the queue before the option was on are
treated as unstamped by the caller (`Trust`).
"""

from __future__ import annotations

import socket
import struct
import time

# asm-generic/socket.h, the same number on x86-64 and aarch64; Python 3.11 has no name for it.
SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@qq")
ANCILLARY_BYTES = socket.CMSG_SPACE(_TIMESPEC.size)  # room for the stamp and for no file descriptor

# ns. Realtime minus monotonic only changes when the wall clock is set (NTP slews both alike);
# a sample here is good to a few microseconds unless it is preempted.
_STEP_NS = 200_000
_GOOD_SAMPLE_NS = 20_000
_SAMPLES = 8

BEFORE_STAMPING = "sent before stamping was on, or queued with such a packet"
CLOCK_STEPPED = "the wall clock was set while packets may have been queued"
NO_STAMP = "the kernel gave no stamp"


def switch_on(connection: socket.socket) -> None:
    """Ask the kernel to stamp what is sent to this socket from now on."""
    connection.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)


def wall_ns(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    """The CLOCK_REALTIME stamp among the ancillary data of one packet, or None."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS and len(data) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(data)
            return int(seconds) * 1_000_000_000 + int(nanoseconds)
    return None


class WallOffset:
    """CLOCK_REALTIME minus CLOCK_MONOTONIC in ns, sampled anew for each packet."""

    def __init__(self) -> None:
        self.offset_ns = 0
        self.steps = 0  # how often the wall clock was set
        self.sample()
        self.steps = 0

    def sample(self) -> int:
        """Take a sample; returns the CLOCK_MONOTONIC time in ns at its end."""
        best_ns = None
        for _ in range(_SAMPLES):
            before_ns = time.monotonic_ns()
            now_wall_ns = time.time_ns()
            after_ns = time.monotonic_ns()
            if best_ns is None or after_ns - before_ns < best_ns:
                best_ns = after_ns - before_ns
                offset_ns = now_wall_ns - (before_ns + after_ns) // 2
            if best_ns <= _GOOD_SAMPLE_NS:
                break
        if abs(offset_ns - self.offset_ns) > _STEP_NS:
            self.steps += 1
        self.offset_ns = offset_ns
        return after_ns

    def monotonic_ns(self, stamp_wall_ns: int) -> int:
        """A stamp in CLOCK_MONOTONIC; right only if no step came between it and the sample."""
        return stamp_wall_ns - self.offset_ns


class Trust:
    """Whether the stamps of one connection can be believed.

    Doubt begins with the connection and with each step of the wall clock, and ends when the queue
    has been seen empty: what comes after that was stamped by a send under the present offset.
    """

    def __init__(self, offset: WallOffset) -> None:
        self._offset = offset
        self._steps = offset.steps
        self._doubt: str | None = BEFORE_STAMPING

    def queue_was_empty(self) -> None:
        """Call when a read found nothing.

        It takes no sample on purpose: a step after the read must still count against what follows.
        """
        self._steps = self._offset.steps
        self._doubt = None

    def sent_ns(self, stamp_wall_ns: int | None) -> tuple[int | None, str | None]:
        """CLOCK_MONOTONIC of the send, or None and the reason. Sample the offset before."""
        if self._offset.steps != self._steps:
            self._steps = self._offset.steps
            self._doubt = CLOCK_STEPPED
        if stamp_wall_ns is None:
            return None, NO_STAMP
        if self._doubt:
            return None, self._doubt
        return self._offset.monotonic_ns(stamp_wall_ns), None
