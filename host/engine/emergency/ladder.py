"""The ladder over all venues. It is done when each of them is, and never before."""

from collections.abc import Callable, Mapping
from typing import Any

from host import modes
from host.engine.emergency.port import Port
from host.engine.emergency.progress import Progress
from host.engine.emergency.settings import Emergency
from host.engine.emergency.venue_ladder import VenueLadder
from host.modes import Reason

# Times between two requests for the token; an unanswered one is not known to have arrived.
TOKEN_RETRY_NS = 200_000_000


class Ladder:
    """One run per epoch of EMERGENCY, and one at the start of the engine, which reconciles.

    tell(kind, **data) -- pushes an event for the audit log
    ask_token(epoch) -- asks the guard to open the gate for LIQUIDATE
    token() -- the token in the guard's page
    own -- settings of venues that have deadlines of their own
    """

    def __init__(
        self,
        ports: list[Port],
        settings: Emergency,
        progress: Progress,
        tell: Callable[..., None],
        ask_token: Callable[[int], None],
        token: Callable[[], int],
        own: Mapping[str, Emergency] | None = None,
    ) -> None:
        self._settings = settings
        self._progress = progress
        self._tell = tell
        self._ask_token = ask_token
        own = own or {}
        self.venues = {
            port.name: VenueLadder(port, own.get(port.name, settings), tell, token)
            for port in ports
        }
        self.epoch = 0
        self._liquidate = False
        self._asked_ns = 0
        self._told_done = True

    @property
    def done(self) -> bool:
        """True once every venue has confirmed everything for this epoch."""
        return bool(self.epoch) and all(venue.done for venue in self.venues.values())

    def begin(self, epoch: int, reason: Reason, now_ns: int) -> None:
        """Start for a new emergency; the table of reasons and `on_kill` say how far it goes."""
        on_kill = self._settings.on_kill
        self.epoch, self._told_done = epoch, False
        self._liquidate = modes.liquidates(reason, on_kill)
        keeps = not modes.takes_all(reason, on_kill)
        protects = modes.protects(reason, on_kill)
        self._tell("ladder_begun", epoch=epoch, reason=reason.name, liquidate=self._liquidate)
        if self._liquidate:
            self._remember(reason)
        for venue in self.venues.values():
            venue.begin(self._liquidate, keeps, protects, now_ns)

    def restart(self, name: str, now_ns: int) -> None:
        """The connection of one venue is new."""
        self.venues[name].restart(now_ns)

    def take(self, name: str, event: dict[str, Any], now_ns: int) -> None:
        """Take an event of one venue."""
        self.venues[name].take(event, now_ns)

    def tick(self, now_ns: int) -> bool:
        """Go on; call every pass. True once, when the last venue has confirmed."""
        for venue in self.venues.values():
            venue.tick(now_ns)
        wanted = any(venue.wants_token for venue in self.venues.values())
        if wanted and now_ns - self._asked_ns > TOKEN_RETRY_NS:
            self._asked_ns = now_ns
            self._ask_token(self.epoch)
        if self._told_done or not self.done:
            return False
        self._told_done = True
        if self._liquidate:
            self._progress.done()
        return True

    def _remember(self, reason: Reason) -> None:
        try:
            self._progress.begun(reason)
        except OSError as error:
            # The position is closed all the same; only a crash of the host would forget it.
            self._tell("alert", code="LADDER_NOT_SAVED", error=str(error))
