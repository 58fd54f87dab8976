"""Whether the Hugging Face Hub can be reached, found out once and quickly."""

import os
import socket
from urllib.parse import urlparse

PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


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
