"""The sample's pages: the same documents, splits and labels as its texts; the same bytes for a
seed.
"""

import functools
import io
import random

import numpy as np
import pytest
from PIL import Image

from tests.helpers import refused
from utils.data import DataOptions, load_corpus
from utils.samples import documents as sample_corpus
from utils.samples import pages as sample_pages
from utils.samples.documents import SIZES


@pytest.fixture(autouse=True, scope="module")
def sample_made_once():
    """The corpus of a seed takes seconds to write, and is the same each time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            sample_corpus, "generate_sample", functools.cache(sample_corpus.generate_sample)
        )
        yield


TEXT = "Señor gerente: el año pasado pagué 1.200.000 pesos.\n" * 12


def test_every_document_of_the_sample_is_there_under_its_id(monkeypatch):
    blank = sample_pages.render_page("", "", "0")
    monkeypatch.setattr(sample_pages, "render_page", lambda *job: blank)
    texts, pages = load_corpus("sample"), load_corpus("sample_pages", content="image")
    assert pages.info["name"] == "sample_pages" and pages.info["drawn_from"] == texts.info["hash"]
    for split, dataset in texts.splits.items():
        drawn = pages.splits[split]
        assert drawn.column_names == ["id", "image", "label"] and drawn["id"][:] == dataset["id"][:]
        assert drawn["label"][:] == dataset["label"][:]
        assert drawn.features["label"].names == dataset.features["label"].names


def test_a_sample_of_both_is_the_same_and_unlabelled_pages_are_kept():
    options = DataOptions(sample_fraction=0.01, unlabelled=["poliza_seguro"])
    texts, pages = (
        load_corpus("sample", options),
        load_corpus("sample_pages", options, content="image"),
    )
    for split, dataset in texts.splits.items():
        assert pages.splits[split]["id"][:] == dataset["id"][:]
    assert pages.unlabelled["id"][:] == texts.unlabelled["id"][:] and len(pages.unlabelled)
    assert isinstance(pages.unlabelled[0]["image"], Image.Image)
    assert pages.info["hash"] != texts.info["hash"]


def test_a_seed_gives_the_same_page_and_another_seed_another():
    one, two, other = (
        sample_pages.render_page(TEXT, "carta", seed) for seed in ("0/a", "0/a", "1/a")
    )
    assert one == two != other
    image = Image.open(io.BytesIO(one))
    assert image.mode == "L" and image.size == (sample_pages.WIDTH, sample_pages.HEIGHT)


def test_layouts_are_of_the_typologies_and_all_of_them_can_be_drawn():
    assert (
        set(sample_pages.LAYOUTS)
        == set(SIZES)
        == {label for group in sample_pages.ALIKE for label in group}
    )
    seed = next(
        f"0/{i}" for i in range(99) if random.Random(f"0/{i}").random() < sample_pages.OWN_LAYOUT
    )
    drawn = {label: sample_pages.render_page(TEXT, label, seed) for label in SIZES}
    assert len(set(drawn.values())) == len(SIZES)
    for page in drawn.values():
        dark = np.asarray(Image.open(io.BytesIO(page))) < 120
        assert 0.002 < dark.mean() < 0.3


def test_the_tree_has_the_ids_and_an_occupied_folder_is_kept(tmp_path, monkeypatch, capsys):
    rows = [
        {"id": f"carta/carta_{i}", "text": TEXT, "label": "carta", "split": split}
        for i, split in enumerate(("train", "validation", "test"))
    ]
    monkeypatch.setattr(sample_pages, "generate_sample", lambda seed: rows)
    sample_pages.main([str(tmp_path / "t")])
    files = sorted(
        p.relative_to(tmp_path / "t").as_posix() for p in (tmp_path / "t").rglob("*.png")
    )
    assert files == ["test/carta/carta_2.png", "train/carta/carta_0.png", "val/carta/carta_1.png"]
    assert (tmp_path / "t" / files[0]).read_bytes() == sample_pages.render_page(
        TEXT, "carta", "0/carta/carta_2"
    )
    assert "not an empty folder" in refused(capsys, sample_pages.main, tmp_path / "t")


@pytest.mark.parametrize("name", ["DejaVuSans", sample_pages.SERIF, sample_pages.MONO])
def test_fonts_have_the_letters_of_spanish(name):
    missing = sample_pages.glyph(name, 12, "\uffff")
    for letter in "áéíóúüñÑ¿¡":
        drawn = sample_pages.glyph(name, 12, letter)
        assert drawn.max() > 100 and (drawn.shape != missing.shape or (drawn != missing).any())
