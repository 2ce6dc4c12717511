"""The venue's own dead man's switch, from our side: the third layer, when host and cable are gone.

It is refreshed only while the gate would let an order by that reduces: the mode permits it, the guard's
lease is fresh, HALT is high. So a press, a dead guard and a dead engine all end the refreshing.

Where the switch takes protective stops as well (`deadman_stops`), it is armed while nothing is held: a
position that loses its stop because the host is gone is worse off than one with an entry resting
beside its stop.

It is disarmed in order once the ladder is done, because the venue has confirmed then what the switch is
there for, and what would be left for it to take is the stops.
"""

from collections.abc import Callable

MS = 1_000_000
# Refreshes in the time after which it fires.
REFRESHES = 4


class Deadman:
    """One venue's switch. Times are passed in.

    timeout_s -- after which it fires; 0: not used
    ask(op, req, **more) -- sends the request
    alert(code, **data) -- tells a person
    """

    def __init__(
        self, timeout_s: float, ask: Callable[..., None], alert: Callable[..., None]
    ) -> None:
        self._timeout_ms = round(timeout_s * 1000)
        self._ask = ask
        self._alert = alert
        self._can: frozenset[str] = frozenset()
        self._req = 0
        self._asked_ns = self._answered_ns = 0
        self._sent_ms: int | None = None
        self._said = False
        self.armed = False

    def begin(self, can: frozenset[str], now_ns: int) -> None:
        """The venue is there, and can do this."""
        self._can = can if self._timeout_ms else frozenset()
        self.restart(now_ns)

    def restart(self, now_ns: int) -> None:
        """The connection is new: how the switch stands now nobody here knows, so it counts as armed."""
        self.armed = "deadman" in self._can
        self._sent_ms = None
        self._asked_ns, self._answered_ns, self._said = 0, now_ns, False

    def tick(self, now_ns: int, permitted: bool, worked_off: bool, held: bool) -> None:
        """Arm, refresh or disarm what is due; call every pass while connected.

        permitted -- the gate lets by what reduces; worked_off -- the ladder of an emergency is done
        held -- there is a position
        """
        if "deadman" not in self._can:
            return
        takes_stops = "deadman_stops" in self._can
        if permitted:
            self._want(0 if held and takes_stops else self._timeout_ms, now_ns)
        elif worked_off:
            self._want(0, now_ns)
        if permitted and not self._said and now_ns - self._answered_ns > self._timeout_ms * MS:
            self._said = True
            self._alert("DEADMAN_UNANSWERED", timeout_ms=self._timeout_ms)

    def take(self, event: dict[str, object], now_ns: int) -> None:
        """Take the venue's answer."""
        if event["req"] == self._req:
            self.armed = bool(event["timeout_ms"])
            self._answered_ns, self._said = now_ns, False

    def _want(self, timeout_ms: int, now_ns: int) -> None:
        due = now_ns - self._asked_ns >= self._timeout_ms * MS // REFRESHES
        settled = timeout_ms == 0 and not self.armed
        if timeout_ms == self._sent_ms and (settled or not due):
            return
        self._asked_ns, self._sent_ms = now_ns, timeout_ms
        self._req += 1
        self.armed = True  # until the venue says that it is not
        self._ask("deadman", self._req, timeout_ms=timeout_ms)
