"""The pool's algorithm as atomic steps, so that members can be interleaved and killed between any two.

Each `yield` is a moment at which another member runs, or at which the member is killed. The words hold
two slots each, so that the search over several words, and the full ones, come up with few slots.
"""

import random
from collections.abc import Iterator

WORD_SLOTS = 2
ALL = (1 << WORD_SLOTS) - 1
Step = Iterator[None]


class Memory:
    """What the members share. `early` plants a fault: the bit is set before the slot is owned."""

    def __init__(self, slots: int, early: bool) -> None:
        words = -(-slots // WORD_SLOTS)
        self.slots, self.early = slots, early
        self.state = [0] * slots
        self.taken = [0] * words
        self.full = [False] * words
        self.doubled = False
        self.using: dict[int, int] = {}

    def acquire(self, member: int, out: list[int]) -> Step:
        """Take one slot, appended to `out` when there is one."""
        for word, full in enumerate(list(self.full)):
            if full:
                continue
            yield
            free = ~self.taken[word] & ALL
            for bit in range(WORD_SLOTS):
                index = word * WORD_SLOTS + bit
                if not free >> bit & 1 or index >= self.slots:
                    continue
                if self.early:
                    if self.taken[word] >> bit & 1:
                        continue
                    self.taken[word] |= 1 << bit
                    yield
                if self.state[index]:
                    continue
                self.state[index] = member  # the compare-and-swap
                self.doubled |= index in self.using
                self.using[index] = member
                yield
                self.taken[word] |= 1 << bit
                if self.taken[word] == ALL:
                    yield
                    self.full[word] = True
                    yield
                    if self.taken[word] != ALL:
                        yield
                        self.full[word] = False
                out.append(index)
                return

    def release(self, member: int, index: int) -> Step:
        """Give one slot back."""
        assert self.state[index] == member
        yield from self.show_free(index)
        yield
        del self.using[index]
        self.state[index] = 0

    def show_free(self, index: int) -> Step:
        """Clear the bits, the slot's state last."""
        word = index // WORD_SLOTS
        self.taken[word] &= ~(1 << index % WORD_SLOTS)
        yield
        if self.full[word]:
            yield
            self.full[word] = False

    def heal(self, dead: int) -> Step:
        """Give back what a dead member has left."""
        for index in range(self.slots):
            if self.state[index] == dead:
                yield from self.show_free(index)
                yield
                self.using.pop(index, None)
                self.state[index] = 0
            yield
        for word in range(len(self.full)):
            self.full[word] = False
            yield

    def work(self, member: int, rounds: int) -> Step:
        """Acquire up to two slots, release them, again and again."""
        held: list[int] = []
        for _round in range(rounds):
            yield from self.acquire(member, held)
            yield from self.acquire(member, held)
            while held:
                yield from self.release(member, held.pop())


def play(rng: random.Random, early: bool) -> str:
    """Run one random schedule with one kill; return what is wrong afterwards, or nothing."""
    memory = Memory(rng.randint(1, 5), early)
    members = {member: memory.work(member, 3) for member in (1, 2, 3)}
    victim, dies_at = 1, rng.randrange(40)
    steps = 0
    while members:
        member = rng.choice(list(members))
        if member == victim:
            steps += 1
        if member == victim and steps > dies_at:
            members[member] = memory.heal(victim)
            victim = 0
        if next(members[member], "end") == "end":
            del members[member]
    if memory.doubled:
        return "a slot was handed out twice"
    found: list[int] = []
    for _slot in range(memory.slots):
        list(memory.acquire(9, found))
    return "" if sorted(found) == list(range(memory.slots)) else f"{found} of {memory.slots} slots"
