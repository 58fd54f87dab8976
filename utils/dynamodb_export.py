"""Export a DynamoDB table, whole or in part, to a file that wf_metrics reads: .csv, .jsonl or
.jsonl.gz.

    python -m utils.dynamodb_export resultados --output results.csv
    python -m utils.dynamodb_export resultados --output results.jsonl.gz --segments 8 --resume
    python -m utils.dynamodb_export resultados --output caso.csv --key caso=uno \\
        --sort_prefix 2026-08
    python -m utils.dynamodb_export resultados --output agosto.csv --time_attribute procesado \\
        --since 2026-08-01 --until 2026-09-01 --prefix archivo=s3://intake-bucket/caso_uno/ \\
        --attributes archivo,tipo,confianza

All pages are read, also those that the AWS console has not loaded, by default in 4 parallel
segments. csv is as the console writes it, NULL as an empty field; jsonl is the format of an export
to S3, a {"Item": …} a line. Rows come segment by segment, each in the service's order: an unchanged
table gives the same bytes again.

Pages are kept in <output>.partial; the output appears when it is whole. After a kill, Ctrl-C or an
error the same command with --resume continues behind the last page. A scan is no snapshot: what is
written meanwhile may be in or not.

Credentials are those that boto3 finds (environment, profile, role); they need
dynamodb:DescribeTable and dynamodb:Scan, or dynamodb:Query with --key. Without an account:
`moto_server -p 5555` (pip install 'moto[server]'), any AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY,
and --endpoint_url http://127.0.0.1:5555 --region us-east-1.
"""

import json
import shutil
import sys
import time
from pathlib import Path

from tqdm import tqdm

from utils.cli import parse, report_progress
from utils.dynamodb.answers import DamagedAnswer, ask_whole, check_answer, keep_items
from utils.dynamodb.parts import claim, kept_in, read_all, write_output
from utils.dynamodb.request import SORTS, ExportArguments, attribute_names, request_of, sort_flags
from utils.errors import InputError, exits_on_input_error
from utils.folders import locked_folder

try:
    import boto3
    import botocore.config
    from botocore import exceptions
except ImportError:  # said by `main`, so that --help needs none
    boto3 = None

CONNECT_TIMEOUT = 10  # seconds
READ_TIMEOUT = 30  # seconds without a byte of an answer
ENDINGS = (".csv", ".jsonl", ".jsonl.gz")
# Flags with which an export may be resumed though they differ: none of them changes an item.
FREE_TO_CHANGE = {
    "output",
    "page_items",
    "attempts",
    "profile",
    "region",
    "endpoint_url",
    "resume",
    "overwrite",
}
SECRET_LENGTH = 16  # characters from which on a part of the credentials is kept out of messages
NO_TABLE = "no such table; check its name, --region, --profile and --endpoint_url"
DENIED = (
    "access denied ({message}); ask for dynamodb:DescribeTable, dynamodb:Scan and dynamodb:Query "
    "on it"
)
EXPIRED = "the credentials have expired; log in again or renew them"
INVALID = (
    "the credentials are not valid; check --profile or the AWS_… variables, and this machine's "
    "clock"
)
THROTTLED = (
    "throttled {attempts} times in a row; raise its read capacity, use fewer --segments or more "
    "--attempts"
)
DAMAGED = (
    "{attempts} answers in a row were damaged: no page of items, or other bytes than their "
    "checksum's; check the network and any proxy on the way"
)
OTHER = "refused ({code}: {message}); check the flags that name its attributes, or try later"
FIXES = {
    "ResourceNotFoundException": NO_TABLE,
    "AccessDeniedException": DENIED,
    "ExpiredTokenException": EXPIRED,
    "ExpiredToken": EXPIRED,
    "RequestExpired": EXPIRED,
    "UnrecognizedClientException": INVALID,
    "InvalidClientTokenId": INVALID,
    "InvalidSignatureException": INVALID,
    "SignatureDoesNotMatch": INVALID,
    "IncompleteSignatureException": INVALID,
    "MissingAuthenticationTokenException": INVALID,
    "ProvisionedThroughputExceededException": THROTTLED,
    "ThrottlingException": THROTTLED,
    "RequestLimitExceeded": THROTTLED,
}


@exits_on_input_error
def main(argv=None) -> None:
    """Export; prints the counts as json."""
    args, words = parse(ExportArguments, argv, doc=__doc__, positional=["table"])
    if boto3 is None:
        raise InputError("boto3 is not installed; pip install 'spanish-text-suite[aws]'")
    check(args, words["explicit_args"])
    table = words["table"]
    working = Path(f"{args.output}.partial")
    secrets: list[str] = []
    try:
        with locked_folder(working, "export"):
            report = export(table, args, working, secrets)
    except KeyboardInterrupt:
        print(f"interrupted{kept_in(working)}", file=sys.stderr)
        raise SystemExit(130) from None
    except (exceptions.BotoCoreError, exceptions.ClientError, DamagedAnswer) as error:
        message = explained(error, args)
        # Some messages of the service quote the request, and with it what signs it.
        for secret in secrets:
            message = message.replace(secret, "…")
        raise InputError(f"{table}: {message}{kept_in(working)}") from None
    print(json.dumps(report, ensure_ascii=False))


def check(args: ExportArguments, given: dict):
    """Raise InputError for what is wrong whatever the table is."""
    if not args.output.endswith(ENDINGS) or Path(args.output).name in ENDINGS:
        raise InputError(f"--output {args.output}: name a file that ends in {', '.join(ENDINGS)}")
    for name, most in (("segments", 256), ("page_items", 10**6), ("attempts", 100)):
        value = vars(args)[name]
        if value is not None and not 1 <= value <= most:
            raise InputError(f"--{name} {value}: give a number from 1 to {most}")
    if args.key and "segments" in given:
        raise InputError("--segments: a query with --key has none; leave one of them out")
    flags = sort_flags(args)
    if flags and not args.key:
        raise InputError(f"--{flags[0]} needs --key NAME=VALUE; for a scan pass --prefix")
    if flags and flags not in SORTS:
        raise InputError(
            "--sort_prefix and --sort_from or --sort_to: a sort key takes one condition, leave "
            "one out"
        )
    if bool(args.time_attribute) != bool(args.since or args.until):
        raise InputError("--time_attribute goes with --since or --until, and they with it")


def export(table: str, args: ExportArguments, working: Path, secrets: list[str]) -> dict:
    """Read all pages into `working`, then write the output.

    Args:
        secrets: is filled with what no message may hold.

    Returns:
        output, items, pages, scanned, capacity_units and seconds.
    """
    start = time.perf_counter()
    output = Path(args.output)
    if output.is_dir() or output.exists() and not args.overwrite:
        raise InputError(
            f"{output}: already there; pass --overwrite to replace it or choose another --output"
        )

    session = boto3.Session(profile_name=args.profile)
    secrets += secrets_of(session)
    described = describe_table(session, table, args)

    # What is asked: of a query one request, of a scan one a segment.
    request, keys = request_of(described, args)
    requests = [request]
    if not args.key:
        requests = [
            request | {"Segment": number, "TotalSegments": args.segments}
            for number in range(args.segments)
        ]
    asked = {name: value for name, value in vars(args).items() if name not in FREE_TO_CHANGE}
    # A table that was deleted and made again is another one.
    asked["table"] = [described["TableArn"], described["CreationDateTime"].timestamp()]

    # Read, and write the output.
    claim(working, asked, args)
    client = client_of(session, args, args.attempts)
    ask = client.query if args.key else client.scan
    states = read_with_progress(ask, requests, described, working, args)
    names = {name for state in states for name in state["names"]}
    header = [name for name in keys if name in names] + sorted(names.difference(keys))
    write_output(working, output, len(states), header or keys)
    shutil.rmtree(working)

    # Say it.
    missing = [repr(name) for name in attribute_names(args) if name not in names]
    if missing:
        print(f"{table}: no item has {', '.join(missing)}; check --attributes")
    counts = {
        name: sum(state[name] for state in states)
        for name in ("items", "pages", "scanned", "capacity_units")
    }
    seconds = round(time.perf_counter() - start, 1)
    return {"output": str(output), **counts, "seconds": seconds}


def secrets_of(session) -> list[str]:
    """The parts of the credentials that no message may hold.

    Raises:
        NoCredentialsError: there are none.
    """
    credentials = session.get_credentials()
    if credentials is None:
        raise exceptions.NoCredentialsError()
    parts = credentials.get_frozen_credentials()
    return [part for part in parts if isinstance(part, str) and len(part) >= SECRET_LENGTH]


def describe_table(session, table: str, args: ExportArguments) -> dict:
    """`Table` of the answer to DescribeTable.

    Raises:
        InputError: something else than DynamoDB answers.
    """
    # Fewer attempts than for pages, so that a wrong address is said soon.
    client = client_of(session, args, min(args.attempts, 3))
    answer = ask_whole(client.describe_table, args.attempts, {"TableName": table})
    if not answer.get("Table"):
        raise InputError(
            f"{args.endpoint_url}: what answers there is no DynamoDB; check --endpoint_url"
        )
    return answer["Table"]


def read_with_progress(
    ask, requests: list[dict], described: dict, working: Path, args: ExportArguments
) -> list[dict]:
    """`read_all` under a bar, or with a line now and then; the whole number of items is known only
    where all are read.
    """
    name = described["TableName"]
    partly = args.key or args.time_attribute or args.prefix or args.index
    total = None if partly else described.get("ItemCount") or None
    so_far = {"items": 0, "pages": 0}

    def show(states: list[dict]):
        for count in so_far:
            so_far[count] = sum(state[count] for state in states)
        bar.set_postfix(pages=so_far["pages"], refresh=False)
        bar.update(so_far["items"] - bar.n)

    def describe() -> str:
        return f"{name}: {so_far['items']:,} items in {so_far['pages']:,} pages so far"

    with (
        tqdm(total=total, desc=name, unit=" items", disable=None) as bar,
        report_progress(describe),
    ):
        return read_all(ask, requests, working, args, show)


def client_of(session, args: ExportArguments, attempts: int):
    """A client of DynamoDB that waits where it is throttled, checks every answer and keeps items
    as they come.
    """
    config = botocore.config.Config(
        retries={"mode": "adaptive", "total_max_attempts": attempts},
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        max_pool_connections=args.segments,
    )
    try:
        client = session.client(
            "dynamodb", region_name=args.region, endpoint_url=args.endpoint_url, config=config
        )
    except exceptions.BotoCoreError:
        raise  # some are ValueErrors too, and `main` tells them
    except ValueError as error:
        raise InputError(
            f"--endpoint_url {args.endpoint_url}: {error}; write http://host:port"
        ) from None
    events = client.meta.events
    for operation in ("DescribeTable", "Scan", "Query"):
        events.register_first(f"before-parse.dynamodb.{operation}", check_answer)
    for operation in ("Scan", "Query"):  # behind the check, for it takes the body apart
        events.register_last(f"before-parse.dynamodb.{operation}", keep_items)
    return client


def explained(error: Exception, args: ExportArguments) -> str:
    """What went wrong and its fix; of refused signatures without the service's words, which quote
    the request.
    """
    if isinstance(error, exceptions.ClientError):
        code = error.response["Error"].get("Code", "")
        message = error.response["Error"].get("Message", "")
        fix = FIXES.get(code, OTHER)
        return fix.format(code=code, message=message, attempts=args.attempts)
    if isinstance(error, DamagedAnswer):
        return DAMAGED.format(attempts=args.attempts)
    if isinstance(error, exceptions.NoRegionError):
        return "no AWS region is configured; pass --region or set AWS_DEFAULT_REGION"
    if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
        return f"{error}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or pass --profile"
    if isinstance(error, (exceptions.HTTPClientError, exceptions.ConnectionError)):
        place = f" at {args.endpoint_url}" if args.endpoint_url else ""
        if isinstance(error, (exceptions.ReadTimeoutError, exceptions.ConnectTimeoutError)):
            return f"the service{place} gives no answer in time; try later, or check the network"
        return (
            f"the service{place} cannot be reached; check the network, --region and --endpoint_url"
        )
    return f"{error}; check --profile, --region and the AWS configuration"


if __name__ == "__main__":
    main()
