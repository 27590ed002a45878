"""Task definitions: register, describe, list, deregister, delete; and the look-up other modules need.

A family's record counts revisions, so that none is used twice; it stays when all of them are gone. What
was registered never changes but for its status and tags. `control/reaper` removes what is DELETE_IN_PROGRESS.
"""

import re
from collections.abc import Mapping

from bastide.api.ecs.checks.task_definitions import check_task_definition
from bastide.api.ecs.identifiers import parse_identifier
from bastide.api.ecs.registered import registered
from bastide.api.ecs.tags import checked_tags
from bastide.api.operation import Context, Document, Operation, Params, Reads, Result, Writes
from bastide.api.paging import Cursor, read_page
from bastide.model.arn import task_definition_arn
from bastide.model.faults import Invalid, LimitExceeded, NotFound
from bastide.store.records import Record
from bastide.store.txn import Txn

TASK_DEFINITION = "task-definition"
FAMILY = "family"
ACTIVE, INACTIVE, DELETE_IN_PROGRESS = "ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"
DELETED = "DELETED"  # of a family that has no revision left
REVISION_MAX = 1_000_000
DELETE_MAX = 10
_REVISION_DIGITS = len(str(REVISION_MAX))
_REVISION = re.compile(rf"[0-9]{{1,{_REVISION_DIGITS}}}")


def find_task_definition(txn: Txn, ctx: Context, identifier: str, *, missing: str = "") -> Record:
    """By family (its latest ACTIVE revision), family:revision or ARN; NotFound, saying `missing`, else."""
    family, revision = parse_task_definition(ctx, identifier)
    found: Record | None
    if revision is not None:
        found = txn.get(TASK_DEFINITION, task_definition_arn(ctx.scope, family, revision))
    else:
        parent = _family_key(ctx, family)
        latest = txn.find(TASK_DEFINITION, parent=parent, status=ACTIVE, descending=True, limit=1)
        found = latest[0] if latest else None
    if found is None:
        raise NotFound("task definition", identifier, why=missing)
    return found


def parse_task_definition(ctx: Context, identifier: str) -> tuple[str, int | None]:
    """Family and revision of a reference; raises Invalid for a revision that is no number."""
    named = "/".join(parse_identifier(ctx, identifier, TASK_DEFINITION))
    family, colon, revision = named.partition(":")
    if not colon:
        return family, None
    if not (_REVISION.fullmatch(revision) and 0 < int(revision) <= REVISION_MAX):
        raise Invalid("task definition", why=f"Invalid revision number. Number: {revision}")
    return family, int(revision)


def render_task_definition(record: Record) -> Document:
    """The task definition as ECS shows it."""
    return {**record.document["taskDefinition"], "status": record.status}


def register_task_definition(txn: Txn, ctx: Context, params: Params) -> Result:
    """RegisterTaskDefinition: always a new revision, even of the same."""
    check_task_definition(params)
    tags = checked_tags(params.get("tags", []))
    family, key = params["family"], _family_key(ctx, params["family"])
    counter = txn.get(FAMILY, key) or Record(
        FAMILY, key, ctx.scope, {"next_revision": 1, "active": 0}, name=family
    )
    revision = counter.document["next_revision"]
    if revision > REVISION_MAX:
        raise LimitExceeded("revision", family, why=f"A family can have at most {REVISION_MAX} revisions.")
    counted = {"next_revision": revision + 1, "active": counter.document["active"] + 1}
    txn.put(counter.changed(document=counted, status=ACTIVE))
    definition = registered(ctx, params, revision)
    record = txn.put(
        Record(
            TASK_DEFINITION,
            definition["taskDefinitionArn"],
            ctx.scope,
            {"taskDefinition": definition, "tags": tags},
            parent=key,
            name=_sort_name(family, revision),
            status=ACTIVE,
        )
    )
    return {"taskDefinition": render_task_definition(record), "tags": tags}


def describe_task_definition(txn: Txn, ctx: Context, params: Params) -> Result:
    """DescribeTaskDefinition, of any status."""
    record = find_task_definition(txn, ctx, params["taskDefinition"])
    tags = record.document["tags"] if "TAGS" in params.get("include", ()) else None
    return {"taskDefinition": render_task_definition(record), "tags": tags}


def list_task_definitions(txn: Txn, ctx: Context, params: Params) -> Result:
    """ListTaskDefinitions: by family, then revision. `familyPrefix` is a whole family's name here."""
    family, descending = params.get("familyPrefix"), params.get("sort") == "DESC"
    status = params.get("status", ACTIVE)
    parent = _family_key(ctx, family) if family else None

    def find(after: Cursor | None, limit: int) -> list[Record]:
        return txn.find(
            TASK_DEFINITION,
            scope=ctx.scope,
            parent=parent,
            status=status,
            after=after,
            limit=limit,
            descending=descending,
        )

    query = ("ListTaskDefinitions", ctx.scope, family, status, descending)
    records, token = read_page(find, params, *query)
    return {"taskDefinitionArns": [record.key for record in records], "nextToken": token}


def list_task_definition_families(txn: Txn, ctx: Context, params: Params) -> Result:
    """ListTaskDefinitionFamilies: those that have a revision, ACTIVE or not, whose name begins so."""
    prefix, status = params.get("familyPrefix"), params.get("status", "ALL")

    def find(after: Cursor | None, limit: int) -> list[Record]:
        wanted = None if status == "ALL" else status
        found = txn.find(FAMILY, scope=ctx.scope, name_prefix=prefix, status=wanted, after=after, limit=limit)
        shown = [record for record in found if record.status != DELETED]
        if len(shown) == len(found) or len(found) < limit:
            return shown
        last = found[-1]
        return shown + find((last.name, last.key), limit - len(shown))

    query = ("ListTaskDefinitionFamilies", ctx.scope, prefix, status)
    records, token = read_page(find, params, *query)
    return {"families": [record.name for record in records], "nextToken": token}


def deregister_task_definition(txn: Txn, ctx: Context, params: Params) -> Result:
    """DeregisterTaskDefinition: INACTIVE, and still there for what runs from it."""
    _, revision = parse_task_definition(ctx, params["taskDefinition"])
    if revision is None:
        raise Invalid("task definition", why="Revision is missing.")
    record = find_task_definition(txn, ctx, params["taskDefinition"])
    if record.status == DELETE_IN_PROGRESS:
        raise Invalid("task definition", why="The specified task definition is being deleted.")
    if record.status == ACTIVE:
        record = _put_status(txn, record, INACTIVE, "deregisteredAt", ctx.now_s)
        counter = txn.get(FAMILY, record.parent)
        assert counter is not None, "a revision without its family"
        active = counter.document["active"] - 1
        document = {**counter.document, "active": active}
        txn.put(counter.changed(document=document, status=ACTIVE if active else INACTIVE))
    return {"taskDefinition": render_task_definition(record)}


def delete_task_definitions(txn: Txn, ctx: Context, params: Params) -> Result:
    """DeleteTaskDefinitions: what is INACTIVE goes as soon as nothing refers to it."""
    identifiers = params["taskDefinitions"]
    if not identifiers:
        raise Invalid("parameter", why="size of TaskDefinition references list must be greater than 0")
    if len(identifiers) > DELETE_MAX:
        raise Invalid("parameter", why=f"Size of TaskDefinition references list cannot exceed {DELETE_MAX}")
    deleted: list[Document] = []
    failures: list[Document] = []
    for identifier in dict.fromkeys(identifiers):
        record, reason = _deletable(txn, ctx, identifier)
        if record is None:
            failures.append({"arn": identifier, "reason": reason})
            continue
        if record.status == INACTIVE:
            record = _put_status(txn, record, DELETE_IN_PROGRESS, "deleteRequestedAt", ctx.now_s)
        deleted.append(render_task_definition(record))
    return {"taskDefinitions": deleted, "failures": failures}


def _deletable(txn: Txn, ctx: Context, identifier: str) -> tuple[Record | None, str]:
    """The record, or why it cannot be deleted."""
    try:
        _, revision = parse_task_definition(ctx, identifier)
    except Invalid:
        revision = None
    if revision is None:
        return None, (
            "The specified task definition identifier is invalid. Specify a valid name or ARN and try again."
        )
    try:
        record = find_task_definition(txn, ctx, identifier)
    except NotFound:
        return None, (
            "The specified task definition does not exist. "
            "Specify a valid account, family, revision and try again."
        )
    if record.status == ACTIVE:
        return None, (
            "The specified task definition is still in ACTIVE status. "
            "Please deregister the target and try again."
        )
    return record, ""


def _put_status(txn: Txn, record: Record, status: str, member: str, at: float) -> Record:
    definition = {**record.document["taskDefinition"], member: at}
    document = {**record.document, "taskDefinition": definition}
    return txn.put(record.changed(document=document, status=status))


def _family_key(ctx: Context, family: str) -> str:
    return f"{ctx.scope}/{family}"


def _sort_name(family: str, revision: int) -> str:
    """Sorts by family, then by revision: a blank comes before every character of a family's name."""
    return f"{family} {revision:0{_REVISION_DIGITS}d}"


OPERATIONS: Mapping[str, Operation] = {
    "DeleteTaskDefinitions": Writes(delete_task_definitions),
    "DeregisterTaskDefinition": Writes(deregister_task_definition),
    "DescribeTaskDefinition": Reads(describe_task_definition),
    "ListTaskDefinitionFamilies": Reads(list_task_definition_families),
    "ListTaskDefinitions": Reads(list_task_definitions),
    "RegisterTaskDefinition": Writes(register_task_definition),
}
