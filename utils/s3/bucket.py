"""S3 as the suite speaks to it: boto3's credential chain and lists, obstore's fast transfers,
errors in one line.
"""

import contextlib
import os
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from utils.cli import report_progress
from utils.errors import InputError

try:
    import boto3
    import botocore.config
    import botocore.exceptions
    import botocore.session
    import botocore.utils
    from obstore.auth.boto3 import Boto3CredentialProvider
    from obstore.store import S3Store
except ImportError as error:  # told by `connect`, so that --help and --verify need none of them
    boto3 = None
    MISSING = error

RETRIES = 5  # tries of a request before it counts as failed
CONNECT_TIMEOUT = 10  # seconds
READ_TIMEOUT = 20  # seconds without a byte
REQUEST_TIMEOUT = 600  # seconds for a whole request, which brings 64 MiB at most
RETRY_TIMEOUT = 30  # seconds after which obstore tries a request no more
FIXES = {
    "NoSuchBucket": "there is no such bucket; check the name",
    "AccessDenied": "access denied; check the credentials and the bucket's policy",
    "403": "access denied; check the credentials and the bucket's policy",
    "InvalidAccessKeyId": "the access key is not known; renew the credentials",
    "SignatureDoesNotMatch": "the secret key does not fit; renew the credentials",
    "ExpiredToken": "the credentials have expired; log in again",
    "InvalidToken": "the session token is not valid; log in again",
    "RequestTimeTooSkewed": "this machine's clock is wrong; set it",
    "PreconditionFailed": "is there since a moment ago; run again",
    "ConditionalRequestConflict": "is being written by someone else; run again",
    "SlowDown": "the service asks to slow down; use fewer --workers or try later",
    "NoSuchKey": "no longer there",
    "InvalidObjectState": "is archived; restore it first",
    "AuthorizationHeaderMalformed": "the bucket lies in another region; pass --region",
    "PermanentRedirect": "the bucket lies in another region; pass --region",
    "IllegalLocationConstraintException": "the bucket lies in another region; pass --region",
    "301": "the bucket lies in another region; pass --region",
}
# Those that are every object's trouble, not one object's.
OF_ALL_OBJECTS = {
    "NoSuchBucket",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "SlowDown",
    "AuthorizationHeaderMalformed",
    "PermanentRedirect",
    "IllegalLocationConstraintException",
    "301",
}


@dataclass
class ConnectionArguments:
    """How to reach S3; credentials come from where boto3 finds them, the environment first."""

    endpoint_url: str | None = field(
        default=None, metadata={"help": "another S3 service than Amazon's"}
    )
    profile: str | None = field(default=None, metadata={"help": "profile of the AWS configuration"})
    region: str | None = field(default=None, metadata={"help": "region; default: the bucket's"})
    no_sign_request: bool = field(
        default=False, metadata={"help": "send no credentials, for a public bucket"}
    )
    workers: int = field(default=16, metadata={"help": "transfers at a time"})


@dataclass(frozen=True, eq=False)
class Bucket:
    """A bucket, for lists and metadata (boto3) and for bytes (obstore)."""

    name: str
    client: Any
    store: Any
    is_amazon: bool


@dataclass(frozen=True)
class Listed:
    """An object as a list describes it."""

    key: str
    size: int
    etag: str  # without quotes
    version_id: str | None


def parse_url(url: str) -> tuple[str, str]:
    """(bucket, prefix) of `s3://bucket/prefix/`; the prefix ends in / or is empty.

    Raises:
        InputError: another kind of address, or no bucket in it.
    """
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc:
        raise InputError(f"{url}: not an address of S3; write s3://bucket/prefix/")
    prefix = url.split("://", 1)[1].partition("/")[2].strip("/")
    return parts.netloc, f"{prefix}/" if prefix else ""


def connect(bucket: str, args: ConnectionArguments) -> Bucket:
    """Find credentials and the bucket.

    Raises:
        InputError: no boto3, no credentials, no such bucket or profile, no way to the service.
    """
    if boto3 is None:
        raise InputError(f"{MISSING.name} is not installed; pip install 'spanish-text-suite[aws]'")
    if args.workers < 1:
        raise InputError(f"--workers {args.workers}: give at least 1")

    def describe() -> str:
        return f"s3://{bucket}: waiting for the service to answer"

    with aws_errors(f"s3://{bucket}"), report_progress(describe):
        core = botocore.session.Session(profile=args.profile)
        session = boto3.Session(botocore_session=core, region_name=args.region)
        certificates = read_certificates(core)
        if not args.no_sign_request and session.get_credentials() is None:
            raise botocore.exceptions.NoCredentialsError()
        config = botocore.config.Config(
            retries={"total_max_attempts": RETRIES, "mode": "standard"},
            signature_version=botocore.UNSIGNED if args.no_sign_request else None,
            max_pool_connections=args.workers + 4,  # so that a HEAD need not wait for a transfer
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
        )
        region = session.region_name or "us-east-1"
        client = session.client(
            "s3", endpoint_url=args.endpoint_url, region_name=region, config=config
        )
        region = bucket_region(client, bucket) or region

    url = client.meta.endpoint_url
    is_amazon = urlsplit(url).hostname.endswith(("amazonaws.com", "amazonaws.com.cn"))
    provider = None if args.no_sign_request else Boto3CredentialProvider(session)
    options = transfer_options(url, certificates, args.workers)
    store = open_store(bucket, None if is_amazon else url, region, provider, options)
    return Bucket(bucket, client, store, is_amazon)


def open_store(bucket: str, endpoint: str | None, region: str, provider, options):
    """obstore's way to a bucket; without a provider of credentials requests are not signed."""
    return S3Store(
        bucket,
        region=region,
        endpoint=endpoint,
        virtual_hosted_style_request=False,
        skip_signature=provider is None,
        credential_provider=provider,
        client_options=options,
        retry_config={
            "max_retries": RETRIES,
            "retry_timeout": timedelta(seconds=RETRY_TIMEOUT),
            "backoff": {
                "init_backoff": timedelta(milliseconds=100),
                "base": 2,
                "max_backoff": timedelta(seconds=10),
            },
        },
    )


def transfer_options(url: str, certificates: str | None, workers: int) -> Any:
    """obstore's ClientConfig: bytes go the way through the network that boto3's lists go."""
    options = {
        "allow_http": url.startswith("http:"),
        "connect_timeout": timedelta(seconds=CONNECT_TIMEOUT),
        "read_timeout": timedelta(seconds=READ_TIMEOUT),
        "timeout": timedelta(seconds=REQUEST_TIMEOUT),
        "pool_max_idle_per_host": str(workers),
    }
    if certificates:
        options["root_certificate"] = certificates
    # HTTPS_PROXY and NO_PROXY as boto3 reads them; without a proxy for this host there is no entry.
    proxy = botocore.utils.get_environ_proxies(url).get(urlsplit(url).scheme)
    if proxy:
        options["proxy_url"] = proxy if "://" in proxy else f"http://{proxy}"
        if certificates:
            options["proxy_ca_certificate"] = certificates
    return options


def read_certificates(core) -> str | None:
    """The certificates of AWS_CA_BUNDLE, of ca_bundle in the AWS configuration, or of
    REQUESTS_CA_BUNDLE, which boto3 goes by too.

    Raises:
        InputError: they cannot be read.
    """
    place = core.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
    if not place:
        return None
    path = Path(place)
    try:
        if path.is_dir():
            files = sorted(file for file in path.iterdir() if file.is_file())
        else:
            files = [path]
        texts = [file.read_text(encoding="utf-8", errors="replace") for file in files]
    except OSError as error:
        raise InputError(
            f"{place}: the certificates cannot be read ({error.strerror}); check AWS_CA_BUNDLE"
        ) from None
    found = "\n".join(text for text in texts if "BEGIN CERTIFICATE" in text)
    if not found:
        raise InputError(f"{place}: no certificate in it; check AWS_CA_BUNDLE")
    return found


def bucket_region(client, bucket: str) -> str | None:
    """Where a bucket lies; None where nothing says.

    The answer to a HEAD says it even where it refuses. Services that do not put it there say it in
    the refusal of a list. boto3 signs again for the region that it is told: that is read off.

    Raises:
        InputError: no such bucket.
    """
    signed: list[str] = []

    def note_region(request, region_name, **_):
        signed.append(request.context.get("signing", {}).get("region") or region_name)

    for operation in ("HeadBucket", "ListObjectsV2"):
        client.meta.events.register(f"before-sign.s3.{operation}", note_region)
    try:
        answer = client.head_bucket(Bucket=bucket)
    except botocore.exceptions.ClientError as error:
        answer = error.response
        if error.response["Error"]["Code"] in ("404", "NoSuchBucket"):
            raise InputError(f"s3://{bucket}: {FIXES['NoSuchBucket']}") from None
    about = answer["ResponseMetadata"]
    region = about["HTTPHeaders"].get("x-amz-bucket-region")
    if region:
        return region
    if about["HTTPStatusCode"] in (301, 307, 400):
        client.list_objects_v2(Bucket=bucket, MaxKeys=1)
    return signed[-1] if signed else None


@contextlib.contextmanager
def aws_errors(what: str):
    """Say what boto3 raises in one line, never with a credential."""
    try:
        yield
    except botocore.exceptions.ProfileNotFound as error:
        raise InputError(f"{error}; check --profile and the AWS configuration") from None
    except (botocore.exceptions.NoCredentialsError, botocore.exceptions.PartialCredentialsError):
        raise InputError(
            f"{what}: no credentials found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, pass "
            "--profile, or --no_sign_request for a public bucket"
        ) from None
    except (botocore.exceptions.HTTPClientError, botocore.exceptions.ConnectionError) as error:
        reason = connection_reason(error)
        fix = "" if ";" in reason else "; check the network and --endpoint_url"
        raise InputError(f"{what}: {reason}{fix}") from None
    except botocore.exceptions.ClientError as error:
        raise InputError(f"{what}: {client_reason(error)}") from None
    except botocore.parsers.ResponseParserError:
        raise InputError(
            f"{what}: what answers there is no S3; check --endpoint_url and any proxy"
        ) from None
    except RecursionError:  # boto3 follows a redirect that names no region for ever
        raise InputError(f"{what}: {FIXES['PermanentRedirect']}") from None
    except (botocore.exceptions.BotoCoreError, ValueError) as error:
        raise InputError(f"{what}: {error}") from None


def connection_reason(error: Exception) -> str:
    """Why no answer came, in words."""
    if isinstance(error, botocore.exceptions.SSLError):
        return "the service's certificate is not trusted; set AWS_CA_BUNDLE to its authority's"
    if isinstance(error, botocore.exceptions.ProxyConnectionError):
        return "the proxy cannot be reached; check HTTPS_PROXY and NO_PROXY"
    timeouts = (botocore.exceptions.ReadTimeoutError, botocore.exceptions.ConnectTimeoutError)
    if isinstance(error, timeouts):
        return "the service gives no answer in time"
    return "the service cannot be reached"


def client_reason(error) -> str:
    """What the service refuses, in words; its own where we have none."""
    told = error.response.get("Error", {})
    code = told.get("Code", "")
    reason = FIXES.get(code)
    if not reason:
        return told.get("Message") or f"the service answers {code}"
    if reason.endswith("--region") and "Region" in told:
        return f"{reason} {told['Region']}"
    return reason


def list_objects(bucket: Bucket, prefix: str, versions: bool = False) -> list[Listed]:
    """All objects under a prefix, by key; with `versions` from the list of versions, whose ids it
    tells.

    Raises:
        InputError: the list cannot be fetched, or comes in pages without end.
    """
    found: list[Listed] = []
    operation = "list_object_versions" if versions else "list_objects_v2"

    def describe() -> str:
        return f"s3://{bucket.name}/{prefix}: {len(found):,} objects listed so far"

    with aws_errors(f"s3://{bucket.name}/{prefix}"), report_progress(describe):
        for page in pages_of(bucket, operation, Prefix=prefix):
            entries = page.get("Versions" if versions else "Contents", [])
            found += [listed(entry) for entry in entries if entry.get("IsLatest", True)]
    return sorted(found, key=by_key)


def pages_of(bucket: Bucket, operation: str, **arguments):
    return bucket.client.get_paginator(operation).paginate(Bucket=bucket.name, **arguments)


def listed(entry: dict) -> Listed:
    etag = entry.get("ETag", "").strip('"')
    return Listed(entry["Key"], entry["Size"], etag, entry.get("VersionId"))


def by_key(entry: Listed) -> str:
    return entry.key


def subfolders(bucket: Bucket, prefix: str) -> list[str]:
    """The names of the folders directly under a prefix."""
    with aws_errors(f"s3://{bucket.name}/{prefix}"):
        return [
            entry["Prefix"].removeprefix(prefix).rstrip("/")
            for page in pages_of(bucket, "list_objects_v2", Prefix=prefix, Delimiter="/")
            for entry in page.get("CommonPrefixes", [])
        ]
