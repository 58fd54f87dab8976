"""What a user can get wrong: one line, exit code 2, the culprit and the fix; or a counted report.
Nothing is lost.
"""

import gzip
import json

import pytest

from beto_text_model.scripts.train import eval as eval_script
from beto_text_model.scripts.train import predict as predict_script
from beto_text_model.scripts.train import train as train_script
from tests.helpers import corpus_rows, refused, write_jsonl
from utils import prepare_dataset

GOOD = corpus_rows(8)
CSV_HEAD = "id,text,label\n"


def text_of(rows=GOOD) -> str:
    return "\n".join(json.dumps(r, ensure_ascii=False) for r in rows)


def prepare(folder, name, content, *flags):
    """Write a file and prepare it; returns dataset.json's content."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    prepare_dataset.main([str(path), "--output", str(folder / "out"), *flags])
    return json.loads((folder / "out" / "dataset.json").read_text(encoding="utf-8"))


REFUSED = {
    "missing file": ("otro.csv", None, [], ["otro.csv", "no such file"]),
    "missing folder": ("carpeta/", None, [], ["carpeta", "no such file or folder"]),
    "empty file": ("x.csv", "", [], ["x.csv", "empty"]),
    "blank file": ("x.jsonl", "\n \n", [], ["x.jsonl", "empty"]),
    "header only": ("x.csv", CSV_HEAD, [], ["x.csv", "header and no rows"]),
    "missing column": (
        "x.csv",
        "id,texto,label\n1,a,b\n",
        [],
        ["'text'", "'texto'", "--text_column"],
    ),
    "missing label column": ("x.jsonl", '{"text": "a"}', [], ["'label'", "--label_column"]),
    "missing id column": (
        "x.jsonl",
        text_of(),
        ["--id_column", "clave"],
        ["'clave'", "--id_column"],
    ),
    "broken json line": (
        "x.jsonl",
        text_of() + '\n{"id": "z", "text": ',
        [],
        ["line 41", "broken json"],
    ),
    "json line that is a list": (
        "x.jsonl",
        text_of() + "\n[1, 2]",
        [],
        ["line 41", "not a json object"],
    ),
    "text that is a list": ("x.jsonl", '{"text": ["a"], "label": "b"}', [], ["line 1", "list"]),
    "ragged csv": ("x.csv", CSV_HEAD + "1,a,b\n2,a,b,c\n", [], ["line 3", "4 fields"]),
    "unclosed quote": ("x.csv", CSV_HEAD + '1,"a,b\n2,a,b\n', [], ["x.csv", "line", "quotes"]),
    "column twice": ("x.csv", "id,text,text,label\n1,a,b,c\n", [], ["'text' twice"]),
    "one class only": (
        "x.jsonl",
        text_of([r | {"label": "única"} for r in GOOD]),
        [],
        ["'única'", "two classes"],
    ),
    "no label at all": (
        "x.jsonl",
        text_of([r | {"label": ""} for r in GOOD]),
        [],
        ["no row has a label"],
    ),
    "duplicate ids": (
        "x.jsonl",
        text_of([r | {"id": "7"} for r in GOOD]),
        [],
        ["id '7'", "40 times", "--id_column"],
    ),
    "binary table": ("x.csv", b"\x89PNG\r\n\0\0\0abc", [], ["x.csv", "binary"]),
    "truncated gzip": (
        "x.jsonl.gz",
        gzip.compress(text_of().encode())[:-40],
        [],
        ["x.jsonl.gz", "cannot be read"],
    ),
    "parquet that is none": ("x.parquet", "hola", [], ["x.parquet", "not a readable parquet"]),
    "unknown kind of file": ("x.docx", "hola", [], ["x.docx", "unknown kind of file"]),
    "too few texts": ("x.jsonl", text_of([GOOD[0], GOOD[20]]), [], ["too few"]),
    "sample fraction": ("x.jsonl", text_of(), ["--sample_fraction", "0"], ["--sample_fraction"]),
    "sizes": ("x.jsonl", text_of(), ["--test_size", "0.95"], ["--test_size"]),
    "unknown flag": (
        "x.jsonl",
        text_of(),
        ["--text_colum", "a"],
        ["--text_colum", "--text_column"],
    ),
    "one fold": ("x.jsonl", text_of(), ["--folds", "1"], ["1 folds"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_prepare_refuses(case, tmp_path, capsys):
    name, content, flags, words = REFUSED[case]
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    message = refused(capsys, prepare_dataset.main, path, "--output", tmp_path / "out", *flags)
    assert all(word in message for word in words), message
    assert not (tmp_path / "out").exists()
    assert [p.name for p in tmp_path.iterdir()] == ([name] if content is not None else [])


def test_missing_split_and_ambiguous_splits(tmp_path, capsys):
    write_jsonl(tmp_path / "a" / "test.jsonl", GOOD)
    assert "no train split" in refused(capsys, prepare_dataset.main, tmp_path / "a")
    write_jsonl(tmp_path / "b" / "val.jsonl", GOOD)
    write_jsonl(tmp_path / "b" / "validation.jsonl", GOOD)
    assert "val.jsonl and validation.jsonl" in refused(capsys, prepare_dataset.main, tmp_path / "b")
    (tmp_path / "c").mkdir()
    assert "no split found" in refused(capsys, prepare_dataset.main, tmp_path / "c")
    (tmp_path / "d" / "train" / "clase").mkdir(parents=True)
    (tmp_path / "d" / "train" / "clase" / "foto.jpg").write_bytes(b"\xff\xd8")
    message = refused(capsys, prepare_dataset.main, tmp_path / "d")
    assert "no text in it" in message and "1 .jpg" in message


def test_hub_id_without_network_says_how_to_go_on(capsys):
    message = refused(capsys, prepare_dataset.main, "algun-equipo/temas")
    assert "algun-equipo/temas" in message and "cannot be reached" in message and "copy" in message


def test_occupied_output_is_refused_and_kept(tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mi_trabajo.txt").write_text("no borrar", encoding="utf-8")
    path = write_jsonl(tmp_path / "x.jsonl", GOOD)
    assert "--overwrite" in refused(
        capsys, prepare_dataset.main, path, "--output", tmp_path / "out"
    )
    message = refused(
        capsys, prepare_dataset.main, path, "--output", tmp_path / "out", "--overwrite"
    )
    assert "holds no prepared dataset" in message
    assert (tmp_path / "out" / "mi_trabajo.txt").read_text(encoding="utf-8") == "no borrar"


def test_overwrite_replaces_a_prepared_dataset(tmp_path):
    first = prepare(tmp_path, "x.jsonl", text_of())
    second = prepare(tmp_path, "x.jsonl", text_of(GOOD[:30]), "--overwrite")
    assert first["rows"] != second["rows"]


def test_versions_count_up(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_jsonl(tmp_path / "temas.jsonl", GOOD)
    prepare_dataset.main(["temas.jsonl"])
    prepare_dataset.main(["temas.jsonl", "--seed", "1"])
    versions = [
        json.loads(p.read_text(encoding="utf-8"))
        for p in sorted(tmp_path.glob("data/temas/*/dataset.json"))
    ]
    assert [v["version"] for v in versions] == [1, 2] and versions[0]["hash"] != versions[1]["hash"]
    profile = (tmp_path / "data" / "temas" / "data_v1" / "profile.md").read_text(encoding="utf-8")
    assert "cédula de ciudadanía" in profile and "## Lengths in words" in profile
    figures = {p.name for p in (tmp_path / "data" / "temas" / "data_v1" / "figures").iterdir()}
    assert figures == {"lengths.png", "class_frequencies.png"}


def test_folds_are_prepared_datasets(tmp_path):
    path = write_jsonl(tmp_path / "x.jsonl", GOOD)
    prepare_dataset.main([str(path), "--output", str(tmp_path / "out"), "--folds", "3"])
    assert sorted(p.parent.name for p in tmp_path.glob("out/*/dataset.json")) == [
        "fold_1",
        "fold_2",
        "fold_3",
    ]


def test_632_classes(tmp_path):
    rows = [
        {"id": str(i), "text": f"título {i}", "label": f"CLASE_{i % 632:03}"}
        for i in range(632 * 3)
    ]
    info = prepare(tmp_path, "x.jsonl", text_of(rows))
    assert len(info["labels"]) == 632 and info["rows"]["test"] == info["rows"]["validation"] == 632


@pytest.mark.parametrize(
    "labels", [["0", "1"], ["á b", "c/d", "e\\f", "$x_1", "«ñ» ¿?"], ["-1", "1.0", "1"]]
)
def test_any_label_is_a_name(labels, tmp_path):
    rows = [r | {"label": labels[i % len(labels)]} for i, r in enumerate(GOOD)]
    assert prepare(tmp_path, "x.jsonl", text_of(rows))["labels"] == sorted(labels)


def test_a_class_in_one_split_only_is_reported(tmp_path):
    write_jsonl(
        tmp_path / "d" / "train.jsonl", GOOD + [{"id": "t", "text": "solo aquí", "label": "rara"}]
    )
    write_jsonl(tmp_path / "d" / "test.jsonl", [{"id": "u", "text": "solo allí", "label": "nueva"}])
    prepare_dataset.main([str(tmp_path / "d"), "--output", str(tmp_path / "out")])
    report = json.loads((tmp_path / "out" / "dataset.json").read_text(encoding="utf-8"))["report"]
    assert report["classes_not_in_train"] == ["nueva"] and "rara" in report["classes_only_in_train"]


def test_binary_and_latin_1_files_among_the_txt(tmp_path):
    for i, row in enumerate(GOOD):
        path = tmp_path / "tree" / "train" / f"clase {i % 2}" / f"{row['id']}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"{row['text']} año".encode("latin-1" if i == 0 else "utf-8"))
    (path.parent / "escaneo.txt").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    (path.parent / "notas.pdf").write_bytes(b"%PDF-1.4")
    prepare_dataset.main([str(tmp_path / "tree"), "--output", str(tmp_path / "out")])
    info = json.loads((tmp_path / "out" / "dataset.json").read_text(encoding="utf-8"))
    assert info["encodings"] == {"cp1252": 1, "utf-8": 39}
    assert info["dropped"] == {"binary content": {"train": 1}}
    assert sum(info["rows"].values()) == 40
    assert "escaneo" in (tmp_path / "out" / "dropped.csv").read_text(encoding="utf-8")
    assert any("escaneo.txt" in n for n in info["notes"]) and any(
        ".pdf" in n for n in info["notes"]
    )


def test_a_text_of_100_000_words_and_an_empty_one(tmp_path, run):
    rows = [*GOOD, {"id": "largo", "text": "palabra ñandú " * 50_000, "label": "contrato"}]
    assert sum(prepare(tmp_path, "x.csv", csv_of(rows))["rows"].values()) == 41
    path = write_jsonl(
        tmp_path / "p.jsonl", [rows[-1], {"id": "vacío", "text": ""}, {"id": "nulo", "text": None}]
    )
    predict_script.main([str(run), "--input", str(path), "--output", str(tmp_path / "p.csv")])
    lines = (tmp_path / "p.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4 and "largo" in lines[1] and "vacío" in lines[2] and "nulo" in lines[3]


def csv_of(rows) -> str:
    return CSV_HEAD + "".join(f'{r["id"]},"{r["text"]}",{r["label"]}\n' for r in rows)


TRAIN_REFUSED = {
    "no such model folder": (["--model_name_or_path", "./no/esta"], ["no such model folder"]),
    "hub id without network": (
        ["--model_name_or_path", "dccuchile/bert-base-spanish-wwm-uncased"],
        ["cannot be reached", "--local-dir", "model_name_or_path mini"],
    ),
    "unknown YAML key": (
        ["CONFIG: learning_rat: 3e-5"],
        ["learning_rat", "did you mean 'learning_rate'"],
    ),
    "YAML that is none": (["CONFIG: a: [1"], ["not valid YAML"]),
    "missing YAML": (["otra.yaml"], ["otra.yaml", "cannot be read"]),
    "unknown flag": (["--learning-rat", "1"], ["--learning-rat", "--learning_rate"]),
    "word for a number": (["--learning_rate", "alta"], ["learning_rate", "'alta'"]),
    "unknown metric": (["--metric_for_best_model", "f2"], ["f2", "macro_f1"]),
    "unknown tracker": (["--report_to", "excel"], ["excel", "wandb"]),
    "unknown attention": (["--attn_implementation", "flash"], ["attn_implementation", "eager"]),
    "unknown side": (["--truncation_side", "left"], ["truncation_side", "right or middle"]),
    "unknown class weights": (["--class_weights", "algo"], ["class_weights", "balanced"]),
    "fp16 without a GPU": (["--fp16", "true", "--use_cpu"], ["--fp16", "--bf16"]),
    "too long": (["--max_length", "5000"], ["--max_length 5000"]),
    "strategies that do not match": (
        ["--eval_strategy", "steps", "--eval_steps", "3"],
        ["strateg"],
    ),
    "missing dataset": (["--dataset", "/no/esta"], ["/no/esta", "no such file or folder"]),
}


@pytest.mark.parametrize("case", TRAIN_REFUSED)
def test_train_refuses(case, tmp_path, capsys, prepared):
    flags, words = TRAIN_REFUSED[case]
    if flags[0].startswith("CONFIG: "):
        (tmp_path / "c.yaml").write_text(flags[0].removeprefix("CONFIG: "), encoding="utf-8")
        flags = [tmp_path / "c.yaml"]
    message = refused(
        capsys,
        train_script.main,
        *flags[:1],
        *flags[1:],
        *([] if "--dataset" in flags else ["--dataset", prepared]),
        "--output_dir",
        tmp_path / "run",
    )
    assert all(word in message for word in words), message
    assert not list(tmp_path.glob("run*"))


def test_model_folder_without_tokenizer_or_config(tmp_path, capsys, tiny_encoder, prepared):
    flags = ["--dataset", prepared, "--output_dir", tmp_path / "run", "--model_name_or_path"]
    (tmp_path / "m").mkdir()
    assert "no config.json" in refused(capsys, train_script.main, *flags, tmp_path / "m")
    (tmp_path / "m" / "config.json").write_bytes((tiny_encoder / "config.json").read_bytes())
    assert "without tokenizer" in refused(capsys, train_script.main, *flags, tmp_path / "m")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "m" / file).write_bytes((tiny_encoder / file).read_bytes())
    assert "cannot be loaded" in refused(capsys, train_script.main, *flags, tmp_path / "m")


def test_occupied_run_folder(run, capsys, prepared, tiny_encoder, tmp_path):
    before = {p: p.stat().st_mtime_ns for p in run.rglob("*")}
    flags = ["--dataset", prepared, "--model_name_or_path", tiny_encoder, "--output_dir"]
    assert "--overwrite" in refused(capsys, train_script.main, *flags, run)
    assert train_script.main([*map(str, flags), str(run), "--resume"]) == run
    assert {p: p.stat().st_mtime_ns for p in run.rglob("*")} == before
    (tmp_path / "nota.txt").write_text("mía", encoding="utf-8")
    assert "holds no run" in refused(capsys, train_script.main, *flags, tmp_path, "--overwrite")


def test_eval_and_predict_refuse(run, capsys, tmp_path, prepared):
    evaluate, predict = eval_script.main, predict_script.main
    assert "not a finished run" in refused(capsys, evaluate, tmp_path)
    assert "--split" in refused(capsys, evaluate, run, "--split", "prueba")
    other = write_jsonl(tmp_path / "o.jsonl", [r | {"label": r["label"] + "!"} for r in GOOD])
    assert "does not know" in refused(capsys, evaluate, run, "--dataset", other)
    assert "no such file" in refused(
        capsys, predict, run, "--input", "/no/esta.csv", "--output", tmp_path / "p.csv"
    )
    assert "unknown kind" in refused(
        capsys, predict, run, "--input", other, "--output", tmp_path / "p.xlsx"
    )
    assert "already there" in refused(capsys, predict, run, "--input", other, "--output", other)
    (tmp_path / "carpeta").mkdir()
    assert "no text" in refused(
        capsys, predict, run, "--input", tmp_path / "carpeta", "--output", tmp_path / "p.csv"
    )
    assert "required" in refused(capsys, predict, run)


def test_disk_full_while_saving_keeps_the_last_checkpoint(
    tmp_path, capsys, prepared, tiny_encoder, monkeypatch
):
    """The second checkpoint meets a full disk: one line, the first one whole, and --resume finishes
    the run.
    """
    from transformers import PreTrainedModel

    save, calls = PreTrainedModel.save_pretrained, []

    def full_at_the_second(self, folder, **kwargs):
        calls.append(folder)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return save(self, folder, **kwargs)

    flags = [
        "--dataset",
        prepared,
        "--model_name_or_path",
        tiny_encoder,
        "--output_dir",
        tmp_path / "run",
        "--save_strategy",
        "steps",
        "--save_steps",
        "4",
        "--max_steps",
        "12",
        "--use_cpu",
    ]
    monkeypatch.setattr(PreTrainedModel, "save_pretrained", full_at_the_second)
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        train_script.main([str(f) for f in flags])
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert (
        stop.value.code == 2
        and "no space left" in last
        and "checkpoint-4 is whole" in last
        and "--resume" in last
    )
    assert [p.name for p in (tmp_path / "run.partial").glob("checkpoint-*")] == ["checkpoint-4"]
    monkeypatch.undo()
    assert "unfinished run" in refused(capsys, train_script.main, *flags)
    train_script.main([*map(str, flags), "--resume"])
    assert (tmp_path / "run" / "all_results.json").exists() and not (
        tmp_path / "run.partial"
    ).exists()
