"""Texts for pre-training: links are followed, lines without a text are blank ones."""

import json

from beto_text_model.raw_texts import RawTextOptions, load_raw_texts


def test_links_blank_texts_and_lines_without_a_text(tmp_path):
    away, folder = tmp_path / "away", tmp_path / "textos"
    away.mkdir()
    folder.mkdir()
    (away / "1.txt").write_text("un texto", encoding="utf-8")
    (away / "2.txt").write_text("\u00a0\u200b", encoding="utf-8")
    (folder / "enlace").symlink_to(away)
    rows = [{"otro": "x"}, {"text": "segundo"}, {"text": "tercero", "source": "\u00a0"}]
    (folder / "x.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = load_raw_texts(RawTextOptions(str(folder), held_out_size=0))
    assert sorted(found.texts.to_pylist()) == ["segundo", "tercero", "un texto"]
    assert found.names == ["enlace", "x"]
