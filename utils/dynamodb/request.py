"""What is asked of DynamoDB for every page: key, filters, projection, with placeholders for all
names and values.
"""

import base64
from dataclasses import dataclass, field

from utils.dynamodb.times import MOST_SECONDS, moment_of_flag
from utils.errors import InputError

SORTS = {
    (): None,
    ("sort_prefix",): "begins_with({}, {})",
    ("sort_from",): "{} >= {}",
    ("sort_to",): "{} <= {}",
    ("sort_from", "sort_to"): "{} BETWEEN {} AND {}",
}


@dataclass
class ExportArguments:
    """What to export, where to, and how to reach it."""

    output: str = field(metadata={"help": "file to write: .csv, .jsonl or .jsonl.gz"})
    segments: int = field(default=4, metadata={"help": "parallel readers of a scan, 1 to 256"})
    key: str | None = field(
        default=None, metadata={"help": "NAME=VALUE of the partition key: query that partition"}
    )
    sort_prefix: str | None = field(
        default=None, metadata={"help": "with --key: how the sort key begins"}
    )
    sort_from: str | None = field(
        default=None, metadata={"help": "with --key: the smallest sort key, included"}
    )
    sort_to: str | None = field(
        default=None, metadata={"help": "with --key: the largest sort key, included"}
    )
    time_attribute: str | None = field(
        default=None,
        metadata={
            "help": "what --since and --until look at: ISO 8601 text in whatever form each item "
            "has, or seconds or milliseconds since 1970, as numbers or text"
        },
    )
    since: str | None = field(
        default=None, metadata={"help": "this time and later, ISO 8601, UTC where it says none"}
    )
    until: str | None = field(default=None, metadata={"help": "earlier than this time, itself out"})
    prefix: list[str] | None = field(
        default=None,
        metadata={"help": "NAME=VALUE …: attributes and how their text begins", "action": "extend"},
    )
    index: str | None = field(default=None, metadata={"help": "read this index of the table"})
    attributes: str | None = field(default=None, metadata={"help": "only these attributes: a,b,c"})
    consistent: bool = field(
        default=False, metadata={"help": "strongly consistent reads, at twice the capacity"}
    )
    page_items: int | None = field(
        default=None, metadata={"help": "most items a page; default: 1 MB of them"}
    )
    attempts: int = field(
        default=10, metadata={"help": "times a page is asked for before giving up"}
    )
    profile: str | None = field(default=None, metadata={"help": "profile of the AWS configuration"})
    region: str | None = field(
        default=None, metadata={"help": "the table's region; default: as configured"}
    )
    endpoint_url: str | None = field(
        default=None, metadata={"help": "another service than Amazon's, as a local one"}
    )
    resume: bool = field(default=False, metadata={"help": "continue where this export was stopped"})
    overwrite: bool = field(
        default=False, metadata={"help": "replace the output; without --resume begin anew"}
    )


def request_of(described: dict, args: ExportArguments) -> tuple[dict, list[str]]:
    """The arguments of `scan` or `query`; and the key attributes, those of the table first.

    Raises:
        InputError: flags that do not fit the table.
    """
    request = {
        "TableName": described["TableName"],
        "ReturnConsumedCapacity": "TOTAL",
        "ConsistentRead": args.consistent,
    }
    indexes = {
        index["IndexName"]: index
        for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
        for index in described.get(kind, [])
    }
    if args.index and args.index not in indexes:
        raise InputError(
            f"--index {args.index}: the table has {', '.join(indexes) or 'no index'}; check it"
        )
    schema = indexes.get(args.index, described)["KeySchema"]
    kinds = {
        entry["AttributeName"]: entry["AttributeType"]
        for entry in described["AttributeDefinitions"]
    }
    if args.page_items:
        request["Limit"] = args.page_items
    if args.index:
        request["IndexName"] = args.index
        print(
            f"{args.index}: items without its key are not in it; of attributes it holds "
            f"{indexes[args.index]['Projection']['ProjectionType']}"
        )
    if args.attributes:
        # The time is read even where it is not wanted, to judge the item by.
        names = dict.fromkeys([*attribute_names(args), *filter(None, [args.time_attribute])])
        request["ProjectionExpression"] = ", ".join(term(request, "{}", name) for name in names)
    if args.key:
        request["KeyConditionExpression"] = key_condition(request, args, schema, kinds)
    filters = [time_filter(request, args)] if args.time_attribute else []
    for name, value in (name_and_value("--prefix", words) for words in args.prefix or []):
        filters.append(term(request, "begins_with({}, {})", name, {"S": value}))
    if filters:
        request["FilterExpression"] = " AND ".join(filters)
    return request, list(
        dict.fromkeys(key["AttributeName"] for key in described["KeySchema"] + schema)
    )


def attribute_names(args: ExportArguments) -> list[str]:
    return list(
        dict.fromkeys(name for part in (args.attributes or "").split(",") if (name := part.strip()))
    )


def sort_flags(args: ExportArguments) -> tuple[str, ...]:
    return tuple(
        flag for flag in ("sort_prefix", "sort_from", "sort_to") if vars(args)[flag] is not None
    )


def key_condition(request: dict, args: ExportArguments, schema: list[dict], kinds: dict) -> str:
    holder, flags = args.index or request["TableName"], sort_flags(args)
    partition, sort = (
        [key["AttributeName"] for key in schema if key["KeyType"] == kind]
        for kind in ("HASH", "RANGE")
    )
    name, value = name_and_value("--key", args.key)
    if [name] != partition:
        raise InputError(
            f"--key {name}: the partition key of {holder} is {' and '.join(partition)}; give that, or "
            "scan with --prefix"
        )
    if flags and len(sort) != 1:
        raise InputError(
            f"--{flags[0]}: {holder} has {len(sort)} sort keys, not one; scan with --prefix"
        )
    if "sort_prefix" in flags and kinds[sort[0]] == "N":
        raise InputError(f"--sort_prefix: {sort[0]} is a number; pass --sort_from and --sort_to")
    condition = term(request, "{} = {}", name, typed("--key", kinds[name], value))
    bounds = [typed(f"--{flag}", kinds[sort[0]], vars(args)[flag]) for flag in flags]
    return (
        f"{condition} AND {term(request, SORTS[flags], sort[0], *bounds)}" if flags else condition
    )


def time_filter(request: dict, args: ExportArguments) -> str:
    """since ≤ time < until, as far as the service can tell: of numbers exactly; all text is let
    through, for its forms compare otherwise than its times, and is judged here as it comes.
    """
    since, until = moment_of_flag(args.since), moment_of_flag(args.until)
    seconds = (since or 0, until or MOST_SECONDS)
    milliseconds = (1000 * (since or 0) or MOST_SECONDS, 1000 * (until or MOST_SECONDS))
    ways = [term(request, "attribute_type({}, {})", args.time_attribute, {"S": "S"})]
    for low, high in (seconds, milliseconds):
        form = "(attribute_type({0}, {1}) AND {0} >= {2} AND {0} < {3})"
        bounds = ({"S": "N"}, {"N": str(low)}, {"N": str(high)})
        ways.append(term(request, form, args.time_attribute, *bounds))
    return f"({' OR '.join(ways)})"


def name_and_value(flag: str, words: str) -> tuple[str, str]:
    name, _, value = words.partition("=")
    if not name or not value:
        raise InputError(f"{flag} {words}: write NAME=VALUE")
    return name, value


def typed(flag: str, kind: str, text: str) -> dict:
    """A key's value as DynamoDB takes it; binary ones are given in base64."""
    try:
        if kind == "N":
            float(text)
        return {kind: base64.b64decode(text, validate=True) if kind == "B" else text}
    except ValueError:
        raise InputError(
            f"{flag} {text}: this key is {'a number' if kind == 'N' else 'binary, in base64'}"
        ) from None


def term(request: dict, form: str, name: str, *values: dict) -> str:
    """An expression with placeholders for the name, which may be a reserved word or hold a dot, and
    for the values.
    """
    marks = [placeholder(request.setdefault("ExpressionAttributeNames", {}), "#n", name)]
    marks += [
        placeholder(request.setdefault("ExpressionAttributeValues", {}), ":v", value)
        for value in values
    ]
    return form.format(*marks)


def placeholder(known: dict, mark: str, thing) -> str:
    found = next((name for name, other in known.items() if other == thing), f"{mark}{len(known)}")
    known[found] = thing
    return found
