"""What the enrichment costs and brings, from its files opened read-only."""

from __future__ import annotations

import os
import select
import signal
from typing import TYPE_CHECKING

import msgspec

from host import realtime
from host.dashboard import landlock, view

if TYPE_CHECKING:
    from host.enrich.settings import Enrichment


# s. Between two looks, and what one may take.
PERIOD_S, LONGEST_S = 30.0, 20.0
# A pipe takes so much at once.
MOST_BYTES = 65_536


def costs(settings: Enrichment) -> view.Enrichment:
    """Return the month's budget and the verdict; `why` says what is missing."""
    if not settings.enabled:
        return view.Enrichment(enabled=False)
    try:
        from host.enrich import report
        from host.enrich.money import TICKS_PER_USD

        found = report.report(settings)
    except ImportError as error:
        why = f"{error.name} is missing: pip install 'bot4[enrich]'"
        return view.Enrichment(enabled=True, why=why)
    budget, roi = found["budget"], found["roi"]
    usd = {name: budget[f"{name}_ticks"] / TICKS_PER_USD
           for name in ("spent", "committed", "limit") if f"{name}_ticks" in budget}  # fmt: skip
    return view.Enrichment(
        enabled=True,
        why=budget.get("unavailable", ""),
        off=str(found["off"]),
        month=budget.get("month"),
        spent_usd=usd.get("spent"),
        committed_usd=usd.get("committed"),
        limit_usd=usd.get("limit"),
        requests=budget.get("requests"),
        hit_rate=found["decisions"]["hit_rate"],
        verdict=f"{roi['verdict']}: {roi['why']}",
        net_quote=roi["net"],
        low_quote=roi["low"],
        high_quote=roi["high"],
    )


class Apart:
    """Looks in a process of its own: a shared ledger may answer late, and SQLite opens a file that is
    in use for writing unless it is kept from that (host.dashboard.landlock).
    """

    def __init__(self) -> None:
        self.last: view.Enrichment | None = None
        self._pid = 0
        self._pipe = -1
        self._begun_s = -1e9

    def turn(self, settings: Enrichment, now_s: float) -> None:
        """Begin a look when one is due, and take what one has found; nothing here waits."""
        if self._pid and self._ready(now_s):
            self._take()
        if not self._pid and now_s - self._begun_s >= PERIOD_S:
            self._begin(settings, now_s)

    def forget(self) -> None:
        """The settings are others: look again."""
        self.last, self._begun_s = None, -1e9

    def close(self) -> None:
        """End a look that is under way."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            self._take()

    def _begin(self, settings: Enrichment, now_s: float) -> None:
        self._begun_s = now_s
        if not settings.enabled:
            self.last = costs(settings)
            return
        self._pipe, theirs = os.pipe2(os.O_CLOEXEC)
        self._pid = os.fork()
        if self._pid:
            os.close(theirs)
            return
        try:
            realtime.die_with_parent()
            landlock.read_only()
            os.write(theirs, msgspec.json.encode(costs(settings)))
        finally:
            os._exit(0)

    def _ready(self, now_s: float) -> bool:
        if now_s - self._begun_s > LONGEST_S:
            os.kill(self._pid, signal.SIGKILL)
            return True
        return bool(select.select([self._pipe], [], [], 0)[0])

    def _take(self) -> None:
        """Nothing at all, or a part of it, is a look that has failed."""
        said = os.read(self._pipe, MOST_BYTES)
        os.close(self._pipe)
        os.waitpid(self._pid, 0)
        self._pid = 0
        try:
            self.last = msgspec.json.decode(said, type=view.Enrichment)
        except msgspec.DecodeError:
            self.last = view.Enrichment(enabled=True, why="its files could not be looked at")
