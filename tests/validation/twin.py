"""The three modes as slow, obvious loops over plain integers (seconds): the oracle of the tests."""

Splits = list[tuple[list[int], list[int]]]


def walk_forward(
    t: list[int],
    e: list[int],
    n_splits: int,
    test_size: int | None,
    gap: int,
    purge: bool,
    max_train: int | None,
) -> Splits:
    n = len(t)
    size = n // (n_splits + 1) if test_size is None else test_size
    splits = []
    for block in range(n_splits):
        start = n - (n_splits - block) * size
        train = [i for i in range(n) if i < start - gap]
        if max_train is not None:
            train = train[-max_train:]
        if purge:
            train = [i for i in train if e[i] < t[start]]
        splits.append((train, [i for i in range(n) if start <= i < start + size]))
    return splits


def walk_forward_time(
    t: list[int],
    e: list[int],
    n_splits: int,
    test: int,
    gap: int,
    purge: bool,
    max_train: int | None,
    min_test: int,
) -> Splits:
    """With windows of fewer than min_test samples left out."""
    n, last = len(t), t[-1]
    splits = []
    for k in range(n_splits, 0, -1):
        window = [i for i in range(n) if last - k * test < t[i] <= last - (k - 1) * test]
        if len(window) < min_test:
            continue
        train = [i for i in range(n) if t[i] <= last - k * test - gap]
        if max_train is not None:
            train = train[-max_train:]
        if purge:
            train = [i for i in train if e[i] < t[window[0]]]
        splits.append((train, window))
    return splits


def purged_kfold(
    t: list[int],
    e: list[int],
    n_splits: int,
    embargo: int,
    embargo_time: int | None,
    purge: bool,
) -> Splits:
    n = len(t)
    sizes = [n // n_splits + (1 if fold < n % n_splits else 0) for fold in range(n_splits)]
    splits = []
    for fold in range(n_splits):
        start = sum(sizes[:fold])
        test = list(range(start, start + sizes[fold]))
        first, end = t[test[0]], max(e[i] for i in test)
        later = [i for i in range(n) if t[i] > end]
        if embargo_time is None:
            embargoed = later[:embargo]
        else:
            embargoed = [i for i in later if t[i] <= end + embargo_time]
        train = [i for i in range(n) if i not in test and i not in embargoed]
        if purge:
            train = [i for i in train if e[i] < first or t[i] > end]
        splits.append((train, test))
    return splits
