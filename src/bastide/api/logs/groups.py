"""Log groups: created, described, deleted, kept for so many days.

Record kind `log-group`, key its ARN, name its name, document {logGroup: AWS's shape, tags, id}. What a group
holds is kept and counted by the storage of logs, under the id.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from bastide.api.logs.limits import Cursor, read_list
from bastide.api.operation import Context, Document, Operation, Params, Performs, Result, Writes
from bastide.model.arn import log_group_arn, parse_arn
from bastide.model.faults import AlreadyExists, InUse, Invalid, NotFound
from bastide.store import Record, Store, Txn
from bastide.store.logs.ids import DELETED_STREAM, LOG_GROUP, LOG_STREAM, group_id, new_group_id

SEARCH_STEP = 500  # records looked at a time where a filter is not an index
_MONTHS = (30, 60, 90, 120, 150, 180)  # PutRetentionPolicy, "Possible values are"
_YEARS = (365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
RETENTION_DAYS = (1, 3, 5, 7, 14, *_MONTHS, *_YEARS)
OF_GROUP = (  # kinds that go with it
    LOG_STREAM,
    DELETED_STREAM,
    "metric-filter",
    "subscription-filter",
    "log-resource-policy",
)
BRIEFLY = ("logGroupName", "creationTime", "arn", "logGroupArn")  # what a search by pattern shows


def epoch_ms(at: datetime) -> int:
    """Milliseconds since the epoch, the only time CloudWatch Logs knows."""
    return int(at.timestamp() * 1000)


def find_group(txn: Txn, scope: str, name: str) -> Record:
    """The group's record; raises NotFound."""
    record = txn.get(LOG_GROUP, log_group_arn(scope, name))
    if record is None:
        raise NotFound("log group", name)
    return record


def named_group(params: Params, context: Context) -> str:
    """The group's name from logGroupName or logGroupIdentifier (a name or an ARN); one of them is given."""
    name, identifier = params.get("logGroupName"), params.get("logGroupIdentifier")
    if (name is None) == (identifier is None):
        raise Invalid(
            "parameter", why="Exactly one of logGroupName and logGroupIdentifier must be specified."
        )
    if name is not None:
        return str(name)
    arn = parse_arn(str(identifier))
    if arn is None:
        return str(identifier)
    group = arn.resource.removeprefix("log-group:").removesuffix(":*")
    if log_group_arn(context.scope, group) != str(identifier).removesuffix(":*"):
        raise NotFound("log group", group)
    return group


def put_group(txn: Txn, scope: str, name: str, *, created_ms: int, extra: Document | None = None) -> Record:
    """Store a new group; raises AlreadyExists. `extra` holds further members of AWS's shape, and `tags`."""
    arn = log_group_arn(scope, name)
    members = dict(extra or {})
    tags = members.pop("tags", {})
    group = {
        "logGroupName": name,
        "creationTime": created_ms,
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "logGroupClass": "STANDARD",
        **members,
    }
    try:
        document = {"logGroup": group, "tags": tags, "id": new_group_id()}
        return txn.put(Record(LOG_GROUP, arn, scope, document, name=name))
    except AlreadyExists as error:
        raise AlreadyExists("log group", name) from error


def create_log_group(txn: Txn, context: Context, params: Params) -> Result:
    """A new group, empty and kept for ever."""
    name = params["logGroupName"]
    if name.startswith("aws/"):
        raise Invalid("parameter", why="Log group names cannot start with aws/, which is reserved for AWS.")
    if params.get("kmsKeyId"):
        raise Invalid("parameter", why="The specified KMS key does not exist or cannot be used.")
    wanted = params.get("logGroupClass", "STANDARD")
    if wanted not in ("STANDARD", "INFREQUENT_ACCESS"):
        raise Invalid("parameter", why=f"Log groups of class {wanted} are not supported.")
    extra = {
        "logGroupClass": wanted,
        "deletionProtectionEnabled": params.get("deletionProtectionEnabled", False),
        "tags": params.get("tags") or {},
    }
    put_group(txn, context.scope, name, created_ms=epoch_ms(context.now), extra=extra)
    return {}


async def describe_log_groups(store: Store, context: Context, params: Params) -> Result:
    """Groups by name, with a prefix, or with a text anywhere in the name."""
    records, token = await store.view(lambda txn: _find_page(txn, context, params))
    shown = []
    for record in records:
        group: Document = record.document["logGroup"]
        if params.get("logGroupNamePattern"):
            shown.append({member: group[member] for member in BRIEFLY})
        else:
            shown.append({**group, "storedBytes": await store.logs.stored_bytes(group_id(record))})
    result: Result = {"logGroups": shown}
    return result | {"nextToken": token} if token else result


def _find_page(txn: Txn, context: Context, params: Params) -> tuple[list[Record], str | None]:
    prefix, pattern = params.get("logGroupNamePrefix"), params.get("logGroupNamePattern")
    if prefix is not None and pattern is not None:
        why = "logGroupNamePrefix and logGroupNamePattern are mutually exclusive parameters."
        raise Invalid("parameter", why=why)
    wanted_class, identifiers = params.get("logGroupClass"), params.get("logGroupIdentifiers")
    names = None
    if identifiers is not None:
        names = {named_group({"logGroupIdentifier": one}, context) for one in identifiers}

    def is_wanted(group: Document) -> bool:
        name = group["logGroupName"]
        return (
            (not pattern or pattern in name)
            and (names is None or name in names)
            and (wanted_class is None or group["logGroupClass"] == wanted_class)
        )

    find = _finder(txn, context.scope, prefix=prefix, is_wanted=is_wanted)
    query = ("log-groups", context.scope, prefix, pattern, wanted_class, identifiers)
    return read_list(find, params, *query)


def delete_log_group(txn: Txn, context: Context, params: Params) -> Result:
    """The group and its streams go, and its events are seen no more; the keeper removes their files."""
    group = find_group(txn, context.scope, params["logGroupName"])
    if group.document["logGroup"].get("deletionProtectionEnabled"):
        why = "The log group cannot be deleted while deletion protection is enabled."
        raise InUse("log group", group.name, why=why)
    for kind in OF_GROUP:
        for record in txn.find(kind, parent=group.key):
            txn.delete(record)
    txn.delete(group)
    return {}


def put_log_group_deletion_protection(txn: Txn, context: Context, params: Params) -> Result:
    """Whether DeleteLogGroup is refused."""
    name = named_group({"logGroupIdentifier": params["logGroupIdentifier"]}, context)
    change_group(
        txn,
        find_group(txn, context.scope, name),
        {"deletionProtectionEnabled": params["deletionProtectionEnabled"]},
    )
    return {}


def put_retention_policy(txn: Txn, context: Context, params: Params) -> Result:
    """Events older than so many days are shown no more; whole days of them leave the disk."""
    days = params["retentionInDays"]
    if days not in RETENTION_DAYS:
        allowed = ", ".join(str(one) for one in RETENTION_DAYS)
        raise Invalid("parameter", why=f"retentionInDays must be one of {allowed}, but was {days}.")
    change_group(txn, find_group(txn, context.scope, params["logGroupName"]), {"retentionInDays": days})
    return {}


def delete_retention_policy(txn: Txn, context: Context, params: Params) -> Result:
    """Events are kept for ever again."""
    change_group(txn, find_group(txn, context.scope, params["logGroupName"]), {"retentionInDays": None})
    return {}


def change_group(txn: Txn, record: Record, members: Document) -> None:
    """Other members of AWS's shape; those that are None go."""
    group = {
        member: value
        for member, value in (record.document["logGroup"] | members).items()
        if value is not None
    }
    txn.put(record.changed(document={**record.document, "logGroup": group}))


def _finder(
    txn: Txn, scope: str, *, prefix: str | None, is_wanted: Callable[[Document], bool]
) -> Callable[[Cursor | None, int], list[Record]]:
    """Pages of the groups that are wanted, for filters no index knows."""

    def find(after: Cursor | None, limit: int) -> list[Record]:
        found: list[Record] = []
        while len(found) < limit:
            step = txn.find(LOG_GROUP, scope=scope, name_prefix=prefix, after=after, limit=SEARCH_STEP)
            found += [record for record in step if is_wanted(record.document["logGroup"])]
            if len(step) < SEARCH_STEP:
                break
            after = (step[-1].name, step[-1].key)
        return found[:limit]

    return find


OPERATIONS: Mapping[str, Operation] = {
    "CreateLogGroup": Writes(create_log_group),
    "DeleteLogGroup": Writes(delete_log_group),
    "DeleteRetentionPolicy": Writes(delete_retention_policy),
    "DescribeLogGroups": Performs(describe_log_groups),
    "PutLogGroupDeletionProtection": Writes(put_log_group_deletion_protection),
    "PutRetentionPolicy": Writes(put_retention_policy),
}
