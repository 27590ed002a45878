"""Account settings: a value for one principal, a default for the account, and what AWS sets without either.

A record a setting and principal; the account's default is the root user's, so what root puts for itself
is the default. Three change what is done here: new clusters start with `containerInsights`, new tasks log
by `defaultLogDriverMode` where their definition names no mode, retired ones go on for
`fargateTaskRetirementWaitPeriod`. Values and defaults, but for the log mode's: ECS developer guide, "Access
Amazon ECS features with account settings".
"""

from collections.abc import Mapping
from typing import NamedTuple

from bastide.api.operation import Context, Document, Operation, Params, Reads, Result, Writes
from bastide.api.paging import cut_page
from bastide.model.arn import parse_arn, render_arn
from bastide.model.faults import Invalid
from bastide.model.task_definition import LOG_MODE_DEFAULT
from bastide.store.records import Record
from bastide.store.txn import Txn

ACCOUNT_SETTING = "account-setting"
CONTAINER_INSIGHTS = "containerInsights"
LOG_DRIVER_MODE = "defaultLogDriverMode"
RETIREMENT_WAIT_DAYS = "fargateTaskRetirementWaitPeriod"
CONTAINER_INSIGHTS_VALUES = ("disabled", "enabled", "enhanced")
PAGE_MAX = 10
_SWITCH = ("disabled", "enabled")
_ON_OFF = ("off", "on")


class Kind(NamedTuple):
    """A setting: the values it may have, the one it has unless set, and whether users may set it."""

    values: tuple[str, ...]
    default: str
    is_managed: bool = False


KINDS: Mapping[str, Kind] = {
    "serviceLongArnFormat": Kind(_SWITCH, "enabled"),
    "taskLongArnFormat": Kind(_SWITCH, "enabled"),
    "containerInstanceLongArnFormat": Kind(_SWITCH, "enabled"),
    "awsvpcTrunking": Kind(_SWITCH, "disabled"),
    CONTAINER_INSIGHTS: Kind(CONTAINER_INSIGHTS_VALUES, "disabled"),
    "fargateFIPSMode": Kind(_SWITCH, "disabled"),
    "tagResourceAuthorization": Kind(_ON_OFF, "on"),
    RETIREMENT_WAIT_DAYS: Kind(("0", "7", "14"), "7"),
    "guardDutyActivate": Kind(_ON_OFF, "off", is_managed=True),
    LOG_DRIVER_MODE: Kind(("blocking", "non-blocking"), LOG_MODE_DEFAULT),
    "fargateEventWindows": Kind(_SWITCH, "disabled"),
}
# Settings AWS has made the only way there is; turning them off is refused.
MANDATORY = frozenset(
    {
        "serviceLongArnFormat",
        "taskLongArnFormat",
        "containerInstanceLongArnFormat",
        "tagResourceAuthorization",
    }
)


def effective_value(txn: Txn, ctx: Context, name: str, principal: str = "") -> str:
    """What holds for the principal (or the caller): its own value, the account's, or AWS's."""
    record = txn.get(ACCOUNT_SETTING, _key(ctx.scope, principal or ctx.caller.principal_arn, name))
    return account_value(txn, ctx.scope, name) if record is None else str(record.document["value"])


def account_value(txn: Txn, scope: str, name: str) -> str:
    """What holds for the account of a scope where nobody asks: its own value, or AWS's."""
    account = scope.split("/")[0]
    record = txn.get(ACCOUNT_SETTING, _key(scope, render_arn("iam", "", account, "root"), name))
    return KINDS[name].default if record is None else str(record.document["value"])


def root_arn(ctx: Context) -> str:
    """The account's root user, whose settings are the account's defaults."""
    return render_arn("iam", "", ctx.caller.account, "root")


def put_account_setting(txn: Txn, ctx: Context, params: Params) -> Result:
    """PutAccountSetting: for the caller, or the principal named."""
    return _put(txn, ctx, params, _principal(ctx, params))


def put_account_setting_default(txn: Txn, ctx: Context, params: Params) -> Result:
    """PutAccountSettingDefault: for all principals without a value of their own."""
    return _put(txn, ctx, params, root_arn(ctx))


def delete_account_setting(txn: Txn, ctx: Context, params: Params) -> Result:
    """DeleteAccountSetting: back to the default; deleting what is not set is no error."""
    name = _checked_name(params["name"])
    principal = _principal(ctx, params)
    record = txn.get(ACCOUNT_SETTING, _key(ctx.scope, principal, name))
    if record is not None:
        txn.delete(record)
    return {"setting": _render(name, effective_value(txn, ctx, name, principal), principal)}


def list_account_settings(txn: Txn, ctx: Context, params: Params) -> Result:
    """ListAccountSettings: what was set for a principal, or what holds for it."""
    principal = _principal(ctx, params)
    name = _checked_name(params["name"]) if "name" in params else None
    if "value" in params and name is None:
        raise Invalid("setting", why="A value can be given only together with a name.")
    values = {
        record.name: str(record.document["value"])
        for record in txn.find(ACCOUNT_SETTING, scope=ctx.scope, parent=principal)
    }
    if params.get("effectiveSettings"):
        values = {known: values.get(known) or effective_value(txn, ctx, known, principal) for known in KINDS}
    names = [
        known
        for known in sorted(values)
        if name in (None, known) and params.get("value", values[known]) == values[known]
    ]
    query = ("ListAccountSettings", ctx.scope, principal, names)
    shown, token = cut_page(names, params, *query, most=PAGE_MAX)
    return {"settings": [_render(known, values[known], principal) for known in shown], "nextToken": token}


def _put(txn: Txn, ctx: Context, params: Params, principal: str) -> Result:
    name = _checked_name(params["name"])
    value = params["value"]
    kind = KINDS[name]
    if value not in kind.values:
        raise Invalid("setting", name, why=f"{value} should be one of [{','.join(kind.values)}]")
    if kind.is_managed or (name in MANDATORY and value != kind.default):
        raise Invalid("setting", name, why=f"The {name} account setting cannot be changed to {value}.")
    key = _key(ctx.scope, principal, name)
    document: Document = {"value": value}
    record = txn.get(ACCOUNT_SETTING, key)
    if record is None:
        record = Record(ACCOUNT_SETTING, key, ctx.scope, document, parent=principal, name=name)
    txn.put(record.changed(document=document))
    return {"setting": _render(name, value, principal)}


def _checked_name(name: str) -> str:
    if name not in KINDS:
        raise Invalid("setting", name, why=f"{name} should be one of [{','.join(KINDS)}]")
    return name


def _principal(ctx: Context, params: Params) -> str:
    principal = str(params.get("principalArn") or ctx.caller.principal_arn)
    parsed = parse_arn(principal)
    if parsed is None or parsed.service != "iam" or parsed.account != ctx.caller.account:
        raise Invalid("parameter", principal, why=f"The principal ARN {principal} is not valid.")
    return principal


def _key(scope: str, principal: str, name: str) -> str:
    return f"{scope}/{principal}/{name}"


def _render(name: str, value: str, principal: str) -> Document:
    kind = "aws_managed" if KINDS[name].is_managed else "user"
    return {"name": name, "value": value, "principalArn": principal, "type": kind}


OPERATIONS: Mapping[str, Operation] = {
    "DeleteAccountSetting": Writes(delete_account_setting),
    "ListAccountSettings": Reads(list_account_settings),
    "PutAccountSetting": Writes(put_account_setting),
    "PutAccountSettingDefault": Writes(put_account_setting_default),
}
