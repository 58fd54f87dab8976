"""What several test modules use: a made corpus, command lines, refusals."""

import gzip
import json
import os
import subprocess
from pathlib import Path

import pytest

REPO_ROOT = Path(__file__).resolve().parent.parent
PACKAGE = REPO_ROOT / "beto_text_model"
SCRIPTS = PACKAGE / "scripts" / "train"
LABELS = ("cédula de ciudadanía", "factura/recibo", "contrato", "01", "NA")
RUN_FILES = {
    "README.md",
    "all_results.json",
    "classification_report.json",
    "config.json",
    "config.yaml",
    "confusion_matrix.csv",
    "labels.json",
    "log_history.json",
    "model.safetensors",
    "predictions_test.parquet",
    "predictions_validation.parquet",
    "tokenizer.json",
    "tokenizer_config.json",
    "figures/calibration.png",
    "figures/class_frequencies.png",
    "figures/confusion_matrix.png",
    "figures/curves.png",
    "figures/per_class.png",
}


def command(*words, timeout=240, check=True, **env) -> subprocess.CompletedProcess:
    """Run a command line of the project as a user does, from another folder than its own."""
    done = subprocess.run(
        [str(w) for w in words],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd="/",
        env=os.environ | env,
    )
    if check and done.returncode:
        raise AssertionError(
            f"exit {done.returncode}: {words}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        )
    return done


def refused(capsys, main, *words) -> str:
    """Call `main` with bad input; it must exit with 2 and print one line, which is returned."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main([str(w) for w in words])
    lines = capsys.readouterr().err.strip().splitlines()
    assert stop.value.code == 2
    assert len(lines) == 1 and lines[0].startswith("error: "), lines
    return lines[0]


def corpus_rows(n_per_class: int = 40) -> list[dict]:
    """Short Spanish texts of five classes whose first words tell the class; no two are equal."""
    words = {
        LABELS[0]: "identificación república nombres apellidos registraduría",
        LABELS[1]: "factura venta cliente subtotal régimen común señor",
        LABELS[2]: "contrato cláusula las partes acuerdan arrendamiento año",
        LABELS[3]: "extracto saldo cuenta débito crédito período",
        LABELS[4]: "acta reunión asamblea socios quórum decisión ¿aprobada?",
    }
    rows = []
    for label, vocabulary in words.items():
        vocabulary = vocabulary.split()
        for i in range(n_per_class):
            text = " ".join(vocabulary[(i * k) % len(vocabulary)] for k in range(1, 3 + i % 9))
            rows.append(
                {"id": f"doc-{len(rows):03}", "text": f"{text} número {len(rows)}", "label": label}
            )
    return rows


def write_jsonl(path: Path, rows: list[dict]) -> Path:
    opener = gzip.open if path.suffix == ".gz" else open
    path.parent.mkdir(parents=True, exist_ok=True)
    with opener(path, "wt", encoding="utf-8") as stream:
        for row in rows:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


def nothing(*args, **kwargs):
    pass


def files_of(folder) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
