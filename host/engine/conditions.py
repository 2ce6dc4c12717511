"""Why the engine itself wants to be stepped down; the worst goes into its page, where the guard looks."""

from host import layout, modes
from host.hotpath.words import Words
from host.modes import Reason


class Conditions:
    """The reasons that stand."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._standing: set[Reason] = set()

    def set(self, reason: Reason, stands: bool) -> None:
        """Raise or lower one reason."""
        if stands == (reason in self._standing):
            return
        if stands:
            self._standing.add(reason)
        else:
            self._standing.remove(reason)
        worst = max(self._standing, key=modes.LEVEL_OF.__getitem__, default=Reason.NONE)
        self._words.store(layout.ENGINE_CONDITION, worst)
