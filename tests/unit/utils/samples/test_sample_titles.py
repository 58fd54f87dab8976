"""Made-up titles: the same bytes for a seed, the sizes of the data they stand in for, labels as
right as they say.
"""

import gzip
import hashlib
import json
from collections import Counter

import numpy as np
import pytest

from tests.helpers import refused
from utils.data import load_splits
from utils.samples import titles as sample_titles

SPLITS = ("train", "validation", "test")
TEST_ROWS = "81bc9effd7d392d54c0527a6a82c13b73637ace833340895ae539ab59bc2e30c"  # sha256


def read(folder, split):
    with gzip.open(folder / f"{split}.jsonl.gz", "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return sample_titles.main(
        [
            "--rows",
            "20000",
            "--classes",
            "40",
            "--output",
            str(tmp_path_factory.mktemp("titles") / "x"),
        ]
    )


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        sample_titles.main(
            ["--rows", "2000", "--seed", str(seed), "--output", str(tmp_path / name)]
        )
    digest = {
        name: [
            hashlib.sha256((tmp_path / name / f"{s}.jsonl.gz").read_bytes()).hexdigest()
            for s in SPLITS
        ]
        for name in "abc"
    }
    assert digest["a"] == digest["b"] and not set(digest["a"]) & set(digest["c"])
    text = gzip.decompress((tmp_path / "a" / "test.jsonl.gz").read_bytes())
    assert (
        hashlib.sha256(text).hexdigest() == TEST_ROWS
    )  # the same on every machine and with every numpy


def test_sizes_of_the_whole_data():
    sizes = sample_titles.split_sizes(sum(sample_titles.SPLIT_ROWS.values()), 632)
    assert {split: counts.sum() for split, counts in sizes.items()} == sample_titles.SPLIT_ROWS
    train, test = sizes["train"], sizes["test"]
    assert len(train) == 632 and abs(train.max() - 15_208) < 10 and abs(train.min() - 220) < 5
    assert abs(test.max() - 134) <= 1 and abs(test.min() - 53) <= 1
    assert sizes["validation"] == pytest.approx(train / 4, abs=1)
    assert abs(np.corrcoef(train, test)[0, 1]) < 0.15


def test_few_rows_have_fewer_classes_and_all_of_them_everywhere():
    for rows, classes in ((80, 2), (1_000, 25), (25_280, 632), (100_000, 632)):
        sizes = sample_titles.split_sizes(rows, min(632, rows // 40))
        assert sum(counts.sum() for counts in sizes.values()) == rows
        assert {len(counts) for counts in sizes.values()} == {classes} and min(
            c.min() for c in sizes.values()
        ) >= 1
    with pytest.raises(sample_titles.InputError, match="too few"):
        sample_titles.apportion(np.ones(5), 9, 2)
    assert sample_titles.apportion(np.array([100.0, 1, 1]), 10, 3).tolist() == [4, 3, 3]


def test_what_is_written_can_be_loaded(folder):
    splits = load_splits(folder)
    assert {s: len(d) for s, d in splits.items()} == {
        "train": 15_835,
        "validation": 3_959,
        "test": 206,
    }
    counts = Counter(splits["train"]["label"])
    assert len(counts) == 40 == len(set(splits["test"]["label"]))
    assert max(counts.values()) / min(counts.values()) > 30
    assert len({i for d in splits.values() for i in d["id"]}) == 20_000


def test_titles_look_like_titles(folder):
    texts = [row["text"] for row in read(folder, "train")]
    words = [text.split() for text in texts]
    assert 46 < np.mean([len(text) for text in texts]) < 50
    assert {len(title) for title in words} == set(range(3, 10)) and 5.9 < np.mean(
        [len(w) for w in words]
    ) < 6.1
    assert 0.5 < np.mean([any(c in "áéíóúñ" for c in text.lower()) for text in texts]) < 0.95
    assert 0.2 < np.mean([any(c.isdigit() for c in text) for text in texts]) < 0.7
    assert 0.06 < np.mean([text == text.upper() for text in texts]) < 0.11
    often = Counter(word.lower() for title in words for word in title).most_common()
    assert often[0][1] > 20 * often[200][1]
    assert len(set(texts)) > 0.99 * len(texts)


def test_order_alone_tells_some_classes_apart():
    language = sample_titles.make_language(10, 0)
    assert language.pairs[4].tolist() == language.pairs[5].tolist()[::-1]
    codes = np.repeat([4, 5], 5000)
    texts = [
        t.lower().split() for t in sample_titles.titles(np.random.default_rng(0), language, codes)
    ]
    first, second = language.words[language.pairs[4]]
    forth = [t[:3] == [first, "de", second] for t in texts]
    back = [t[:3] == [second, "de", first] for t in texts]
    assert 400 < sum(forth[:5000]) < 600 and not any(forth[5000:])
    assert 400 < sum(back[5000:]) < 600 and not any(back[:5000])


def test_label_noise(tmp_path):
    for noise in (0, 0.2):
        sample_titles.main(
            ["--rows", "20000", "--label_noise", str(noise), "--output", str(tmp_path / str(noise))]
        )
    for split in SPLITS:
        clean, noisy = (read(tmp_path / name, split) for name in ("0", "0.2"))
        assert [row["text"] for row in clean] == [row["text"] for row in noisy]
        share = np.mean([a["label"] != b["label"] for a, b in zip(clean, noisy, strict=True)])
        assert share == 0 if split == "test" else abs(share - 0.2) < 0.02
        assert Counter(row["label"] for row in clean) == Counter(row["label"] for row in noisy)


def test_blocks_are_seeded_by_themselves(tmp_path, monkeypatch):
    """Memory is bounded by a block, and a block's titles do not depend on those before it."""
    monkeypatch.setattr(sample_titles, "BLOCK", 100)
    made, language = [], sample_titles.titles

    def counted(rng, language_, codes):
        made.append(len(codes))
        return language(rng, language_, codes)

    monkeypatch.setattr(sample_titles, "titles", counted)
    codes = np.random.default_rng(0).integers(0, 5, 250)
    codes[0] = 4
    sample_titles.write_titles(tmp_path / "all", codes, 0)
    assert made == [100, 100, 50]
    sample_titles.write_titles(tmp_path / "first", codes[:200], 0)
    lines = [gzip.open(tmp_path / name).read().splitlines() for name in ("all", "first")]
    assert lines[0][:200] == lines[1] and len(lines[0]) == 250


def test_a_bag_of_words_gets_most_classes_right(folder):
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import SGDClassifier

    train, test = read(folder, "train")[:10_000], read(folder, "test")
    bag = HashingVectorizer(n_features=2**16, alternate_sign=False)
    model = SGDClassifier(loss="modified_huber", alpha=1e-5, random_state=0, max_iter=10, tol=None)
    model.fit(bag.transform([r["text"] for r in train]), [r["label"] for r in train])
    accuracy = model.score(bag.transform([r["text"] for r in test]), [r["label"] for r in test])
    assert 0.75 < accuracy < 0.95


def test_refusals(folder, capsys, tmp_path):
    main = sample_titles.main
    assert "already there" in refused(capsys, main, "--output", folder)
    assert "--rows" in refused(capsys, main, "--rows", "3", "--output", tmp_path / "a")
    assert "--label_noise" in refused(
        capsys, main, "--label_noise", "1.5", "--output", tmp_path / "a"
    )
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    assert "holds no train.jsonl.gz" in refused(
        capsys, main, "--output", tmp_path / "mine", "--overwrite"
    )
    assert (tmp_path / "mine" / "file").exists()
