"""A local S3 and buckets in it, for the tests of this folder."""

import os
import threading
import uuid
from collections import Counter

import pytest


@pytest.fixture(scope="module")
def service():
    """A local S3 on a free port."""
    from tests.recipes.utils.s3.helpers import moto_server

    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server.get_host_and_port()
    server.stop()


@pytest.fixture(autouse=True)
def credentials(monkeypatch, tmp_path):
    """Credentials in the environment alone, and few retries."""
    from utils.s3 import bucket as s3
    from utils.s3 import fetch as s3_fetch

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "una-clave")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "un-secreto-que-no-se-dice")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(s3, "RETRIES", 2)
    monkeypatch.setattr(s3_fetch, "PAUSE", 0.01)


@pytest.fixture
def bucket(service):
    """A new bucket, its client and address; the proxy in front of it is fresh."""
    from tests.recipes.utils.s3.helpers import Proxy, QuietServer, boto3

    client = boto3.client("s3", endpoint_url="http://{}:{}".format(*service))
    name = f"datos-{uuid.uuid4().hex[:12]}"
    client.create_bucket(Bucket=name)
    Proxy.upstream, Proxy.faults, Proxy.gets, Proxy.delay = service, {}, Counter(), 0
    Proxy.refuse, Proxy.aliases, Proxy.more, Proxy.hidden = None, {}, {}, None
    Proxy.parts, Proxy.seen = True, []
    server = QuietServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield client, name, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
