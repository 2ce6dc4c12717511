"""The question-and-answer watchdog, as the controller keeps it.

It asks every period with a fresh challenge. An answer to the newest challenge within the
deadline is good; an answer to one of the last three that comes later is late and counts as
missing; a wrong digest is bad. An answer to a challenge that was never asked, or a second
answer to the same one, is a replay.
"""

from controller.mac import answer, same
from controller.times import elapsed_ms

GOOD, LATE, WRONG, REPLAY = range(4)
REMEMBERED = 3


class Watchdog:
    """Counts answers; the caller decides what a count means in its state."""

    def __init__(self, times):
        self._times = times
        self._asked = []  # [challenge, asked at (ms), answered], newest last
        self._judged = True
        self.bad_in_a_row = 0
        self.good_in_a_row = 0

    def due(self, now_ms):
        """Return True when it is time to ask again."""
        if not self._asked:
            return True
        return elapsed_ms(now_ms, self._asked[-1][1]) >= self._times.challenge_period_ms

    def ask(self, now_ms, challenge):
        """Remember a fresh challenge; a newest one without a good answer must have been judged."""
        self._asked.append([challenge, now_ms, False])
        if len(self._asked) > REMEMBERED:
            self._asked.pop(0)
        self._judged = False

    def expire(self, now_ms):
        """Count the newest challenge as missing once its deadline has passed; call every pass."""
        if self._judged:
            return
        if elapsed_ms(now_ms, self._asked[-1][1]) > self._times.answer_deadline_ms:
            self._bad()

    def waiting(self):
        """Return True while the newest challenge is neither answered nor expired."""
        return not self._judged

    def judge(self, now_ms, session, challenge, digest):
        """Judge an answer under the session's key; return GOOD, LATE, WRONG or REPLAY."""
        entry = self._find(challenge)
        if entry is None or entry[2]:
            return REPLAY
        entry[2] = True
        newest = entry is self._asked[-1]
        if not same(answer(session, challenge), digest):
            if newest and not self._judged:
                self._bad()
            return WRONG
        if not newest or self._judged:
            return LATE
        if elapsed_ms(now_ms, entry[1]) > self._times.answer_deadline_ms:
            self._bad()
            return LATE
        self._judged = True
        self.bad_in_a_row = 0
        self.good_in_a_row += 1
        return GOOD

    def host_is_live(self):
        """Return True after enough good answers in a row."""
        return self.good_in_a_row >= self._times.good_answers_live

    def exhausted(self):
        """Return True after too many bad answers in a row."""
        return self.bad_in_a_row >= self._times.bad_answers_trip

    def _bad(self):
        self._judged = True
        self.bad_in_a_row += 1
        self.good_in_a_row = 0

    def _find(self, challenge):
        for entry in self._asked:
            if same(entry[0], challenge):
                return entry
        return None
