"""How much faster two workers of a local Dask cluster are than one: CPU-bound folds, median of 3.

python -m tests.training.scaling [FILE...]    with files: also 10 folds of each on 2 processes

One and two workers take turns, so that whatever else the machine does meets both; the load is printed.
On a machine that others use the clock says little: beside it stands what it would be with a core for each
worker, the CPU seconds of the one by those of the busier one of two.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path

from host.data.reader import read
from host.training import walks
from host.training.cluster import on_cluster
from host.training.labels import parsed
from host.training.local import on_cores
from host.training.samples import samples
from tests.features.test_features import walk
from tests.training.local_cluster import started

ROUNDS, FOLDS = 3, 10
LIMIT = 1.5


def main() -> None:
    if sys.argv[1:]:
        data = [samples(read(file), "engine", parsed("forward:1")) for file in sys.argv[1:]]
        tasks = walks.planned(data, walks.grid("logistic", {}), "walk_forward", FOLDS)
        seconds = timed(on_cores(2), tasks, data)
        print(f"{len(data)} symbols x {FOLDS} folds, 2 processes: {seconds:.1f} s; {load()}")
    data = [samples(walk(1_500, seed), "engine", parsed("forward:1")) for seed in (1, 2)]
    tasks = walks.planned(
        data, walks.grid("boosted", {"n_estimators": [40]}), "purged_kfold", FOLDS
    )
    clock, cores = [], []
    with started(1) as one, started(2) as two:
        for address, _ in (one, two):  # the workers' imports are not what is measured
            timed(on_cluster(address), tasks[:4], data)
        for number in range(1, ROUNDS + 1):
            (alone, cpu_alone), (both, cpu_both) = (
                burnt(address, pids, tasks, data) for address, pids in (one, two)
            )
            clock.append(alone / both)
            cores.append(max(cpu_alone) / max(cpu_both))
            print(
                f"round {number}: {alone:.1f} s, {both:.1f} s; x{clock[-1]:.2f}; "
                f"CPU {cpu_alone[0]:.1f} s, {' + '.join(f'{s:.1f}' for s in cpu_both)} s; "
                f"x{cores[-1]:.2f}; {load()}",
                flush=True,
            )
    print(
        f"median x{statistics.median(clock):.2f} by the clock, x{statistics.median(cores):.2f} by "
        f"CPU seconds; wanted at least x{LIMIT}"
    )


def burnt(
    address: str, pids: list[int], tasks: list[walks.Task], data: list[walks.Samples]
) -> tuple[float, list[float]]:
    """Return the seconds by the clock, and the CPU seconds of each worker."""
    before = [cpu_s(pid) for pid in pids]
    seconds = timed(on_cluster(address), tasks, data)
    return seconds, [cpu_s(pid) - was for pid, was in zip(pids, before, strict=True)]


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def timed(run: walks.Runner, tasks: list[walks.Task], data: list[walks.Samples]) -> float:
    began = time.perf_counter()
    run(tasks, data, walks.work, lambda done: None)
    return time.perf_counter() - began


def load() -> str:
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


if __name__ == "__main__":
    main()
