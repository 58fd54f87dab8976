"""The encoded corpus and its orders: literal batches, the cache, and what each sampler gives."""

from collections import Counter

import datasets
import numpy as np
import pytest
import torch

from rnn_baseline import encoding
from rnn_baseline.batches import BalancedSampler, BlockSampler, BucketSampler
from rnn_baseline.encoding import (
    EncodedDataset,
    describe_words,
    encode_dataset,
    encode_splits,
    identity_collator,
)
from rnn_baseline.tokenization import learn_tokenizer
from tests.helpers import corpus_rows, write_jsonl
from utils.data import load_corpus, save_prepared


def encoded(texts: list[list[int]], labels=None) -> EncodedDataset:
    """Rows of ids as the flat arrays of an EncodedDataset."""
    offsets = np.r_[0, np.cumsum([len(text) for text in texts])].astype(np.int64)
    tokens = torch.tensor([i for text in texts for i in text], dtype=torch.int32)
    return EncodedDataset(
        tokens, torch.from_numpy(offsets), torch.tensor(labels or [0] * len(texts))
    )


FIVE = [[2, 3, 4], [], [5], [6, 7], [8, 9]]
LABELS = [3, 1, 4, 1, 5]
BATCHES = {
    "lengths differ": ([0, 2], [[2, 3, 4], [5, 0, 0]], [[1, 1, 1], [1, 0, 0]]),
    "in the order asked for": ([2, 0], [[5, 0, 0], [2, 3, 4]], [[1, 0, 0], [1, 1, 1]]),
    "with an empty one": ([1, 3], [[0, 0], [6, 7]], [[0, 0], [1, 1]]),
    "all of one length": ([3, 4], [[6, 7], [8, 9]], None),
    "one row": ([0], [[2, 3, 4]], None),
    "one empty row": ([1], [[0]], None),
    "empty and one word": ([2, 1], [[5], [0]], None),
    "all empty": ([1, 1, 1], [[0], [0], [0]], None),
    "a row twice, and the last": ([4, 4, 2], [[8, 9], [8, 9], [5, 0]], [[1, 1], [1, 1], [1, 0]]),
}


@pytest.mark.parametrize("case", BATCHES)
def test_batches(case):
    rows, ids, mask = BATCHES[case]
    for numbers in (rows, np.array(rows), torch.tensor(rows)):
        batch = encoded(FIVE, LABELS).__getitems__(numbers)
        assert batch["input_ids"].tolist() == ids and batch["input_ids"].dtype == torch.int32
        assert (
            batch["labels"].tolist() == [LABELS[row] for row in rows]
            and batch["labels"].dtype == torch.int64
        )
        assert ("attention_mask" in batch) == (mask is not None)
        assert mask is None or batch["attention_mask"].tolist() == mask
    assert identity_collator(batch) is batch


def test_a_corpus_without_any_word():
    batch = encoded([[], [], []]).__getitems__([0, 2])
    assert batch["input_ids"].tolist() == [[0], [0]] and set(batch) == {"labels", "input_ids"}


def test_columns_and_selections():
    dataset = encoded(FIVE, LABELS)
    assert (
        len(dataset) == 5
        and dataset["labels"].tolist() == LABELS
        and dataset["length"].tolist() == [3, 0, 1, 2, 2]
    )
    part = dataset.select(np.array([4, 0, 2])).select([2, 0])  # rows 2 and 4
    assert (
        len(part) == 2 and part["labels"].tolist() == [4, 5] and part["length"].tolist() == [1, 2]
    )
    assert part.__getitems__([1, 0])["input_ids"].tolist() == [[8, 9], [5, 0]]
    assert part[1]["input_ids"].tolist() == [8, 9] and part[1]["labels"].item() == 5
    assert {"labels", "length"} <= set(dataset.column_names)
    assert len(dataset.select([])) == 0 and dataset.select([])["length"].tolist() == []
    copy = part.to("cpu")
    dataset.tokens.zero_()
    assert copy.__getitems__([0, 1])["input_ids"].tolist() == [[5, 0], [8, 9]]


def test_what_the_network_will_see_is_counted():
    splits = {
        "train": encoded([[2, 1, 1], [], [3]]),
        "test": encoded([[], []]),
        "validation": encoded([]),
    }
    splits["train"].n_truncated = 1
    assert describe_words(splits) == {
        "share_unknown": {"train": 0.5, "test": 0.0, "validation": 0.0},
        "empty": {"train": 1, "test": 2, "validation": 0},
        "share_truncated": {"train": pytest.approx(1 / 3), "test": 0.0, "validation": 0.0},
    }


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache folder of its own for each test."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    return tmp_path / "cache"


def corpus_of(folder, rows):
    return load_corpus(write_jsonl(folder / "papeles.jsonl", rows))


def words(corpus, *filters, **options):
    return learn_tokenizer(corpus.splits["train"]["text"], filters, **options)


def items(dataset: EncodedDataset) -> list[tuple]:
    """(ids, label) of each row in order."""
    return [
        (tuple(dataset[row]["input_ids"].tolist()), dataset[row]["labels"].item())
        for row in range(len(dataset))
    ]


def forbid(*args, **kwargs):
    raise AssertionError("encoded again")


def test_mapped_files_hold_what_memory_holds_and_are_found_again(cache, tmp_path, monkeypatch):
    corpus = corpus_of(tmp_path, corpus_rows())
    tokenizer = words(corpus, "lower")
    monkeypatch.setattr(encoding, "CHUNK", 7)
    mapped = encode_splits(corpus.splits, tokenizer, 4)
    for split, dataset in corpus.splits.items():
        memory = encode_dataset(dataset, tokenizer, 4)
        for name in encoding.ARRAYS:
            ours, theirs = getattr(mapped[split], name), getattr(memory, name)
            assert torch.equal(ours, theirs) and ours.dtype == theirs.dtype
        ids = tokenizer(dataset["text"][:], truncation=True, max_length=4)["input_ids"]
        expected = [(tuple(i), label) for i, label in zip(ids, dataset["label"], strict=True)]
        assert items(mapped[split]) == expected
    monkeypatch.setattr(encoding, "write_split", forbid)
    again = encode_splits(corpus.splits, tokenizer, 4)
    assert all(items(again[split]) == items(mapped[split]) for split in mapped)
    assert len(list((cache / "spanish-text-suite").glob("words-*"))) == 1


def test_a_call_of_the_tokenizer_does_not_lose_the_cache(cache, tmp_path, monkeypatch):
    corpus = corpus_of(tmp_path, corpus_rows(8))
    tokenizer = words(corpus)
    before = encode_splits(corpus.splits, tokenizer, 4)
    tokenizer(["factura", "acta de la asamblea"], truncation=True, max_length=2, padding=True)
    monkeypatch.setattr(encoding, "write_split", forbid)
    after = encode_splits(corpus.splits, tokenizer, 4)
    assert all(items(after[split]) == items(before[split]) for split in before)


def test_an_edited_text_other_filters_and_another_length_are_encoded_anew(cache, tmp_path):
    rows = corpus_rows(8)
    corpus = corpus_of(tmp_path, rows)
    tokenizer = words(corpus)
    first = encode_splits(corpus.splits, tokenizer, 9)
    id_ = corpus.splits["train"][0]["id"]
    edited = [row | {"text": "extracto extracto"} if row["id"] == id_ else row for row in rows]
    changed = corpus_of(tmp_path, edited)
    second = encode_splits(changed.splits, tokenizer, 9)
    row = changed.splits["train"]["id"].index(id_)
    assert items(second["train"])[row][0] == (tokenizer.get_vocab()["extracto"],) * 2
    assert items(first["train"]) != items(second["train"])
    shorter = encode_splits(corpus.splits, tokenizer, 2)
    assert max(shorter["train"]["length"]) == 2 and max(first["train"]["length"]) > 2
    other = words(corpus, "strip_numeric")
    filtered = encode_splits(corpus.splits, other, 9)
    assert filtered["train"]["length"].sum() < first["train"]["length"].sum()
    assert len(list((cache / "spanish-text-suite").glob("words-*"))) == 4


def test_a_prepared_folder_that_was_tampered_with_is_encoded_anew(cache, tmp_path):
    """The hash in dataset.json is the old one, the arrow files are others."""
    corpus = corpus_of(tmp_path, corpus_rows(8))
    save_prepared(corpus, tmp_path / "data")
    prepared = load_corpus(tmp_path / "data")
    tokenizer = words(prepared)
    encode_splits(prepared.splits, tokenizer, 9)
    other = corpus_of(
        tmp_path, [row | {"text": "factura " + row["text"]} for row in corpus_rows(8)]
    )
    other.splits.save_to_disk(str(tmp_path / "data"))
    tampered = load_corpus(tmp_path / "data")
    assert tampered.info["hash"] == prepared.info["hash"]
    found = encode_splits(tampered.splits, tokenizer, 9)
    assert all(ids[0] == tokenizer.get_vocab()["factura"] for ids, _ in items(found["train"]))


def test_without_a_place_for_the_cache_texts_are_encoded_in_memory(tmp_path, monkeypatch):
    corpus = corpus_of(tmp_path, corpus_rows(8))
    tokenizer = words(corpus)
    (tmp_path / "archivo").write_text("no es una carpeta", encoding="utf-8")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "archivo")
    found = encode_splits(corpus.splits, tokenizer, 9)
    assert all(
        items(found[s]) == items(encode_dataset(d, tokenizer, 9)) for s, d in corpus.splits.items()
    )


def test_a_disk_that_fills_up_leaves_no_half_cache(cache, tmp_path, monkeypatch):
    corpus = corpus_of(tmp_path, corpus_rows(8))
    tokenizer = words(corpus)
    write = encoding.write_split

    def full_at_test(folder, *args):
        if folder.name == "test":
            raise OSError(28, "No space left on device")
        write(folder, *args)

    monkeypatch.setattr(encoding, "write_split", full_at_test)
    found = encode_splits(corpus.splits, tokenizer, 9)
    assert len(found["test"]) == len(corpus.splits["test"])
    assert not list((cache / "spanish-text-suite").glob("*words-*[!k]"))


def test_empty_splits_and_texts_without_a_word(cache):
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["a", "b"])}
    )
    tables = {
        "train": {"text": ["hola hola", "", "!!"], "label": [1, 0, 1]},
        "validation": {"text": [], "label": []},
        "test": {"text": ["?", None], "label": [0, 1]},
    }
    splits = datasets.DatasetDict(
        {s: datasets.Dataset.from_dict(t, features) for s, t in tables.items()}
    )
    tokenizer = learn_tokenizer(["hola hola"], ["strip_punctuation"])
    found = encode_splits(splits, tokenizer, 5)
    assert items(found["train"]) == [((2, 2), 1), ((), 0), ((), 1)]
    assert items(found["validation"]) == [] and found["validation"]["labels"].tolist() == []
    assert found["test"].__getitems__([1, 0])["input_ids"].tolist() == [[0], [0]]
    assert describe_words(found)["empty"] == {"train": 2, "validation": 0, "test": 2}


SIZES = [(0, 4), (1, 4), (5, 5), (16, 4), (17, 4), (100, 1), (100, 16), (100, 128)]


def lengths_of(n: int) -> np.ndarray:
    return np.random.default_rng(n).integers(0, 40, n)


def samplers(n: int, batch_size: int, seed: int) -> list:
    return [
        BucketSampler(lengths_of(n), batch_size, seed),
        BlockSampler(lengths_of(n), batch_size, seed, 32),
        BlockSampler(lengths_of(n), batch_size, seed, 1000),
        BlockSampler(lengths_of(n), batch_size, seed, 1),
    ]


def epoch_of(sampler, epoch: int) -> list[int]:
    sampler.set_epoch(epoch)
    return list(sampler)


@pytest.mark.parametrize(("n", "batch_size"), SIZES)
def test_every_row_once_an_epoch_in_an_order_of_seed_and_epoch_alone(n, batch_size):
    for sampler, same, other in zip(
        *(samplers(n, batch_size, seed) for seed in (3, 3, 4)), strict=True
    ):
        orders = []
        for epoch in (0, 1, 2):
            np.random.seed(epoch)
            torch.manual_seed(epoch)
            orders.append(epoch_of(sampler, epoch))
            assert sorted(orders[-1]) == list(range(n)) and len(sampler) == n
            assert all(type(row) is int for row in orders[-1])
        assert (
            epoch_of(same, 2) == orders[2] and epoch_of(same, 0) == orders[0]
        )  # in any order of epochs
        if n > 16:  # one batch alone has one order
            assert (
                orders[0] != orders[1] != orders[2] != orders[0] and epoch_of(other, 0) != orders[0]
            )
            assert orders[0] != list(range(n))


def test_batches_are_of_one_length_and_in_random_order():
    lengths = np.repeat([1, 5, 9, 30], 24)
    order = epoch_of(BucketSampler(np.random.default_rng(0).permutation(lengths), 8, 0), 0)
    found = np.random.default_rng(0).permutation(lengths)[order].reshape(-1, 8)
    assert (found.min(1) == found.max(1)).all() and Counter(found[:, 0].tolist()) == {
        1: 3,
        5: 3,
        9: 3,
        30: 3,
    }
    assert (
        found[:, 0].tolist() != sorted(found[:, 0])
        and found[:, 0].tolist() != sorted(found[:, 0])[::-1]
    )
    rows = np.array(order).reshape(-1, 8)
    assert (np.sort(rows, 1) != rows).any()
    spread = [
        np.ptp(lengths_of(1000)[b])
        for b in np.reshape(epoch_of(BucketSampler(lengths_of(1000), 20, 1), 0), (-1, 20))
    ]
    assert np.mean(spread) < 2
    mates = [
        set(map(frozenset, np.reshape(epoch_of(BucketSampler(lengths, 8, 0), e), (-1, 8)).tolist()))
        for e in (0, 1)
    ]
    assert not mates[0] & mates[1]  # rows of one length meet others in each epoch


def test_what_does_not_fill_a_batch_is_left_to_chance():
    lengths = np.arange(10)
    last = {tuple(sorted(epoch_of(BucketSampler(lengths, 4, 0), epoch)[8:])) for epoch in range(30)}
    assert len(last) > 10


def test_blocks_are_read_one_after_another():
    n, buffer = 100, 32
    for epoch in range(5):
        order = np.array(epoch_of(BlockSampler(lengths_of(n), 8, 0, buffer), epoch))
        blocks = order // buffer
        assert np.count_nonzero(np.diff(blocks)) == 3  # four blocks, each one whole before the next
    firsts = {
        epoch_of(BlockSampler(lengths_of(n), 8, 0, buffer), epoch)[0] // buffer
        for epoch in range(20)
    }
    assert firsts == {0, 1, 2, 3}


def loaded(dataset: EncodedDataset, sampler, batch_size: int) -> list[tuple]:
    """(ids, label) of all rows as a DataLoader hands them out, padding cut off by the mask."""
    found = []
    for batch in torch.utils.data.DataLoader(
        dataset, batch_size, sampler=sampler, collate_fn=identity_collator
    ):
        mask = batch.get("attention_mask", torch.ones_like(batch["input_ids"]))
        for ids, keep, label in zip(batch["input_ids"], mask.bool(), batch["labels"], strict=True):
            found.append((tuple(ids[keep].tolist()), label.item()))
    return found


def test_streaming_gives_the_items_of_memory(cache, tmp_path):
    corpus = corpus_of(tmp_path, corpus_rows())
    tokenizer = words(corpus, min_frequency=1)
    mapped = encode_splits(corpus.splits, tokenizer, 9)["train"]
    memory = encode_dataset(corpus.splits["train"], tokenizer, 9)
    streamed = loaded(mapped, BlockSampler(mapped["length"], 8, 0, 50), 8)
    bucketed = loaded(memory, BucketSampler(memory["length"], 8, 0), 8)
    assert Counter(streamed) == Counter(bucketed) == Counter(items(memory))
    assert streamed != bucketed and len(streamed) == len(corpus.splits["train"])


IMBALANCED = [0] * 50 + [2] * 7 + [5] * 2 + [1]  # classes 3 and 4 have no row, class 1 has one


def balanced(batch_size: int, n_batches: int, epoch: int, seed=0, labels=IMBALANCED) -> np.ndarray:
    """Row numbers of one epoch, (n_batches, batch_size)."""
    sampler = BalancedSampler(labels, batch_size, n_batches, seed)
    order = epoch_of(sampler, epoch)
    assert len(order) == len(sampler) == batch_size * n_batches
    return np.reshape(order, (n_batches, batch_size))


@pytest.mark.parametrize(
    ("batch_size", "n_batches"), [(8, 5), (9, 5), (64, 3), (4, 1), (3, 20), (1, 40), (2, 7)]
)
def test_every_batch_is_balanced_to_one_row_and_no_row_comes_back_early(batch_size, n_batches):
    labels = np.array(IMBALANCED)
    for epoch in range(3):
        batches = balanced(batch_size, n_batches, epoch)
        for batch in labels[batches]:
            counts = np.bincount(batch, minlength=6)[[0, 1, 2, 5]]
            assert counts.sum() == batch_size and np.ptp(counts) <= 1
        for code in (0, 1, 2, 5):
            own = np.flatnonzero(labels == code)
            drawn = batches.ravel()[labels[batches.ravel()] == code]
            for start in range(0, len(drawn), len(own)):
                part = drawn[start : start + len(own)]
                assert len(set(part.tolist())) == len(part)
            assert np.ptp(np.bincount(drawn, minlength=len(labels))[own]) <= 1


def test_the_rows_that_do_not_go_even_fall_on_all_classes():
    labels = np.array(IMBALANCED)
    counts = np.bincount(labels[balanced(1, 4000, 0).ravel()], minlength=6)
    assert counts[[3, 4]].tolist() == [0, 0] and (abs(counts[[0, 1, 2, 5]] - 1000) < 120).all()


def test_balanced_draws_are_others_each_epoch_and_seed_and_the_same_again():
    first = balanced(8, 5, 0)
    assert (balanced(8, 5, 0) == first).all()
    assert (balanced(8, 5, 1) != first).any() and (balanced(8, 5, 0, seed=1) != first).any()
    seen = {row for epoch in range(60) for row in balanced(8, 5, epoch).ravel()}
    assert seen == set(range(len(IMBALANCED)))


def test_one_class_and_equal_classes():
    assert Counter(balanced(4, 3, 0, labels=[7, 7]).ravel().tolist()) == {0: 6, 1: 6}
    even = balanced(4, 6, 0, labels=[0, 1] * 6)
    assert sorted(even.ravel().tolist()) == sorted([*range(12), *range(12)])
    assert np.sort(even[:3].ravel()).tolist() == list(range(12))  # an epoch's half is a whole pass
