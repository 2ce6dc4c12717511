"""What a hand does to the switch: contacts that bounce, one a little after the other."""

import random

# us. Bounce of a large mushroom-head contact block lasts up to some milliseconds; here each contact
# makes up to four short openings and closings within 2 ms, the second contact within 1 ms.
BOUNCE_US = 2000
SKEW_US = 1000
MOST_BOUNCES = 4

Pattern = list[tuple[int, str, int]]


def _contact(rng: random.Random, name: str, level: int, begin_us: int) -> Pattern:
    """Move one contact to `level`: the first edge at `begin_us`, then an even number more."""
    count = 2 * rng.randint(0, MOST_BOUNCES)
    later = sorted(rng.sample(range(begin_us + 30, begin_us + BOUNCE_US, 10), count))
    times = [begin_us, *later]
    return [(at, name, level if place % 2 == 0 else 1 - level) for place, at in enumerate(times)]


def _both(rng: random.Random, level: int) -> Pattern:
    first, second = rng.sample(("SWITCH_A", "SWITCH_B"), 2)
    moves = _contact(rng, first, level, 0)
    return sorted(moves + _contact(rng, second, level, rng.randint(20, SKEW_US)))


def press(rng: random.Random) -> Pattern:
    """Open both contacts."""
    return _both(rng, 1)


def release(rng: random.Random) -> Pattern:
    """Close both contacts."""
    return _both(rng, 0)
