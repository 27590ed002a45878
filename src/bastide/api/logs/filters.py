"""Metric filters and subscription filters: checked, recorded, listed, deleted, tried on messages.

Nothing is made of them: there are no metrics here to add to and none of the services that subscribe.
Record kinds `metric-filter` and `subscription-filter`, parent the group's ARN, name the filter's.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bastide.api.logs.groups import change_group, epoch_ms, find_group
from bastide.api.logs.limits import Cursor, read_list
from bastide.api.logs.patterns.filter_pattern import parse_filter_pattern
from bastide.api.operation import Context, Document, Operation, Params, Reads, Result, Writes
from bastide.model.arn import parse_arn
from bastide.model.faults import Invalid, LimitExceeded, NotFound
from bastide.store import Record, Txn

METRIC, SUBSCRIPTION = "metric-filter", "subscription-filter"
FILTERS_MAX = {METRIC: 100, SUBSCRIPTION: 2}  # of a log group: CloudWatch Logs quotas
DESTINATIONS = ("kinesis", "firehose", "lambda", "logs")
DEFAULTS: Mapping[str, Document] = {METRIC: {}, SUBSCRIPTION: {"distribution": "ByLogStream"}}
MEMBERS = {
    METRIC: ("filterPattern", "metricTransformations", "applyOnTransformedLogs", "fieldSelectionCriteria"),
    SUBSCRIPTION: ("filterPattern", "destinationArn", "roleArn", "distribution", "applyOnTransformedLogs"),
}


def put_metric_filter(txn: Txn, context: Context, params: Params) -> Result:
    """A new filter, or the same one changed."""
    for one in params["metricTransformations"]:
        if one.get("defaultValue") is not None and one.get("dimensions"):
            why = "A metric transformation cannot have both a default value and dimensions."
            raise Invalid("parameter", why=why)
    return _put(txn, context, params, METRIC)


def put_subscription_filter(txn: Txn, context: Context, params: Params) -> Result:
    """A new filter, or the same one changed."""
    destination = parse_arn(params["destinationArn"])
    if destination is None or destination.service not in DESTINATIONS:
        why = "destinationArn must be that of a Kinesis or Firehose stream, a function or a destination."
        raise Invalid("parameter", why=why)
    return _put(txn, context, params, SUBSCRIPTION)


def test_metric_filter(txn: Txn, context: Context, params: Params) -> Result:
    """Which of these messages the pattern fits."""
    pattern = parse_filter_pattern(params["filterPattern"])
    return {
        "matches": [
            {"eventNumber": number, "eventMessage": message, "extractedValues": {}}
            for number, message in enumerate(params["logEventMessages"], 1)
            if pattern.fits(message)
        ]
    }


def describe_metric_filters(txn: Txn, context: Context, params: Params) -> Result:
    """A group's, or those of one metric."""
    name, namespace = params.get("metricName"), params.get("metricNamespace")
    if (name is None) != (namespace is None):
        raise Invalid("parameter", why="metricName and metricNamespace must be specified together.")

    def is_wanted(document: Document) -> bool:
        made = [(one["metricName"], one["metricNamespace"]) for one in document["metricTransformations"]]
        return name is None or (name, namespace) in made

    shown, token = _list(txn, context, params, METRIC, is_wanted)
    return {"metricFilters": shown, "nextToken": token}


def describe_subscription_filters(txn: Txn, context: Context, params: Params) -> Result:
    """A group's."""
    shown, token = _list(txn, context, params, SUBSCRIPTION, lambda document: True)
    return {"subscriptionFilters": shown, "nextToken": token}


def delete_metric_filter(txn: Txn, context: Context, params: Params) -> Result:
    """It goes."""
    return _delete(txn, context, params, METRIC)


def delete_subscription_filter(txn: Txn, context: Context, params: Params) -> Result:
    """It goes."""
    return _delete(txn, context, params, SUBSCRIPTION)


def _put(txn: Txn, context: Context, params: Params, kind: str) -> Result:
    parse_filter_pattern(params["filterPattern"])
    group = find_group(txn, context.scope, params["logGroupName"])
    key = f"{group.key}:{kind}:{params['filterName']}"
    known = txn.get(kind, key)
    if known is None and txn.count(kind, parent=group.key) >= FILTERS_MAX[kind]:
        raise LimitExceeded("filters")
    told = {member: params[member] for member in MEMBERS[kind] if params.get(member) is not None}
    created_ms = known.document["creationTime"] if known else epoch_ms(context.now)
    names = {"filterName": params["filterName"], "logGroupName": group.name, "creationTime": created_ms}
    document = {**DEFAULTS[kind], **names, **told}
    record = known or Record(kind, key, group.scope, {}, parent=group.key, name=params["filterName"])
    txn.put(record.changed(document=document))
    if known is None:
        _count(txn, group, kind)
    return {}


def _delete(txn: Txn, context: Context, params: Params, kind: str) -> Result:
    group = find_group(txn, context.scope, params["logGroupName"])
    record = txn.get(kind, f"{group.key}:{kind}:{params['filterName']}")
    if record is None:
        raise NotFound("filter", params["filterName"])
    txn.delete(record)
    _count(txn, group, kind)
    return {}


def _count(txn: Txn, group: Record, kind: str) -> None:
    if kind == METRIC:
        change_group(txn, group, {"metricFilterCount": txn.count(kind, parent=group.key)})


def _list(
    txn: Txn, context: Context, params: Params, kind: str, is_wanted: Callable[[Document], bool]
) -> tuple[list[Any], str | None]:
    parent = None
    if params.get("logGroupName"):
        parent = find_group(txn, context.scope, params["logGroupName"]).key
    prefix = params.get("filterNamePrefix")

    def find(after: Cursor | None, count: int) -> list[Record]:
        there = txn.find(kind, scope=context.scope, parent=parent, name_prefix=prefix, after=after)
        return [one for one in there if is_wanted(one.document)][:count]

    query = (kind, context.scope, parent, prefix, params.get("metricName"), params.get("metricNamespace"))
    records, token = read_list(find, params, *query)
    return [record.document for record in records], token


OPERATIONS: Mapping[str, Operation] = {
    "DeleteMetricFilter": Writes(delete_metric_filter),
    "DeleteSubscriptionFilter": Writes(delete_subscription_filter),
    "DescribeMetricFilters": Reads(describe_metric_filters),
    "DescribeSubscriptionFilters": Reads(describe_subscription_filters),
    "PutMetricFilter": Writes(put_metric_filter),
    "PutSubscriptionFilter": Writes(put_subscription_filter),
    "TestMetricFilter": Reads(test_metric_filter),
}
