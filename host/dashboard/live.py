"""The running host as it can be seen from outside: the guard's status, and the words of its pages."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from controller import protocol
from controller import reasons as trip_reasons
from controller.times import PROFILES, Times
from host import forecast, layout
from host.dashboard import view
from host.dashboard.pages import FORECAST, Pages
from host.dashboard.worst import Worst
from host.guard.client import GuardClient

GUARD_S = 1.0
MS = 1e6
# ms. What the controller said last counts as what it says now for so long.
HEARD_MS = 2000


class Live:
    """Looks at the host; `guard` and `status` are the last answer, None when there was none."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._client: GuardClient | None = None
        self.pages = Pages(run_dir)
        self.status: dict[str, Any] | None = None
        self.guard: view.Guard | None = None
        self.guard_why = "not asked yet"
        self._asked_ns = 0
        self._worst = Worst()

    @property
    def guard_pid(self) -> int | None:
        """Process id of the guard that answers."""
        return self.status["guard_pid"] if self.status else None

    def ask(self) -> None:
        """Ask the guard for its status, over one connection that stays."""
        try:
            if self._client is None:
                self._client = GuardClient(self._run_dir, GUARD_S)
            status = self._client.request(op="status")
            self._asked_ns = time.monotonic_ns()
            self.guard = _guard(status, self._asked_ns)
            self.status, self.guard_why = status, ""
        except (LookupError, TypeError) as error:
            self._forget(f"the guard answers as no guard of this version does: {error}")
        except (ValueError, OSError) as error:
            self._forget(str(error))

    def _forget(self, why: str) -> None:
        if self._client is not None:
            self._client.close()
        self._client, self.status, self.guard = None, None, None
        self.guard_why = why

    def watches(self) -> list[view.Watch]:
        """Return every watchdog that can be read now, with the worst of the last minute."""
        status, now_ns = self.status, time.monotonic_ns()
        if status is None or status["profile"] not in PROFILES:
            return []
        times = Times(status["profile"])
        link = status["link"]
        lease = self._word("guard", status["guard_pid"], layout.GUARD_LEASE_NS)
        challenged_ns = link.get("challenge_ns") or None
        beats = {
            "engine": self._word("engine", status["engine_pid"], layout.ENGINE_HEARTBEAT_NS),
            "recorder": self._word(
                "recorder", status["recorder_pid"], layout.RECORDER_HEARTBEAT_NS
            ),
        }
        used: list[tuple[str, str, float, float | None]] = [
            ("challenge of the controller", "ms", times.controller_silence_ms,
             _age_ms(self._asked_ns, challenged_ns)),
            ("answers missing in a row", "", times.bad_answers_trip,
             link.get("status", {}).get("bad")),
            ("lease of the guard", "ms", times.guard_lease_ms,
             None if lease is None else max(0.0, times.guard_lease_ms - (lease - now_ns) / MS)),
            ("heartbeat of the engine", "ms", times.engine_heartbeat_ms,
             _age_ms(now_ns, beats["engine"])),
            ("heartbeat of the recorder", "ms", times.recorder_heartbeat_ms,
             _age_ms(now_ns, beats["recorder"])),
        ]  # fmt: skip
        return [
            view.Watch(name, unit, limit, value, self._worst.seen(name, value, now_ns))
            for name, unit, limit, value in used
        ]

    def failing(self) -> bool | None:
        """True when the recorder's last commit failed."""
        pid = self.status["recorder_pid"] if self.status else None
        word = self._word("recorder", pid, layout.RECORDER_FAILING)
        return None if word is None else bool(word)

    def forecast(self) -> view.Forecast | None:
        """Return the forecast that stands in the modeller's page."""
        page = self.pages.forecast()
        if page is None:
            return None
        now_ns = time.monotonic_ns()
        found = forecast.read(page.words, now_ns)
        if found is None:
            self.pages.why[FORECAST] = "the modeller has made no forecast yet"
            return None
        self.pages.why.pop(FORECAST, None)
        last, written_ns = found
        return view.Forecast(
            (now_ns - written_ns) / 1e9,
            last.mean_pct,
            last.sigma_pct,
            last.var_share,
            last.cvar_share,
            int(last.fits),
            int(last.failures),
        )

    def close(self) -> None:
        """Give everything back."""
        self.pages.close()
        if self._client is not None:
            self._client.close()

    def _word(self, name: str, pid: int | None, word: int) -> int | None:
        page = self.pages.page(name, pid)
        return None if page is None else page.words.load(word)


def _age_ms(now_ns: int, at_ns: int | None) -> float | None:
    return None if at_ns is None else max(0.0, (now_ns - at_ns) / MS)


def _guard(status: dict[str, Any], asked_ns: int) -> view.Guard:
    link = status["link"]
    age_ms = _age_ms(asked_ns, link.get("challenge_ns") or None)
    said = link.get("status") or None
    shown = {name: status[name] for name in view.Guard.__struct_fields__ if name in status}
    if age_ms is None or age_ms > HEARD_MS:
        said = None
        shown |= {"controller": "silent", "controller_reason": ""}
    return view.Guard(
        **shown,
        inputs=None if said is None else _bits(said["inputs"]),
        faults=None if said is None else _faults(said["faults"]),
        pids={
            "guard": status["guard_pid"],
            "recorder": status["recorder_pid"],
            **status["engines"],
        },
        **{key: link[key] for key in ("sessions", "unanswered", "noise", "refused", "mismatch")},
    )


def _bits(inputs: int) -> dict[str, bool]:
    return {name: bool(inputs >> place & 1) for place, name in enumerate(protocol.INPUT_BITS)}


def _faults(bits: int) -> list[str]:
    return [name for code, name in enumerate(trip_reasons.NAMES) if bits >> code & 1]
