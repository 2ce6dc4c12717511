"""Tasks on several cores of this machine, through joblib; a killed worker costs time, not results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool

from host.training.samples import Samples
from host.training.walks import Outcome, Runner, Task, Work, WorkersLost

# Pools that end without one more result: then the tasks kill their workers, and would for ever.
MOST_LOST = 3


def on_cores(jobs: int) -> Runner:
    """Return a runner of `jobs` processes."""

    def run(
        tasks: Sequence[Task], data: Sequence[Samples], work: Work, done: Callable[[int], None]
    ) -> list[Outcome]:
        found: dict[int, Outcome] = {}
        lost = 0
        while len(found) < len(tasks):
            before = len(found)
            left = [number for number in range(len(tasks)) if number not in found]
            try:
                _pool(jobs, left, tasks, data, work, found, done)
            except BrokenProcessPool:
                lost = lost + 1 if len(found) == before else 0
                if lost == MOST_LOST:
                    raise WorkersLost(
                        f"workers were killed {MOST_LOST} times before the next of "
                        f"{len(left)} fits was done: is there enough memory?"
                    ) from None
        return [found[number] for number in range(len(tasks))]

    return run


def _pool(
    jobs: int,
    left: Sequence[int],
    tasks: Sequence[Task],
    data: Sequence[Samples],
    work: Work,
    found: dict[int, Outcome],
    done: Callable[[int], None],
) -> None:
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=jobs, batch_size=1, return_as="generator_unordered")
    calls = (delayed(_numbered)(n, work, data[tasks[n].symbol], tasks[n]) for n in left)
    for number, outcome in parallel(calls):
        found[number] = outcome
        done(len(found))


def _numbered(number: int, work: Work, samples: Samples, task: Task) -> tuple[int, Outcome]:
    return number, work(samples, task)
