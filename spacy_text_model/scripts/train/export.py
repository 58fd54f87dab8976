"""Make of a finished run a package that pip installs and that needs spaCy alone.

    python spacy_text_model/scripts/train/export.py runs/temas --output dist --name temas \
        --version 1.0.0
    pip install dist/es_temas-1.0.0-py3-none-any.whl
    python -c 'import es_temas; print(es_temas.load()("…").cats)'

The pipeline is written by `spacy package`, with architectures.py where its model is of that file;
the wheel is built by pip with the setuptools that is installed, so that no network is needed. The
run's card goes along as README.md.
"""

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from spacy.cli.package import package

from spacy_text_model.arguments import PACKAGE
from spacy_text_model.inference import load_pipeline, pipeline_folder
from utils import runs
from utils.cli import parse, start_logging
from utils.errors import InputError, exits_on_input_error

SUITE = "spanish-text-suite"


@dataclass
class ExportArguments:
    """What the package is called, and where it goes."""

    output: str = field(metadata={"help": "folder for the wheel"})
    name: str = field(
        default="textcat", metadata={"help": "name after es_: small letters, digits and _"}
    )
    version: str = field(
        default="0.0.0", metadata={"help": "version of the package: that of its data, for one"}
    )
    overwrite: bool = field(
        default=False, metadata={"help": "replace a wheel of that name and version"}
    )


@exits_on_input_error
def main(argv=None) -> Path:
    """Export; returns the wheel's path."""
    # Arguments.
    args, words = parse(ExportArguments, argv, doc=__doc__, positional=["run"])
    start_logging()
    run = Path(words["run"])
    folder = pipeline_folder(run)
    model = load_pipeline(folder).config["components"]["textcat"]["model"]
    code = [PACKAGE / "architectures.py"] if model["@architectures"].startswith("suite.") else []
    if (
        not args.name.isidentifier()
        or not args.name.isascii()
        or not args.name.islower()
        or "__" in args.name
    ):
        raise InputError(
            f"--name {args.name!r}: give small letters, digits and single _, as in temas_v1"
        )
    if not all(part.isdigit() for part in args.version.split(".")):
        raise InputError(f"--version {args.version!r}: give numbers and dots, as in 1.0.0")
    wheel = (
        Path(args.output) / f"es_{args.name.removeprefix('es_')}-{args.version}-py3-none-any.whl"
    )
    if wheel.exists() and not args.overwrite:
        raise InputError(
            f"{wheel}: already there; pass --overwrite to replace it or give another --version"
        )

    # Package, in a folder of its own: spaCy's source tree, then pip's wheel of it.
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary) / "pipeline"
        shutil.copytree(folder, source)
        if (run / "README.md").exists():
            shutil.copy(run / "README.md", source)
        package(
            source,
            Path(temporary),
            code_paths=code,
            name=args.name.removeprefix("es_"),
            version=args.version,
            create_sdist=False,
            create_wheel=False,
            silent=True,
        )
        tree = Path(temporary) / wheel.name.removesuffix("-py3-none-any.whl")
        # spaCy does not name itself as a requirement, but the package that the copied code came
        # from.
        meta = runs.read_json(tree / "meta.json")
        others = [name for name in meta["requirements"] if not name.startswith((SUITE, "spacy"))]
        meta["requirements"] = [f"spacy{meta['spacy_version']}", *others]
        runs.write_json(tree / "meta.json", meta)
        words = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            str(tree),
            "--no-deps",
            "--no-build-isolation",
            "--quiet",
            "--wheel-dir",
            temporary,
        ]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode:
            raise InputError(
                f"pip cannot build the wheel ({done.stderr.strip()[-300:]}); pip install pip "
                "setuptools"
            )
        wheel.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(Path(temporary) / wheel.name, wheel)
    print(f"{wheel}: {wheel.stat().st_size / 1e6:.1f} MB; pip install {wheel}")
    return wheel


if __name__ == "__main__":
    main()
