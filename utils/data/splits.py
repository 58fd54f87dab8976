"""Which row goes where: stratified, leak-free cuts, samples and folds on plain arrays.

Rows are given as `labels` (n,) int class codes and `keys` (n,) uint64 hashes of the normalised text
(`utils.text.match_keys`); rows of one key never part. The order of a draw comes from hashing (seed,
key), not from a random generator: a seed gives the same splits on every machine, and whatever the
order of the rows.
"""

import numpy as np


def splitmix64(keys: np.ndarray, seed: int) -> np.ndarray:
    """A seeded permutation of the 64-bit integers (splitmix64; Steele, Lea and Flood 2014): (n,)
    uint64.
    """
    with np.errstate(over="ignore"):
        z = keys.astype(np.uint64) + np.uint64((seed + 1) * 0x9E3779B97F4A7C15 % 2**64)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def group_rows(labels: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Groups of rows with one key: (keys (g,), most common label of each (g,), group of each row
    (n,)).

    A tie between labels goes to the lower code.
    """
    unique, group = np.unique(keys, return_inverse=True)
    n_classes = int(labels.max(initial=0)) + 1
    pairs, counts = np.unique(group * n_classes + labels, return_counts=True)
    groups, label = np.divmod(pairs, n_classes)
    order = np.lexsort((label, -counts, groups))
    first = np.unique(groups[order], return_index=True)[1]
    return unique, label[order][first], group


def ranks_within_class(labels: np.ndarray, order_by: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each item's rank (n,) in its class when sorted by `order_by`, and its class's size (n,)."""
    if not len(labels):
        return np.empty(0, int), np.empty(0, int)
    order = np.lexsort((order_by, labels))
    sorted_labels = labels[order]
    starts = np.flatnonzero(np.r_[True, sorted_labels[1:] != sorted_labels[:-1]])
    sizes = np.diff(np.r_[starts, len(labels)])
    ranks = np.empty(len(labels), int)
    totals = np.empty(len(labels), int)
    ranks[order] = np.arange(len(labels)) - np.repeat(starts, sizes)
    totals[order] = np.repeat(sizes, sizes)
    return ranks, totals


def cut_splits(
    labels: np.ndarray, keys: np.ndarray, sizes: dict[str, float], seed: int
) -> dict[str, np.ndarray]:
    """Cut `sizes` (split name -> share of the distinct texts) from rows; the rest is `train`.

    Policy for rare classes, by their number of distinct texts: 1 stays in train; fewer than the
    splits there are give one to `test` (else to the first split named) and keep the rest in train;
    any other class has at least one text in every split. Returns split name -> sorted row numbers,
    `train` included.
    """
    unique, group_labels, group = group_rows(labels, keys)
    ranks, totals = ranks_within_class(group_labels, splitmix64(unique, seed))
    assigned = np.full(len(unique), "train", dtype=object)
    start = np.zeros(len(unique), int)
    rare_target = "test" if "test" in sizes else next(iter(sizes), None)
    rare = totals <= len(sizes)
    for split, share in sizes.items():
        wanted = np.maximum(1, np.rint(share * totals).astype(int))
        wanted = np.where(rare, (split == rare_target) & (totals > 1), wanted)
        # Each class keeps a text in train.
        wanted = np.minimum(wanted, np.maximum(totals - start - 1, 0))
        assigned[(ranks >= start) & (ranks < start + wanted)] = split
        start = start + wanted
    return {split: np.flatnonzero(assigned[group] == split) for split in ["train", *sizes]}


def sample_rows(labels: np.ndarray, keys: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """Sorted numbers of a stratified sample of rows: `fraction` of each class, at least one row of
    each.
    """
    ranks, totals = ranks_within_class(labels, splitmix64(keys, seed))
    return np.flatnonzero(ranks < np.maximum(1, np.rint(fraction * totals).astype(int)))


def cut_folds(labels: np.ndarray, keys: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """The fold (n,) in 0 … n_folds−1 of each row: stratified, texts of one key in one fold.

    Classes are dealt one after the other without starting anew, so that folds stay level in size.
    """
    unique, group_labels, group = group_rows(labels, keys)
    order = np.lexsort((splitmix64(unique, seed), group_labels))
    folds = np.empty(len(unique), int)
    folds[order] = np.arange(len(unique)) % n_folds
    return folds[group]


def label_conflicts(labels: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Numbers of the rows whose text also occurs under another label, grouped by text."""
    order = np.argsort(keys, kind="stable")
    unique, start = np.unique(keys[order], return_index=True)
    if not len(unique):
        return np.empty(0, int)
    lowest = np.minimum.reduceat(labels[order], start)
    highest = np.maximum.reduceat(labels[order], start)
    return order[np.isin(keys[order], unique[lowest != highest])]


def first_of_each(keys: np.ndarray) -> np.ndarray:
    """Sorted numbers of the first row of each key."""
    return np.sort(np.unique(keys, return_index=True)[1])
