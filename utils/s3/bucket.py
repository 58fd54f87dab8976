"""S3 as the suite speaks to it: boto3's credential chain and lists, obstore's fast transfers,
errors in one line.
"""

import contextlib
import os
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from utils.errors import InputError

try:
    import boto3
    import boto3.exceptions
    import botocore.config
    import botocore.exceptions
    import obstore
    from boto3.s3.transfer import TransferConfig
    from obstore.auth.boto3 import Boto3CredentialProvider
    from obstore.store import S3Store
except ImportError as error:  # said by `connect`, so that --help and --verify need none of them
    boto3, MISSING = None, error

RETRIES = 6
PART = 8 << 20  # bytes of a part of a great upload, as the aws command line cuts them
TIMEOUT = 60  # seconds for a request without an answer
MENDS = {
    "NoSuchBucket": "there is no such bucket; check the name",
    "AccessDenied": "access denied; check the credentials and the bucket's policy",
    "403": "access denied; check the credentials and the bucket's policy",
    "InvalidAccessKeyId": "the access key is not known; renew the credentials",
    "SignatureDoesNotMatch": "the secret key does not fit; renew the credentials",
    "ExpiredToken": "the credentials have expired; log in again",
    "InvalidToken": "the session token is not valid; log in again",
    "RequestTimeTooSkewed": "this machine's clock is wrong; set it",
    "PreconditionFailed": "is there since a moment ago; run again",
    "SlowDown": "the service asks to slow down; use fewer --workers or try later",
}


@dataclass
class ConnectionArguments:
    """How to reach S3; credentials come from the environment or the profile, as boto3 finds them."""

    endpoint_url: str | None = field(
        default=None, metadata={"help": "another S3 service than Amazon's"}
    )
    profile: str | None = field(default=None, metadata={"help": "profile of the AWS configuration"})
    region: str | None = field(default=None, metadata={"help": "region; default: the bucket's"})
    no_sign_request: bool = field(
        default=False, metadata={"help": "go without credentials, to a public bucket"}
    )
    workers: int = field(default=16, metadata={"help": "transfers at a time"})


@dataclass(frozen=True, eq=False)
class Bucket:
    """A bucket, for lists and metadata (boto3) and for bytes (obstore)."""

    name: str
    client: object
    store: object


@dataclass(frozen=True)
class Listed:
    """An object as a list tells it."""

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
    with aws_errors(f"s3://{bucket}"):
        session = boto3.Session(profile_name=args.profile, region_name=args.region)
        signature = botocore.UNSIGNED if args.no_sign_request else None
        config = botocore.config.Config(
            retries={"total_max_attempts": RETRIES, "mode": "standard"},
            signature_version=signature,
            max_pool_connections=args.workers + 4,
            connect_timeout=TIMEOUT,
            read_timeout=TIMEOUT,
        )
        if not args.no_sign_request and session.get_credentials() is None:
            raise botocore.exceptions.NoCredentialsError()
        client = session.client(
            "s3",
            endpoint_url=args.endpoint_url,
            config=config,
            region_name=session.region_name or "us-east-1",
        )
        region = bucket_region(client, bucket) or session.region_name or "us-east-1"
    own = client.meta.endpoint_url
    is_amazon = urlsplit(own).hostname.endswith(("amazonaws.com", "amazonaws.com.cn"))
    store = S3Store(
        bucket,
        region=region,
        endpoint=None if is_amazon else own,
        virtual_hosted_style_request=False,
        skip_signature=args.no_sign_request,
        credential_provider=None if args.no_sign_request else Boto3CredentialProvider(session),
        client_options={
            "allow_http": own.startswith("http:"),
            "timeout": timedelta(seconds=10 * TIMEOUT),
            "pool_max_idle_per_host": str(args.workers),
        },
        retry_config={
            "max_retries": RETRIES,
            "retry_timeout": timedelta(seconds=5 * TIMEOUT),
            "backoff": {
                "init_backoff": timedelta(milliseconds=100),
                "base": 2,
                "max_backoff": timedelta(seconds=10),
            },
        },
    )
    return Bucket(bucket, client, store)


def bucket_region(client, bucket: str) -> str | None:
    """Where a bucket lies; the answer says so even where it is a refusal."""
    try:
        answer = client.head_bucket(Bucket=bucket)
    except botocore.exceptions.ClientError as error:
        answer = error.response
        if error.response["Error"]["Code"] in ("404", "NoSuchBucket"):
            raise InputError(f"s3://{bucket}: {MENDS['NoSuchBucket']}") from None
    return answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")


@contextlib.contextmanager
def aws_errors(what: str):
    """Say what boto3 raises in one line, never with a credential."""
    try:
        yield
    except botocore.exceptions.ClientError as error:
        code = error.response["Error"].get("Code", "")
        raise InputError(
            f"{what}: {MENDS.get(code) or error.response['Error'].get('Message') or code}"
        ) from None
    except botocore.exceptions.ProfileNotFound as error:
        raise InputError(f"{error}; check --profile and the AWS configuration") from None
    except (botocore.exceptions.NoCredentialsError, botocore.exceptions.PartialCredentialsError):
        raise InputError(
            f"{what}: no credentials found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, say "
            "--profile, or --no_sign_request for a public bucket"
        ) from None
    except (botocore.exceptions.HTTPClientError, botocore.exceptions.ConnectionError) as error:
        raise InputError(
            f"{what}: the service cannot be reached ({type(error).__name__}); check the network and "
            "--endpoint_url"
        ) from None
    except (botocore.exceptions.BotoCoreError, ValueError) as error:
        raise InputError(f"{what}: {error}") from None


def list_objects(bucket: Bucket, prefix: str, versions: bool = False) -> list[Listed]:
    """All objects under a prefix, by key; with `versions` from the list of versions, whose ids it
    tells.
    """
    found = []
    with aws_errors(f"s3://{bucket.name}/{prefix}"):
        for page in pages_of(
            bucket, "list_object_versions" if versions else "list_objects_v2", Prefix=prefix
        ):
            entries = page.get("Versions" if versions else "Contents", [])
            found += [listed(entry) for entry in entries if entry.get("IsLatest", True)]
    return sorted(found, key=by_key)


def pages_of(bucket: Bucket, operation: str, **arguments):
    return bucket.client.get_paginator(operation).paginate(Bucket=bucket.name, **arguments)


def listed(entry: dict) -> Listed:
    return Listed(entry["Key"], entry["Size"], entry["ETag"].strip('"'), entry.get("VersionId"))


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


class ObjectError(Exception):
    """An object cannot be read or written; `final` where trying again is of no use."""

    def __init__(self, reason: str, final: bool):
        super().__init__(reason)
        self.final = final


async def get_bytes(bucket: Bucket, entry: Listed, start: int = 0, stop: int | None = None):
    """The bytes of an object, or of a range of it, of the very version that was listed, as a
    buffer.

    Raises:
        ObjectError: the object is gone, has changed, or cannot be read.
    """
    options = {"if_match": f'"{entry.etag}"'}
    if entry.version_id and entry.version_id != "null":
        options = {"version": entry.version_id}
    if stop is not None:
        options["range"] = (start, stop)
    try:
        answer = await obstore.get_async(bucket.store, entry.key, options=options)
        return memoryview(await answer.bytes_async())
    except (obstore.exceptions.BaseError, OSError, ValueError) as error:
        raise object_error(error) from None


def object_error(error: Exception) -> ObjectError:
    """What obstore says, short: the kind of error, or the last of the causes in its message."""
    if isinstance(error, (FileNotFoundError, obstore.exceptions.NotFoundError)):
        return ObjectError("no longer there", final=True)
    if isinstance(error, obstore.exceptions.PreconditionError):
        return ObjectError("has changed since it was listed; run again", final=True)
    if isinstance(
        error,
        (
            PermissionError,
            obstore.exceptions.PermissionDeniedError,
            obstore.exceptions.UnauthenticatedError,
        ),
    ):
        return ObjectError(MENDS["AccessDenied"], final=True)
    message = " ".join(str(error).split())
    if "SlowDown" in message or "503" in message:
        return ObjectError(MENDS["SlowDown"], final=True)  # obstore has tried again already
    return ObjectError(f"cannot be transferred ({message.split(': ')[-1][:200]})", final=False)


def put_file(bucket: Bucket, key: str, path, overwrite: bool):
    """Put a file, great ones in parts; boto3 sends a checksum with each that S3 holds against what
    arrives.

    Raises:
        ObjectError: it cannot be put.
    """
    try:
        if os.path.getsize(path) < PART:
            condition = (
                {} if overwrite else {"IfNoneMatch": "*"}
            )  # S3 itself refuses to replace what came meanwhile
            with open(path, "rb") as stream:
                bucket.client.put_object(Bucket=bucket.name, Key=key, Body=stream, **condition)
        else:
            config = TransferConfig(
                multipart_threshold=PART, multipart_chunksize=PART, use_threads=False
            )
            bucket.client.upload_file(str(path), bucket.name, key, Config=config)
    except (botocore.exceptions.ClientError, boto3.exceptions.S3UploadFailedError) as error:
        message = " ".join(str(error).split())
        code = next((code for code in MENDS if f"({code})" in message), None)
        raise ObjectError(
            MENDS.get(code, f"cannot be put ({message[-200:]})"), final=True
        ) from None
    except botocore.exceptions.BotoCoreError as error:
        raise ObjectError(f"cannot be put ({type(error).__name__})", final=False) from None
