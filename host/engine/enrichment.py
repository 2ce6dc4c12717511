"""The engine's end of the enrichment: one read of shared memory a decision, and never a wait.

The enricher hands its page over on a socket. When it is not there, or its page is not what it should be,
the last page goes on ageing and the factor becomes 1: as if there were no enrichment.
"""

import contextlib
import select
import socket
from collections.abc import Callable
from pathlib import Path

import msgspec

from host import layout, shm
from host.enrich import snapshot
from host.enrich.link import Part, socket_path
from host.enrich.settings import Enrichment
from host.hotpath.opinion import OpinionReader
from host.hotpath.shadow import Shadow

NS = 1_000_000_000
RECONNECT_NS = 1 * NS
PART_NS = 60 * NS
BPS = 1e-4


class Opinions:
    """What one symbol's decisions know of the enrichment. tell(kind, **data) -- for the audit log."""

    def __init__(
        self,
        settings: Enrichment,
        symbol: str,
        run_dir: Path,
        poller: select.poll,
        tell: Callable[..., None],
    ) -> None:
        self._settings = settings
        self._symbol = symbol
        self._path = str(socket_path(run_dir))
        self._poller = poller
        self._tell = tell
        self._shadow = Shadow(settings.shadow_fee_bps * BPS)
        self._sock: socket.socket | None = None
        self._reader: OpinionReader | None = None
        self._hits = 0  # of the readers before
        self._told = (0.0, 0, 0, 0)
        self._tried_ns = self._told_ns = 0

    def factor(self, price: float, lot: float, target: int) -> float:
        """Return the factor for one decision and give the shadow its share of it; 1 without opinion."""
        factor = self._reader.factor() if self._reader is not None else 1.0
        self._shadow.take(price, lot, target, factor)
        return factor

    def turn(self, now_ns: int) -> None:
        """Connect when nobody is there, and tell what the shadow decisions came to; call every pass."""
        if self._sock is None and now_ns - self._tried_ns >= RECONNECT_NS:
            self._tried_ns = now_ns
            self._connect()
        if self._sock is not None and now_ns - self._told_ns >= PART_NS:
            self._told_ns = now_ns
            self._tell_part()

    def hear(self, fd: int) -> bool:
        """Take what arrived on a descriptor; False when it is not ours."""
        if self._sock is None or self._sock.fileno() != fd:
            return False
        try:
            data, fds = shm.receive_fds(self._sock)
        except BlockingIOError:
            return True
        except OSError as error:
            self._lose(str(error))
            return True
        try:
            if len(fds) != 1:
                self._lose("it left" if not data else "it handed over no page")
                return True
            page = shm.attach(fds[0], layout.KIND_ENRICHER)
            wanted = self._settings
            cut, ttl_s = wanted.most_cut_share, wanted.ttl_s
            reader = snapshot.reader(page, list(wanted.symbols), self._symbol, cut, ttl_s)
        except OSError as error:
            self._lose(str(error))
        else:
            self._hits += self._reader.hits if self._reader is not None else 0
            self._reader = reader
            self._tell("enrichment", what="connected")
        finally:
            shm.close_all(fds)
        return True

    def close(self) -> None:
        """Tell the enricher what there is left to tell, and leave it."""
        if self._sock is not None:
            self._tell_part()
            self._lose("we leave")

    def _connect(self) -> None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        try:
            sock.connect(self._path)
        except OSError:
            sock.close()
            return
        self._sock = sock
        self._poller.register(sock, select.POLLIN)

    def _lose(self, why: str) -> None:
        assert self._sock is not None
        self._poller.unregister(self._sock)
        self._sock.close()
        self._sock = None
        self._tell("enrichment", what="lost", why=why[:200])

    def _tell_part(self) -> None:
        shadow = self._shadow
        hits = self._hits + (self._reader.hits if self._reader is not None else 0)
        now = (shadow.gain, shadow.decisions, hits, shadow.changed)
        gain, *counts = (a - b for a, b in zip(now, self._told, strict=True))
        self._told = now
        part = Part(gain, *map(int, counts))
        self._tell("enrichment_part", **msgspec.structs.asdict(part))
        with contextlib.suppress(OSError):  # the audit log has it
            assert self._sock is not None
            self._sock.send(msgspec.json.encode(part))
