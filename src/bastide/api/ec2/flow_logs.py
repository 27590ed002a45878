"""Flow logs: what is to be written down of packets, of a VPC, a subnet or an interface.

Owns the records alone. Every resource of a call stands for itself: what one cannot have is told in
`Unsuccessful`, and the others are made.
"""

from collections.abc import Mapping

from bastide.api.ec2 import nouns
from bastide.api.ec2.describe import Listing, describe
from bastide.api.ec2.nouns import Noun
from bastide.api.ec2.operations import changes, looks
from bastide.api.ec2.resources import documents_of, find_record, new_id, new_record, unsuccessful
from bastide.api.ec2.tag_rules import tags_asked
from bastide.api.ec2.tokens import echoed
from bastide.api.operation import Context, Document, Operation, Params, Result
from bastide.model.arn import log_group_arn
from bastide.model.faults import AlreadyExists, Invalid, NotFound, Unsupported
from bastide.model.network import kinds
from bastide.store import Txn

FLOW_LOGS = Listing(
    of=nouns.FLOW_LOG,
    ids="FlowLogIds",
    result="FlowLogs",
    filters={
        "deliver-log-status": ("DeliverLogsStatus",),
        "flow-log-id": ("FlowLogId",),
        "log-destination-type": ("LogDestinationType",),
        "log-group-name": ("LogGroupName",),
        "resource-id": ("ResourceId",),
        "tag-key": ("Tags", "Key"),
        "traffic-type": ("TrafficType",),
    },
)
RESOURCES: Mapping[str, Noun] = {
    "VPC": nouns.VPC,
    "Subnet": nouns.SUBNET,
    "NetworkInterface": nouns.NETWORK_INTERFACE,
}
TO_LOGS = "cloud-watch-logs"
# VPC user guide, "Flow log records": the fields of version 2.
FORMAT = (
    "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} "
    "${packets} ${bytes} ${start} ${end} ${action} ${log-status}"
)
INTERVALS_S = (60, 600)
GROUP_ARN_PARTS = 7  # arn:aws:logs:REGION:ACCOUNT:log-group:NAME


def create_flow_logs(txn: Txn, context: Context, params: Params) -> Result:
    """CreateFlowLogs."""
    of = RESOURCES.get(params["ResourceType"])
    if of is None:
        raise Unsupported("parameter", why=f"Bastide has no flow logs of {params['ResourceType']}.")
    asked = _asked(context, params)
    tags = tags_asked(params, nouns.FLOW_LOG)
    made, failed = [], []
    for resource_id in dict.fromkeys(params["ResourceIds"]):
        find_record(txn, context, of, resource_id)
        if _exists(txn, resource_id, asked):
            failed.append(unsuccessful(resource_id, AlreadyExists("flow log", resource_id)))
            continue
        document = {
            "FlowLogId": new_id(nouns.FLOW_LOG.prefix),
            "CreationTime": context.now_s,
            "FlowLogStatus": "ACTIVE",
            "DeliverLogsStatus": "SUCCESS",
            "ResourceId": resource_id,
            **asked,
            "Tags": tags,
        }
        txn.put(new_record(context, nouns.FLOW_LOG, document, parent=resource_id))
        made.append(document["FlowLogId"])
    return {"FlowLogIds": made, "Unsuccessful": failed, **echoed(params)}


def describe_flow_logs(txn: Txn, context: Context, params: Params) -> Result:
    """The scope's flow logs."""
    return describe(FLOW_LOGS, context, params, documents_of(txn, context, nouns.FLOW_LOG))


def delete_flow_logs(txn: Txn, context: Context, params: Params) -> Result:
    """DeleteFlowLogs: what was written stays."""
    failed = []
    for flow_log_id in dict.fromkeys(params["FlowLogIds"]):
        try:
            txn.delete(find_record(txn, context, nouns.FLOW_LOG, flow_log_id))
        except NotFound as fault:
            failed.append(unsuccessful(flow_log_id, fault))
    return {"Unsuccessful": failed}


def _asked(context: Context, params: Params) -> Document:
    """What a call says of each of its logs, with what AWS takes for granted."""
    if params.get("LogDestinationType", TO_LOGS) != TO_LOGS:
        raise Unsupported("parameter", why=f"Bastide delivers flow logs to {TO_LOGS} alone.")
    if params.get("LogFormat", FORMAT) != FORMAT:
        raise Unsupported("parameter", why=f"Bastide writes flow logs in the default format alone: {FORMAT}")
    if params.get("MaxAggregationInterval", INTERVALS_S[1]) not in INTERVALS_S:
        raise Invalid("parameter", why="MaxAggregationInterval is 60 or 600 seconds.")
    if "TrafficType" not in params:
        raise Invalid("request", why="The request must contain the parameter TrafficType.")
    if not params.get("DeliverLogsPermissionArn"):
        why = "DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs."
        raise Invalid("request", why=why)
    group = _group_name(params)
    return {
        "DeliverLogsPermissionArn": params["DeliverLogsPermissionArn"],
        "LogDestinationType": TO_LOGS,
        "LogFormat": FORMAT,
        "LogDestination": log_group_arn(context.scope, group),
        "LogGroupName": group,
        "MaxAggregationInterval": params.get("MaxAggregationInterval", INTERVALS_S[1]),
        "TrafficType": params["TrafficType"],
    }


def _group_name(params: Params) -> str:
    """The log group, named or by its ARN."""
    name, arn = params.get("LogGroupName"), params.get("LogDestination")
    if bool(name) == bool(arn):
        raise Invalid("parameters", why="Give exactly one of LogGroupName and LogDestination.")
    if name:
        return str(name)
    parts = str(arn).split(":")
    if len(parts) < GROUP_ARN_PARTS or parts[5] != "log-group":
        raise Invalid("parameter", str(arn), why=f"LogDestination is no ARN of a log group: {arn}")
    return parts[6]


def _exists(txn: Txn, resource_id: str, asked: Document) -> bool:
    """Whether the resource writes the same traffic into the same group already."""
    same = ("LogGroupName", "TrafficType")
    return any(
        all(log.document[member] == asked[member] for member in same)
        for log in txn.find(kinds.FLOW_LOG, parent=resource_id)
    )


OPERATIONS: Mapping[str, Operation] = {
    "CreateFlowLogs": changes(
        create_flow_logs,
        "ResourceIds",
        "ResourceType",
        "TrafficType",
        "LogDestinationType",
        "LogDestination",
        "LogGroupName",
        "LogFormat",
        "DeliverLogsPermissionArn",
        "MaxAggregationInterval",
        "ClientToken",
        "TagSpecifications",
    ),
    "DescribeFlowLogs": looks(describe_flow_logs),
    "DeleteFlowLogs": changes(delete_flow_logs, "FlowLogIds"),
}
