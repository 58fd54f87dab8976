"""Where the rooms keep what they make of a dataset: below the `datasets` cache folder
(HF_DATASETS_CACHE).
"""

import hashlib
import json
from pathlib import Path

import datasets


def cache_folder(kind: str, dataset_hash: str, splits, *parts) -> Path:
    """The folder of one kind of data made from `splits` (a DatasetDict, or empty for texts that are
    in no files).

    Its key is the content hash, the splits' names, the files' times (for a prepared folder that was
    tampered with) and `parts`, all else that decides what is made.
    """
    files = [Path(f["filename"]).stat() for split in splits.values() for f in split.cache_files]
    times = [(f.st_size, f.st_mtime_ns) for f in files]
    key = hashlib.sha256(
        "\0".join(map(str, (dataset_hash, list(splits), times, *parts))).encode()
    ).hexdigest()[:32]
    return Path(datasets.config.HF_DATASETS_CACHE) / "spanish-text-suite" / f"{kind}-{key}"


def tokenizer_text(tokenizer) -> str:
    """All that decides a tokenizer's output, as text; truncation and padding are left out, each
    call sets its own.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return repr(tokenizer) + repr(sorted(tokenizer.get_vocab().items()))
    return json.dumps(
        json.loads(backend.to_str()) | {"truncation": None, "padding": None}, sort_keys=True
    )
