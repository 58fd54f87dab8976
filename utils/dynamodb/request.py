"""What is asked of DynamoDB for every page: key, filters, projection, with placeholders for all
names and values.
"""

import base64
from dataclasses import dataclass, field
from typing import Any

from utils.dynamodb.times import MOST_SECONDS, moment_of_flag
from utils.errors import InputError

# Conditions of the sort key by the flags that are given; {} are the key and the flags' values.
SORTS: dict[tuple[str, ...], str] = {
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

    Args:
        described: `Table` of the answer to DescribeTable.

    Raises:
        InputError: flags that do not fit the table.
    """
    request: dict[str, Any] = {
        "TableName": described["TableName"],
        "ReturnConsumedCapacity": "TOTAL",
        "ConsistentRead": args.consistent,
    }
    if args.page_items:
        request["Limit"] = args.page_items

    # The table, or an index of it.
    schema = described["KeySchema"]
    if args.index:
        index = find_index(described, args.index)
        schema = index["KeySchema"]
        request["IndexName"] = args.index
        print(
            f"{args.index}: items without its key are not in it; of attributes it holds "
            f"{index['Projection']['ProjectionType']}"
        )

    # The attributes. The time is read even where it is not wanted, to judge the item by.
    names = attribute_names(args)
    if names and args.time_attribute and args.time_attribute not in names:
        names.append(args.time_attribute)
    if names:
        request["ProjectionExpression"] = ", ".join(term(request, "{}", name) for name in names)

    # The items.
    if args.key:
        types = {
            entry["AttributeName"]: entry["AttributeType"]
            for entry in described["AttributeDefinitions"]
        }
        request["KeyConditionExpression"] = key_condition(request, args, args.key, schema, types)
    filters = []
    if args.time_attribute:
        filters.append(time_filter(request, args, args.time_attribute))
    for words in args.prefix or []:
        name, value = name_and_value("--prefix", words)
        filters.append(term(request, "begins_with({}, {})", name, {"S": value}))
    if filters:
        request["FilterExpression"] = " AND ".join(filters)

    keys = [key["AttributeName"] for key in described["KeySchema"] + schema]
    return request, list(dict.fromkeys(keys))


def find_index(described: dict, name: str) -> dict:
    """The description of an index of the table.

    Raises:
        InputError: it has no such index.
    """
    indexes = {
        index["IndexName"]: index
        for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
        for index in described.get(kind, [])
    }
    if name not in indexes:
        raise InputError(
            f"--index {name}: the table has {', '.join(indexes) or 'no index'}; check it"
        )
    return indexes[name]


def attribute_names(args: ExportArguments) -> list[str]:
    """The names of --attributes, each once."""
    names = [name.strip() for name in (args.attributes or "").split(",")]
    return list(dict.fromkeys(name for name in names if name))


def sort_flags(args: ExportArguments) -> tuple[str, ...]:
    """The flags of the sort key that were given."""
    flags = ("sort_prefix", "sort_from", "sort_to")
    return tuple(flag for flag in flags if vars(args)[flag] is not None)


def key_condition(
    request: dict, args: ExportArguments, key: str, schema: list[dict], types: dict[str, str]
) -> str:
    """The condition of a query on the partition key and, where flags say so, on the sort key.

    Args:
        key: NAME=VALUE of the partition key.
        schema: the `KeySchema` of the table or the index.
        types: S, N or B by key attribute.
    """
    holder = args.index or request["TableName"]
    partition = [entry["AttributeName"] for entry in schema if entry["KeyType"] == "HASH"]
    sort = [entry["AttributeName"] for entry in schema if entry["KeyType"] == "RANGE"]
    name, value = name_and_value("--key", key)
    if [name] != partition:
        raise InputError(
            f"--key {name}: the partition key of {holder} is {' and '.join(partition)}; give that, "
            "or scan with --prefix"
        )
    condition = term(request, "{} = {}", name, key_value("--key", types[name], value))

    flags = sort_flags(args)
    if not flags:
        return condition
    if len(sort) != 1:
        raise InputError(
            f"--{flags[0]}: {holder} has {len(sort)} sort keys, not one; scan with --prefix"
        )
    kind = types[sort[0]]
    if "sort_prefix" in flags and kind == "N":
        raise InputError(f"--sort_prefix: {sort[0]} is a number; pass --sort_from and --sort_to")
    bounds = [key_value(f"--{flag}", kind, vars(args)[flag]) for flag in flags]
    return f"{condition} AND {term(request, SORTS[flags], sort[0], *bounds)}"


def time_filter(request: dict, args: ExportArguments, attribute: str) -> str:
    """since ≤ time < until, as far as the service can tell: of numbers exactly; all text is let
    through, for its forms compare otherwise than its times, and is judged here as it comes.
    """
    since = moment_of_flag(args.since)
    until = moment_of_flag(args.until)
    low = 0 if since is None else since
    high = MOST_SECONDS if until is None else until
    # Numbers below MOST_SECONDS are seconds and those above milliseconds.
    seconds = (low, high)
    milliseconds = (max(1000 * low, MOST_SECONDS), 1000 * high)
    ways = [term(request, "attribute_type({}, {})", attribute, {"S": "S"})]
    for least, beyond in (seconds, milliseconds):
        form = "(attribute_type({0}, {1}) AND {0} >= {2} AND {0} < {3})"
        bounds = ({"S": "N"}, {"N": str(least)}, {"N": str(beyond)})
        ways.append(term(request, form, attribute, *bounds))
    return f"({' OR '.join(ways)})"


def name_and_value(flag: str, words: str) -> tuple[str, str]:
    name, _, value = words.partition("=")
    if not name or not value:
        raise InputError(f"{flag} {words}: write NAME=VALUE")
    return name, value


def key_value(flag: str, kind: str, text: str) -> dict:
    """A key's value as boto3 takes it; binary ones are given in base64."""
    try:
        if kind == "B":
            return {kind: base64.b64decode(text, validate=True)}
        if kind == "N":
            float(text)
    except ValueError:
        wanted = "a number" if kind == "N" else "binary, in base64"
        raise InputError(f"{flag} {text}: this key is {wanted}") from None
    return {kind: text}


def term(request: dict, form: str, name: str, *values: dict) -> str:
    """An expression with placeholders for the name, which may be a reserved word or hold a dot, and
    for the values.
    """
    names = request.setdefault("ExpressionAttributeNames", {})
    marks = [placeholder(names, "#n", name)]
    for value in values:
        # Only here, for the service refuses an empty map.
        known = request.setdefault("ExpressionAttributeValues", {})
        marks.append(placeholder(known, ":v", value))
    return form.format(*marks)


def placeholder(known: dict, mark: str, thing) -> str:
    """The placeholder of a name or a value, the same for the same thing."""
    for placed, other in known.items():
        if other == thing:
            return placed
    new = f"{mark}{len(known)}"
    known[new] = thing
    return new
