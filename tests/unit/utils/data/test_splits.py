import numpy as np
import pytest

from utils.data.splits import (
    cut_folds,
    cut_splits,
    first_of_each,
    label_conflicts,
    sample_rows,
    splitmix64,
)

SIZES = {"validation": 0.1, "test": 0.2}


@pytest.fixture
def rows():
    """300 rows of 4 classes (200, 90, 8, 2), every tenth text twice."""
    labels = np.repeat(np.arange(4), [200, 90, 8, 2])
    keys = np.arange(300, dtype=np.uint64)
    keys[9:180:10] = keys[8:180:10]
    return labels, keys


def test_mix_is_splitmix64():
    # First outputs of the reference generator seeded with 0 and with 1234567 (Vigna, splitmix64.c).
    assert splitmix64(np.array([0], np.uint64), 0)[0] == 0xE220A8397B1DCDAF
    assert splitmix64(np.array([1234567], np.uint64), 0)[0] == 6457827717110365317


def test_cut_is_a_partition_and_keeps_texts_together(rows):
    labels, keys = rows
    cut = cut_splits(labels, keys, SIZES, seed=0)
    assert sorted(np.concatenate(list(cut.values()))) == list(range(300))
    for a, b in [("train", "validation"), ("train", "test"), ("validation", "test")]:
        assert not set(keys[cut[a]]) & set(keys[cut[b]])


def test_cut_is_stratified(rows):
    labels, keys = rows
    cut = cut_splits(labels, keys, SIZES, seed=0)
    shares = {s: np.bincount(labels[r], minlength=4) for s, r in cut.items()}
    assert abs(shares["validation"][0] - 20) <= 3 and abs(shares["test"][0] - 40) <= 4
    assert abs(shares["validation"][1] - 9) <= 1 and abs(shares["test"][1] - 18) <= 1
    assert all(shares[s][2] >= 1 for s in cut)
    assert shares["train"][3] == 1 and shares["test"][3] == 1 and shares["validation"][3] == 0


@pytest.mark.parametrize("n", [1, 2, 3])
def test_rare_classes_never_crash_and_stay_in_train(n):
    labels = np.r_[np.zeros(50, int), np.ones(n, int)]
    cut = cut_splits(labels, np.arange(50 + n, dtype=np.uint64), SIZES, seed=3)
    counts = [int((labels[cut[s]] == 1).sum()) for s in ("train", "validation", "test")]
    assert counts == {1: [1, 0, 0], 2: [1, 0, 1], 3: [1, 1, 1]}[n]


def test_seed_decides_and_row_order_does_not(rows):
    labels, keys = rows
    cut, again, other = (cut_splits(labels, keys, SIZES, seed=s) for s in (1, 1, 2))
    assert all((cut[s] == again[s]).all() for s in cut)
    assert set(cut["test"]) != set(other["test"])
    shuffled = np.random.default_rng(0).permutation(300)
    moved = cut_splits(labels[shuffled], keys[shuffled], SIZES, seed=1)
    assert set(keys[shuffled][moved["test"]]) == set(keys[cut["test"]])


def test_splits_are_pinned(rows):
    """A seed gives the same splits on every machine and in every version."""
    cut = cut_splits(*rows, SIZES, seed=0)
    assert cut["validation"].tolist()[:6] == PINNED_VALIDATION


PINNED_VALIDATION = [10, 18, 19, 21, 41, 48]


def test_sample_keeps_every_class(rows):
    labels, keys = rows
    picked = sample_rows(labels, keys, 0.1, seed=0)
    assert np.bincount(labels[picked]).tolist() == [20, 9, 1, 1]


def test_folds_partition_stratify_and_keep_texts_together(rows):
    labels, keys = rows
    folds = cut_folds(labels, keys, 5, seed=0)
    for label, n in [(0, 200), (1, 90)]:
        counts = np.bincount(folds[labels == label], minlength=5)
        assert counts.sum() == n and np.ptp(counts) <= 8
    assert all(len(set(folds[keys == k])) == 1 for k in np.unique(keys))


def test_label_conflicts_and_first_of_each():
    labels, keys = np.array([0, 1, 1, 0, 2]), np.array([5, 5, 7, 7, 9], np.uint64)
    assert set(label_conflicts(labels, keys)) == {0, 1, 2, 3}
    assert label_conflicts(labels[:0], keys[:0]).size == 0
    assert first_of_each(keys).tolist() == [0, 2, 4]
