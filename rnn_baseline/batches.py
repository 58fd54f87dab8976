"""In which order a training reads its rows: by length, balanced by class, or block by block for
mapped files.

Every order depends on (seed, epoch) alone, so that a resumed run and every process see the same
one.
"""

import numpy as np
import torch


class SeededSampler(torch.utils.data.Sampler):
    """Row numbers of one epoch, from `order(rng)`."""

    def __init__(self, batch_size: int, seed: int):
        self.batch_size, self.seed, self.epoch = batch_size, seed, 0

    def set_epoch(self, epoch: int):
        self.epoch = epoch

    def __iter__(self):
        return iter(self.order(np.random.default_rng([self.seed, self.epoch])).tolist())


class BucketSampler(SeededSampler):
    """Batches of rows of one length, as far as there are enough of them, in random order; every row
    once.

    Args:
        lengths: (n,) words of each row. batch_size: rows of the global batch (devices ×
            accumulation).
    """

    def __init__(self, lengths, batch_size: int, seed: int):
        super().__init__(batch_size, seed)
        self.lengths = np.asarray(lengths)

    def __len__(self):
        return len(self.lengths)

    def order(self, rng) -> np.ndarray:
        return bucketed(rng.permutation(len(self.lengths)), self.lengths, self.batch_size, rng)


class BlockSampler(BucketSampler):
    """Buffered shuffle for mapped files: blocks of `buffer` neighbouring rows in random order, each
    one shuffled and cut into batches of like length, so that memory holds one block at a time;
    every row once.
    """

    def __init__(self, lengths, batch_size: int, seed: int, buffer: int):
        super().__init__(lengths, batch_size, seed)
        self.buffer = buffer

    def order(self, rng) -> np.ndarray:
        starts = rng.permutation(np.arange(0, len(self), self.buffer))
        blocks = [np.arange(start, min(start + self.buffer, len(self))) for start in starts]
        return np.concatenate(
            [
                bucketed(rng.permutation(block), self.lengths, self.batch_size, rng)
                for block in blocks
            ]
            or [np.zeros(0, int)]
        )


def bucketed(rows: np.ndarray, lengths: np.ndarray, batch_size: int, rng) -> np.ndarray:
    """Shuffled rows put into batches of like length; what does not fill a batch is left to chance
    and comes last.
    """
    n_whole = len(rows) // batch_size * batch_size
    rows, rest = rows[:n_whole], rows[n_whole:]
    batches = rows[np.argsort(lengths[rows], kind="stable")].reshape(-1, batch_size)
    return np.concatenate([batches[rng.permutation(len(batches))].ravel(), rest])


class BalancedSampler(SeededSampler):
    """`n_batches` batches an epoch with each class equally often (to one row), drawn anew every
    epoch.

    A class's rows come in shuffled passes, so that none is seen twice before all were seen once.
    Classes without a row are left out.
    """

    def __init__(self, labels, batch_size: int, n_batches: int, seed: int):
        super().__init__(batch_size, seed)
        labels = np.asarray(labels)
        self.n_batches = n_batches
        self.rows_of = [np.flatnonzero(labels == code) for code in np.unique(labels)]

    def __len__(self):
        return self.batch_size * self.n_batches

    def order(self, rng) -> np.ndarray:
        n_classes = len(self.rows_of)
        whole, rest = divmod(self.batch_size, n_classes)
        classes = np.concatenate(
            [
                np.r_[np.tile(np.arange(n_classes), whole), rng.permutation(n_classes)[:rest]]
                for _ in range(self.n_batches)
            ]
        )
        rows = np.empty(len(classes), np.int64)
        for code, own in enumerate(self.rows_of):
            places = np.flatnonzero(classes == code)
            passes = [rng.permutation(own) for _ in range(-(-len(places) // len(own)))]
            rows[places] = np.concatenate(passes or [own])[: len(places)]
        return rows
