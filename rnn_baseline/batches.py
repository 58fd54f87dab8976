"""The order in which a training reads its rows: by length, balanced by class, or block by block for
mapped files.

Every order depends on (seed, epoch) alone, so that a resumed run and every process see the same
one.
"""

import math

import numpy as np
import torch


class SeededSampler(torch.utils.data.Sampler):
    """Row numbers of one epoch, from `order(rng)`."""

    def __init__(self, batch_size: int, seed: int):
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int):
        self.epoch = epoch

    def __iter__(self):
        rng = np.random.default_rng([self.seed, self.epoch])
        return iter(self.order(rng).tolist())

    def order(self, rng: np.random.Generator) -> np.ndarray:
        """Row numbers (n,) of one epoch; all chance comes from `rng`."""
        raise NotImplementedError


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
        rows = [np.zeros(0, int)]  # a dataset without a row has no block
        for start in rng.permutation(np.arange(0, len(self), self.buffer)):
            block = np.arange(start, min(start + self.buffer, len(self)))
            rows.append(bucketed(rng.permutation(block), self.lengths, self.batch_size, rng))
        return np.concatenate(rows)


def bucketed(rows: np.ndarray, lengths: np.ndarray, batch_size: int, rng) -> np.ndarray:
    """Shuffled rows put into batches of like length; what does not fill a batch is left to chance
    and comes last.
    """
    n_whole = len(rows) // batch_size * batch_size
    whole, rest = rows[:n_whole], rows[n_whole:]
    by_length = whole[np.argsort(lengths[whole], kind="stable")]
    batches = by_length.reshape(-1, batch_size)
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
        self.rows_of = [np.flatnonzero(labels == label_id) for label_id in np.unique(labels)]

    def __len__(self):
        return self.batch_size * self.n_batches

    def order(self, rng) -> np.ndarray:
        # The class of every place: what a batch has left over is drawn among the classes.
        n_classes = len(self.rows_of)
        times, left_over = divmod(self.batch_size, n_classes)
        every_class = np.tile(np.arange(n_classes), times)
        batches = [
            np.r_[every_class, rng.permutation(n_classes)[:left_over]]
            for _ in range(self.n_batches)
        ]
        classes = np.concatenate(batches)

        # The row of every place: each class's rows in shuffled passes.
        rows = np.empty(len(classes), np.int64)
        for number, own in enumerate(self.rows_of):
            places = np.flatnonzero(classes == number)
            n_passes = math.ceil(len(places) / len(own))
            passes = [own[:0]] + [rng.permutation(own) for _ in range(n_passes)]
            rows[places] = np.concatenate(passes)[: len(places)]
        return rows
