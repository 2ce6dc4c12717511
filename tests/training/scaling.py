"""How much faster two workers of a local Dask cluster are than one: CPU-bound folds, median of 3.

python -m tests.training.scaling [FILE...]    with files: also 10 folds of each on 2 processes

One and two workers take turns, so that whatever else the machine does meets both; the load is printed.
"""

from __future__ import annotations

import os
import statistics
import sys
import time

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
        data, walks.grid("boosted", {"n_estimators": [60]}), "purged_kfold", FOLDS
    )
    ratios = []
    with started(1) as (one, _), started(2) as (two, _):
        for address in (one, two):  # the workers' imports are not what is measured
            timed(on_cluster(address), tasks[:4], data)
        for number in range(1, ROUNDS + 1):
            alone, both = (timed(on_cluster(address), tasks, data) for address in (one, two))
            ratios.append(alone / both)
            print(
                f"round {number}: {alone:.1f} s, {both:.1f} s; x{ratios[-1]:.2f}; {load()}",
                flush=True,
            )
    print(f"median x{statistics.median(ratios):.2f}, wanted at least x{LIMIT}")


def timed(run: walks.Runner, tasks: list[walks.Task], data: list[walks.Samples]) -> float:
    began = time.perf_counter()
    run(tasks, data, walks.work, lambda done: None)
    return time.perf_counter() - began


def load() -> str:
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


if __name__ == "__main__":
    main()
