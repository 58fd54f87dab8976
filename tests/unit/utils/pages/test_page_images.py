"""Every kind of image becomes the same page; what is no page is left out by name; trees become
datasets.
"""

import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers import refused
from utils import prepare_dataset
from utils.data import DataOptions, fold_corpora, load_corpus, load_splits, save_prepared
from utils.errors import InputError
from utils.pages.images import read_page_file
from utils.pages.text import flat

WIDTH, HEIGHT = 60, 84


def page(mode: str = "RGB", number: int = 0) -> Image.Image:
    """A white page, dark in its upper left quarter; `number` makes it one of its own."""
    values = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    values[: HEIGHT // 2, : WIDTH // 2] = (10, 20, 30)
    values[-1, : number % WIDTH] = 128
    values[-2, : number // WIDTH] = 128
    return Image.fromarray(values).convert(mode)


def saved(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def transparent() -> Image.Image:
    """The page as ink alone: black everywhere, opaque where the page is dark."""
    ink = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    ink[: HEIGHT // 2, : WIDTH // 2, 3] = 255
    return Image.fromarray(ink)


def deep(kind: str) -> bytes:
    """The page in 12 of 16 bits, or in 32."""
    values = np.asarray(page("L")).astype(np.uint16 if kind == "16" else np.int32)
    return saved(Image.fromarray(values * 16), "tiff")


def turned() -> bytes:
    """The page on its side, with the EXIF entry that says so."""
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    return saved(page().rotate(90, expand=True), "jpeg", exif=exif, quality=95)


KINDS = {
    "grey.png": saved(page("L"), "png"),
    "black_and_white.png": saved(page("1"), "png"),
    "colour.jpg": saved(page(), "jpeg", quality=95),
    "transparent.png": saved(transparent(), "png"),
    "grey_transparent.png": saved(transparent().convert("LA"), "png"),
    "palette.png": saved(page("P"), "png"),
    "palette_transparent.png": saved(
        page("P"), "png", transparency=page("P").getpixel((WIDTH - 1, 0))
    ),
    "sixteen_bits.tif": deep("16"),
    "thirty_two_bits.tiff": deep("32"),
    "cmyk.jpeg": saved(page("CMYK"), "jpeg", quality=95),
    "turned.jpg": turned(),
    "pages.tiff": saved(
        page(), "tiff", save_all=True, append_images=[Image.new("RGB", (WIDTH, HEIGHT))] * 2
    ),
    "print.pdf": saved(page(), "pdf", resolution=72, save_all=True, append_images=[page("L")]),
    "bitmap.bmp": saved(page(), "bmp"),
    "web.webp": saved(page(), "webp", quality=95),
}


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb() -> bytes:
    """A png of 100 bytes that declares 60,000 × 60,000 pixels."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0"))
        + chunk(b"IEND", b"")
    )


BAD = {
    "renamed.png": (KINDS["print.pdf"], "a pdf under another name"),
    "cut.png": (saved(Image.effect_noise((WIDTH, HEIGHT), 50), "png")[:-2000], "truncated"),
    "half.jpg": (saved(Image.effect_noise((WIDTH, HEIGHT), 50), "jpeg")[:900], "truncated"),
    "empty.jpg": (b"", "0 bytes"),
    "bomb.png": (bomb(), "pixels"),
    "words.tif": (b"hola", "no image that can be read"),
    "no.pdf": (KINDS["grey.png"], "no pdf"),
    "broken.pdf": (b"%PDF-1.4 hola", "a pdf that cannot be read"),
}


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def tree(folder: Path, n: int = 12, splits=("train", "val", "test")) -> Path:
    """A tree of two typologies, n different pages of each in every split."""
    number = 0
    for split in splits:
        for label in ("año", "b"):
            for i in range(n):
                number += 1
                write(folder / split / label / f"d{i}.png", saved(page(number=number), "png"))
    return folder


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_the_same_page(name, tmp_path):
    file = read_page_file(write(tmp_path / name, KINDS[name]))
    assert file.reason == ""
    image = flat(file.image)
    assert image.mode in ("L", "RGB") and abs(image.width / image.height - WIDTH / HEIGHT) < 0.02
    grey = np.asarray(image.convert("L").resize((WIDTH, HEIGHT)), float)
    assert grey[5 : HEIGHT // 2 - 5, 5 : WIDTH // 2 - 5].mean() < 40
    assert grey[HEIGHT // 2 + 5 :].mean() > 240 and grey[:, WIDTH // 2 + 5 :].mean() > 240
    assert file.pages == {"pages.tiff": 3, "print.pdf": 2}.get(name, 1)


def test_a_tree_of_all_kinds_is_a_dataset_and_pages_are_said(tmp_path):
    for name, data in KINDS.items():
        for label in ("año", "b"):
            write(tmp_path / "train" / label / name, data)
    tree(tmp_path, 3, ["val", "test"])
    corpus = load_corpus(tmp_path, content="image")
    assert corpus.splits["train"].column_names == ["id", "image", "label"]
    assert corpus.splits["train"]["id"][:2] == ["año/bitmap", "año/black_and_white"]
    assert len(corpus.splits["train"]) == 2 * len(KINDS) and not corpus.dropped
    assert all(isinstance(row["image"], Image.Image) for row in corpus.splits["train"])
    assert [
        n
        for n in corpus.info["notes"]
        if "4 files have several pages, the first of each is taken" in n
    ]


def test_what_is_no_page_is_left_out_and_named(tmp_path):
    tree(tmp_path / "t", 4)
    for name, (data, _) in BAD.items():
        write(tmp_path / "t" / "train" / "b" / name, data)
    write(tmp_path / "t" / "train" / "b" / "notas.docx", b"x")
    prepare_dataset.main([str(tmp_path / "t"), "--output", str(tmp_path / "out")])
    info = json.loads((tmp_path / "out" / "dataset.json").read_text(encoding="utf-8"))
    dropped = (tmp_path / "out" / "dropped.csv").read_text(encoding="utf-8")
    assert info["rows"]["train"] == 8 and sum(
        sum(n.values()) for n in info["dropped"].values()
    ) == len(BAD)
    for name, (_, reason) in BAD.items():
        note = next(n for n in info["notes"] if name in n)
        assert reason in note and f"b/{Path(name).stem}" in dropped, note
    assert any("1 files that are no images were left alone (1 .docx)" in n for n in info["notes"])
    profile = (tmp_path / "out" / "profile.md").read_text(encoding="utf-8")
    assert "## Sizes in pixels" in profile and "60 × 84" in profile


def test_prepared_equals_raw_and_holds_the_pages_themselves(tmp_path):
    raw = load_corpus(tree(tmp_path / "t"), content="image")
    (tmp_path / "out").mkdir()
    save_prepared(raw, tmp_path / "out")
    for path in (tmp_path / "t").rglob("*.png"):
        path.unlink()
    prepared = load_corpus(tmp_path / "out", content="image")
    assert prepared.info["hash"] == raw.info["hash"]
    for split, dataset in raw.splits.items():
        assert dataset["id"][:] == prepared.splits[split]["id"][:]
        assert np.array_equal(dataset[3]["image"], prepared.splits[split][3]["image"])
    part = load_corpus(tmp_path / "out", DataOptions(sample_fraction=0.5), content=None)
    assert part.info["rows"]["train"] == 12 and isinstance(
        part.splits["test"][0]["image"], Image.Image
    )
    folds = list(fold_corpora(prepared, 3))
    assert sorted(i for fold in folds for i in fold.splits["test"]["id"]) == sorted(
        f"{split}/{i}" for split, dataset in raw.splits.items() for i in dataset["id"]
    )


def test_missing_splits_are_cut_with_a_seed_and_equal_pages_stay_together(tmp_path):
    tree(tmp_path, 30, ["train"])
    for i in range(10):
        write(
            tmp_path / "train" / "b" / f"copy{i}.png",
            (tmp_path / "train" / "b" / f"d{i}.png").read_bytes(),
        )
    corpus = load_corpus(tmp_path, content="image")
    assert corpus.info["report"]["duplicates"]["train"] == 10
    side = {i.replace("copy", "d"): split for split, d in corpus.splits.items() for i in d["id"]}
    assert all(
        side[i.replace("copy", "d")] == split for split, d in corpus.splits.items() for i in d["id"]
    )
    assert {len(d) for s, d in corpus.splits.items() if s != "train"} != {0}
    again = load_splits(tmp_path)
    assert {s: d["id"][:] for s, d in again.items()} == {
        s: d["id"][:] for s, d in corpus.splits.items()
    }
    assert load_splits(tmp_path, seed=1)["test"]["id"][:] != again["test"]["id"][:]


def test_leaks_are_pages_of_the_same_bytes(tmp_path):
    tree(tmp_path, 5)
    write(tmp_path / "test" / "b" / "x.png", (tmp_path / "train" / "b" / "d1.png").read_bytes())
    corpus = load_corpus(tmp_path, content="image")
    assert corpus.info["report"]["leaks"]["test in train"] == 1
    assert any("1 pages of test are also in train" in note for note in corpus.info["notes"])
    without_leaks = load_corpus(tmp_path, DataOptions(drop_leaks=True), content="image")
    assert without_leaks.info["dropped"] == {"page also in validation or test": {"train": 1}}
    assert (
        "b/d1" not in without_leaks.splits["train"]["id"][:]
        and "b/x" in without_leaks.splits["test"]["id"][:]
    )


def test_an_edited_page_is_seen(tmp_path):
    before = load_corpus(tree(tmp_path, 4), content="image").info["hash"]
    assert load_corpus(tmp_path, content="image").info["hash"] == before
    write(tmp_path / "train" / "b" / "d0.png", saved(page(number=5000), "png"))
    assert load_corpus(tmp_path, content="image").info["hash"] != before


@pytest.fixture
def flat_test(tmp_path) -> Path:
    """train and val by typology, test flat; the truth beside it, twice."""
    tree(tmp_path / "t", 4, ["train", "val"])
    lines = ["file,typology,path"]
    for i in range(6):
        name, label = f"señal {i}.png", ("año", "b")[i % 2]
        write(tmp_path / "t" / "test" / name, saved(page(number=900 + i), "png"))
        write(tmp_path / "muestras" / label / name, b"x")
        lines.append(f"{name},{label},x")
    (tmp_path / "truth.csv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("truth", ["truth.csv", "muestras", "."])
def test_a_flat_test_is_labelled_by_its_ground_truth(flat_test, truth):
    options = DataOptions(ground_truth=str(flat_test / truth))
    test = load_corpus(flat_test / "t", options, content="image").splits["test"]
    assert test["id"][:] == [f"señal {i}" for i in range(6)]
    assert [test.features["label"].names[c] for c in test["label"]] == ["año", "b"] * 3


def test_ground_truth_that_cannot_be_used(flat_test, capsys):
    def say(*words):
        return refused(
            capsys, prepare_dataset.main, flat_test / "t", "--output", flat_test / "out", *words
        )

    assert "one of 6 files of test/" in say() and "--ground_truth" in say()
    assert "no such file" in say("--ground_truth", flat_test / "no.csv")
    text = (flat_test / "truth.csv").read_text(encoding="utf-8")
    (flat_test / "few.csv").write_text("\n".join(text.splitlines()[:-1]), encoding="utf-8")
    message = say("--ground_truth", flat_test / "few.csv")
    assert "1 of 6 files" in message and "'señal 5'" in message
    (flat_test / "twice.csv").write_text(text + "\nseñal 1.png,año,x", encoding="utf-8")
    assert "is both 'b' and 'año'" in say("--ground_truth", flat_test / "twice.csv")
    (flat_test / "names.csv").write_text(text.replace("typology", "clase"), encoding="utf-8")
    assert "no column 'typology'" in say("--ground_truth", flat_test / "names.csv")
    (flat_test / "hole.csv").write_text(text + "\nseñal 9.png,,x", encoding="utf-8")
    assert "line 8" in say("--ground_truth", flat_test / "hole.csv")
    assert not (flat_test / "out").exists()


def test_texts_and_pages_are_told_apart(tmp_path):
    write(tmp_path / "texts" / "train" / "b" / "a.txt", b"hola")
    with pytest.raises(InputError, match="no image in it"):
        load_corpus(tmp_path / "texts", content="image")
    with pytest.raises(InputError, match="no image in it"):
        load_corpus("sample", content="image")
    with pytest.raises(InputError, match="page images and no text"):
        load_corpus(tree(tmp_path / "pages", 2))
    with pytest.raises(InputError, match="page images and no text"):
        load_corpus("sample_pages")
    both = tree(tmp_path / "both", 4)
    for path in list(both.rglob("*.png")):
        path.with_suffix(".txt").write_text(f"texto {path}", encoding="utf-8")
    texts, pages = load_corpus(both).splits, load_corpus(both, content="image").splits
    assert {s: sorted(d["id"]) for s, d in texts.items()} == {
        s: sorted(d["id"]) for s, d in pages.items()
    }
    assert load_splits(both)["train"].column_names == ["id", "text", "label"]


def test_two_files_of_one_id_are_refused(tmp_path):
    write(tree(tmp_path, 2) / "train" / "b" / "d0.jpg", KINDS["colour.jpg"])
    with pytest.raises(InputError, match="d0.jpg beside it would have the same id 'b/d0'"):
        load_corpus(tmp_path, content="image")


def test_nothing_but_bad_pages(tmp_path):
    write(tmp_path / "train" / "b" / "cut.png", BAD["cut.png"][0])
    with pytest.raises(
        InputError, match="nor an image that can be read; 1 of 1 images were left out"
    ):
        load_corpus(tmp_path, content="image")


def test_what_datasets_saved_is_read(tmp_path):
    load_corpus(tree(tmp_path / "t", 4), content="image").splits.save_to_disk(
        str(tmp_path / "saved")
    )
    assert load_splits(tmp_path / "saved")["train"].column_names == ["id", "image", "label"]
    again = load_corpus(tmp_path / "saved", content="image")
    assert again.info["hash"] == load_corpus(tmp_path / "t", content="image").info["hash"]


def test_broken_images_among_what_datasets_saved_are_left_out(tmp_path):
    import datasets

    pages = [{"bytes": saved(page(number=i), "png"), "path": None} for i in range(40)]
    pages[3], pages[5] = {"bytes": BAD["cut.png"][0], "path": None}, None
    columns = {"image": pages, "label": ["año", "b"] * 20}
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("string")})
    datasets.Dataset.from_dict(columns, features).save_to_disk(str(tmp_path / "saved"))
    corpus = load_corpus(tmp_path / "saved", content="image")
    assert [(i, reason) for _, i, _, reason in corpus.dropped] == [
        ("3", corpus.dropped[0][3]),
        ("5", "empty file (0 bytes)"),
    ] and "truncated" in corpus.dropped[0][3]
    assert sum(corpus.info["rows"].values()) == 38
