"""What must hold outside of EMERGENCY, looked at on every pass; a check that cannot run fails."""

from collections.abc import Callable, Sequence

from controller import leds
from controller.times import Times
from host import layout
from host.guard.clients import ENGINE, RECORDER, Client, Clients
from host.guard.halting import MS, Halting
from host.guard.link import HostLink
from host.modes import Reason

# Reasons that an engine may write into its own page; any other number there is its fault.
CONDITIONS = (
    Reason.FEED_LOST,
    Reason.VENUE_LOST,
    Reason.RISK,
    Reason.DRAWDOWN,
    Reason.UNKNOWN_ORDER,
    Reason.FORECAST_STALE,
)
HEARTBEATS = {
    ENGINE: (layout.ENGINE_HEARTBEAT_NS, "engine_heartbeat_ms"),
    RECORDER: (layout.RECORDER_HEARTBEAT_NS, "recorder_heartbeat_ms"),
}


class Checks:
    """Reads pages, lines and link; reports through `step_down(reason, detail)`."""

    def __init__(
        self,
        times: Times,
        clients: Clients,
        link: HostLink,
        halting: Halting,
        look: Callable[[], None],
        connectors: Sequence[str] = (),
    ) -> None:
        self._times = times
        self._clients = clients
        self._link = link
        self._halting = halting
        self._look = look
        self._connectors = connectors
        self._lost_edges = 0
        self._leds_agreed_ns = 0

    def healthy(self, now_ns: int) -> bool:
        """Return True while engines and recorder live and every venue has been reconciled.

        Only a healthy host answers the watchdog; a sick one stays silent and is tripped.
        """
        engines = self._clients.engines.values()
        reconciled = all(engine is not None and engine.ladder_epoch for engine in engines)
        clients = (*engines, self._clients.recorder)
        return reconciled and all(self.fresh(client, now_ns) for client in clients)

    def fresh(self, client: Client | None, now_ns: int) -> bool:
        """Return True while a client's heartbeat is young enough; one from the future is not."""
        if client is None or client.page is None:
            return False
        word, limit = HEARTBEATS[client.role]
        age_ns = now_ns - client.page.words.load(word)
        return -MS <= age_ns <= getattr(self._times, limit) * MS

    def run(self, now_ns: int, step_down: Callable[..., None]) -> None:
        """Step down for everything that does not hold. A lost edge is caught by the level."""
        silent_ms = (now_ns - self._link.seen.challenge_ns) // MS
        if not self._halting.halt_is_high():
            step_down(Reason.HALT_LINE, "level")
        if silent_ms > self._times.controller_silence_ms:
            step_down(Reason.CONTROLLER_SILENT, f"{silent_ms} ms")
        self._edges(step_down)
        self._look()
        self._leds(now_ns, step_down)
        self._look()
        for name, engine in self._clients.engines.items():
            if not self.fresh(engine, now_ns):
                lost = name in self._connectors
                step_down(Reason.VENUE_LOST if lost else Reason.ENGINE_STALE, name)
            self._look()
        if not self.fresh(self._clients.recorder, now_ns):
            step_down(Reason.RECORDER_STALE)
        self._look()
        self.conditions(step_down)

    def _edges(self, step_down: Callable[..., None]) -> None:
        lines = self._halting.lines
        lost = lines.lost_edges() if lines is not None else 0
        if lost != self._lost_edges:
            self._lost_edges = lost
            step_down(Reason.LOST_EDGE, f"{lost} lost so far")

    def _leds(self, now_ns: int, step_down: Callable[..., None]) -> None:
        """Compare what drives the LEDs with what STATUS says; both may be a little late."""
        status, lines = self._link.seen.status, self._halting.lines
        if not status or lines is None:
            return
        read_back = sum(level << place for place, level in enumerate(lines.lamps()))
        wrong = leds.mismatch(read_back, status["leds"], status["blinking"])
        if not wrong:
            self._leds_agreed_ns = now_ns
        elif now_ns - self._leds_agreed_ns > self._times.led_mismatch_ms * MS:
            step_down(Reason.LED_MISMATCH, f"read {read_back:03b}, told {status['leds']:03b}")

    def begin(self, now_ns: int) -> None:
        """Trading may begin: the LEDs count as in agreement from now on."""
        self._leds_agreed_ns = now_ns

    def conditions(self, step_down: Callable[..., None]) -> None:
        """Step down for what recorder and engines write into their own pages."""
        if word(self._clients.recorder, layout.RECORDER_FAILING):
            step_down(Reason.AUDIT_UNWRITABLE)
        for engine in self._clients.attached():
            condition = word(engine, layout.ENGINE_CONDITION)
            if condition:
                known = next((reason for reason in CONDITIONS if reason == condition), None)
                step_down(known or Reason.ENGINE_STUCK, f"{engine.name}: condition {condition}")

    def total(self, index: int) -> int | None:
        """Return the sum of a word over the engines; None when none is attached."""
        engines = self._clients.attached()
        return sum(word(engine, index) for engine in engines) if engines else None


def word(client: Client | None, index: int) -> int:
    """Return a word of a client's page; 0 when nobody is attached there."""
    return client.page.words.load(index) if client is not None and client.page is not None else 0
