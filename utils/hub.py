"""Models from a local folder or the Hugging Face Hub, and whether the Hub can be reached."""

import os
import socket
from pathlib import Path
from urllib.parse import urlparse

from utils.errors import InputError

PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")

OFFLINE_HINT = (
    "the Hub cannot be reached: where it can, run 'hf download {0} --local-dir models/{0}', copy "
    "that folder here and give its path, or pass --model_name_or_path {1}"
)


def offline_if_unreachable(timeout: float = 3.0) -> bool:
    """Put the Hub's clients in offline mode (cached files only) when the Hub does not answer; True
    when offline.

    Left alone they would retry for half a minute. Behind a proxy nothing is tried.
    """
    import datasets.config
    import huggingface_hub.constants

    if huggingface_hub.constants.HF_HUB_OFFLINE:
        return True
    if any(os.environ.get(name) for name in PROXIES):
        return False
    address = urlparse(huggingface_hub.constants.ENDPOINT)
    try:
        port = address.port or (443 if address.scheme == "https" else 80)
        socket.create_connection((address.hostname, port), timeout).close()
    except OSError:
        huggingface_hub.constants.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True
        return True
    return False


def first_line(error: Exception) -> str:
    """What a library says in its first line; the kind of error where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def from_source(auto_class, name: str, *, at_hand: str, **kwargs):
    """`auto_class.from_pretrained`, with one clear line when a Hub id or a folder cannot be loaded.

    Args:
        at_hand: the model that comes with the project, which needs no Hub.
    """
    offline = not Path(name).is_dir() and offline_if_unreachable()
    try:
        return auto_class.from_pretrained(name, **kwargs)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = OFFLINE_HINT.format(name, at_hand) if offline else first_line(error)
        raise InputError(f"--model_name_or_path {name}: cannot be loaded; {reason}") from None


def check_weights(name: str, model, loaded: dict):
    """Refuse weights that leave the encoder at random values (new class layers and poolers are
    expected).

    Args:
        loaded: what `from_pretrained(output_loading_info=True)` reports.
    """
    prefix = model.base_model_prefix
    wrong = [
        key if isinstance(key, str) else key[0]
        for key in (*loaded["mismatched_keys"], *loaded["missing_keys"])
    ]
    wrong = sorted(key for key in wrong if key.startswith(f"{prefix}.") and ".pooler." not in key)
    if wrong:
        raise InputError(
            f"--model_name_or_path {name}: the weights are not of the shape in its config.json "
            f"({len(wrong)} do not fit, {wrong[0]} first); copy both files of the same model"
        )
