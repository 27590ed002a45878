"""What calls of CloudWatch Logs, S3, Secrets Manager and Systems Manager are about."""

from collections.abc import Mapping, Sequence

from bastide.api.authorization.resources.found import Find, Found, names_in, own_policy, tag_map
from bastide.api.logs.insights.pointers import parse_pointer
from bastide.api.logs.policies.records import texts_for
from bastide.api.operation import Context, Params
from bastide.api.s3.buckets import BUCKET
from bastide.api.secretsmanager.records import find_in
from bastide.api.ssm.records import find_parameter
from bastide.model.arn import log_group_arn, parse_arn, render_arn, scope_of
from bastide.model.faults import Fault
from bastide.permissions.patterns import Values
from bastide.store import Record, Txn
from bastide.store.logs.ids import LOG_GROUP

_GROUP = "log-group:"


def _log_groups(txn: Txn, ctx: Context, params: Params) -> list[Found]:
    """As CloudWatch Logs asks: with the empty stream behind it, which policies write `:*`."""
    return [_stream(txn, arn, "") for arn in _group_arns(ctx, params)]


def find_stream(txn: Txn, scope: str, group: str, stream: str) -> Found:
    """One stream of a log group, whether it is there or not."""
    return _stream(txn, log_group_arn(scope, group), stream)


def _stream(txn: Txn, group_arn: str, stream: str) -> Found:
    arn, record = parse_arn(group_arn), txn.get(LOG_GROUP, group_arn)
    policies = () if arn is None else texts_for(txn, scope_of(arn.account, arn.region), group_arn)
    tags = {} if record is None else record.document["tags"]
    return Found(f"{group_arn}:log-stream:{stream}", tags, policies)


def _group_arns(ctx: Context, params: Params) -> list[str]:
    named = names_in(
        params,
        "logGroupName",
        "logGroupIdentifier",
        "logGroupIdentifiers",
        "logGroupNames",
        "resourceArn",
    )
    if "logRecordPointer" in params:
        named.append(parse_pointer(params["logRecordPointer"]).group)
    return [_group_arn(ctx, name) for name in named]


def _group_arn(ctx: Context, name: str) -> str:
    arn = parse_arn(name)
    if arn is None:
        return render_arn("logs", ctx.caller.region, ctx.caller.account, f"{_GROUP}{name}")
    return name.removesuffix(":*")


def _log_streams(txn: Txn, ctx: Context, params: Params) -> list[Found]:
    stream = params.get("logStreamName", "")
    return [_stream(txn, arn, stream) for arn in _group_arns(ctx, params)]


LOGS: Mapping[str, Find] = {"log-group": _log_groups, "log-stream": _log_streams}


def _buckets(txn: Txn, ctx: Context, params: Params) -> list[Found]:
    return [find_in_bucket(txn, name) for name in names_in(params, "Bucket")]


def find_in_bucket(txn: Txn, bucket: str, key: str = "") -> Found:
    """A bucket or an object of it, whether it is there or not."""
    record = txn.get(BUCKET, bucket)
    arn = f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"
    return Found(arn, policies=() if record is None else own_policy(record))


def _objects(txn: Txn, ctx: Context, params: Params) -> list[Found]:
    keys = names_in(params, "Key")
    keys += [str(each.get("Key")) for each in (params.get("Delete") or {}).get("Objects") or []]
    return [find_in_bucket(txn, params["Bucket"], key) for key in keys]


S3: Mapping[str, Find] = {"bucket": _buckets, "object": _objects}


def s3_keys(txn: Txn, ctx: Context, params: Params, resources: Sequence[Found]) -> dict[str, Values]:
    """S3's own condition keys."""
    members = {"s3:prefix": "Prefix", "s3:delimiter": "Delimiter", "s3:max-keys": "MaxKeys"}
    return {key: str(params[member]) for key, member in members.items() if params.get(member) is not None}


def _secrets(txn: Txn, ctx: Context, params: Params) -> list[Found]:
    """A secret to be made has no random end yet."""
    found = []
    for name in names_in(params, "SecretId", "Name"):
        record = find_in(txn, ctx.scope, name, now_s=ctx.now_s)
        if record is not None:
            found.append(found_secret(record))
        elif name.startswith("arn:"):
            found.append(Found(name))
        else:
            found.append(
                Found(render_arn("secretsmanager", ctx.caller.region, ctx.caller.account, f"secret:{name}"))
            )
    return found


def found_secret(record: Record) -> Found:
    """A secret that is there."""
    return Found(record.key, tag_map(record.document.get("tags") or []), own_policy(record))


SECRETS: Mapping[str, Find] = {"Secret": _secrets}


def secrets_keys(txn: Txn, ctx: Context, params: Params, resources: Sequence[Found]) -> dict[str, Values]:
    """Secrets Manager's own condition keys."""
    members = {
        "secretsmanager:secretid": "SecretId",
        "secretsmanager:name": "Name",
        "secretsmanager:versionid": "VersionId",
        "secretsmanager:versionstage": "VersionStage",
    }
    return {key: str(params[member]) for key, member in members.items() if params.get(member)}


def _parameters(txn: Txn, ctx: Context, params: Params) -> list[Found]:
    named = names_in(params, "Name", "Names", "Path", "ResourceId")
    return [Found(_parameter_arn(ctx, name), _parameter_tags(txn, ctx, name)) for name in named]


def _parameter_tags(txn: Txn, ctx: Context, name: str) -> dict[str, str]:
    try:
        record = find_parameter(txn, ctx.scope, name)
    except Fault:  # there is none, or the name is none: the operation says which
        return {}
    return tag_map(record.document.get("tags") or [])


def _parameter_arn(ctx: Context, name: str) -> str:
    """Without a version or label, which stand behind a colon."""
    arn = parse_arn(name)
    plain = arn.resource.removeprefix("parameter/") if arn is not None else name
    path = plain.partition(":")[0].lstrip("/").rstrip("/")
    return render_arn("ssm", ctx.caller.region, ctx.caller.account, f"parameter/{path}")


def _sessions(txn: Txn, ctx: Context, params: Params) -> list[Found]:
    names = names_in(params, "SessionId")
    return [
        Found(render_arn("ssm", ctx.caller.region, ctx.caller.account, f"session/{name}")) for name in names
    ]


SSM: Mapping[str, Find] = {"parameter": _parameters, "session": _sessions}


def ssm_keys(txn: Txn, ctx: Context, params: Params, resources: Sequence[Found]) -> dict[str, Values]:
    """Systems Manager's own condition keys."""
    members = {"ssm:recursive": "Recursive", "ssm:overwrite": "Overwrite"}
    return {key: str(bool(params.get(member))).lower() for key, member in members.items()}
