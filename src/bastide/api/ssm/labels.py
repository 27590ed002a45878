"""Labels of versions: a name for one, by which it can be read as `name:label`."""

import re
from collections.abc import Mapping

from bastide.api.operation import Context, Operation, Params, Result, Writes
from bastide.api.ssm.names import RESERVED
from bastide.api.ssm.records import find_parameter, find_version, labels_of
from bastide.model.faults import LimitExceeded
from bastide.store import Txn

LABELS_MAX = 10  # of one version
_LABEL = re.compile(r"[A-Za-z_.-][A-Za-z0-9_.-]*")


def label_parameter_version(txn: Txn, ctx: Context, params: Params) -> Result:
    """Put labels on a version, taking them off others; what cannot be a label is named in the answer."""
    parameter = find_parameter(txn, ctx.scope, params["Name"])
    asked = params.get("ParameterVersion")
    version = find_version(txn, parameter, None if asked is None else str(asked))
    number = version.document["parameter"]["Version"]
    good = [label for label in dict.fromkeys(params["Labels"]) if _is_label(label)]
    bad = [label for label in params["Labels"] if not _is_label(label)]
    if len(set(labels_of(parameter, number)) | set(good)) > LABELS_MAX:
        why = f"A parameter version can have at most {LABELS_MAX} labels. Move one to another version, and "
        raise LimitExceeded("labels", parameter.name, why=f"{why}try again.")
    labels = {**parameter.document["labels"], **dict.fromkeys(good, number)}
    txn.put(parameter.changed(document={**parameter.document, "labels": labels}))
    return {"InvalidLabels": bad, "ParameterVersion": number}


def unlabel_parameter_version(txn: Txn, ctx: Context, params: Params) -> Result:
    """Take labels off a version; those that are not on it are named in the answer."""
    parameter = find_parameter(txn, ctx.scope, params["Name"])
    number = params["ParameterVersion"]
    find_version(txn, parameter, str(number))
    held = labels_of(parameter, number)
    removed = [label for label in dict.fromkeys(params["Labels"]) if label in held]
    labels = {name: at for name, at in parameter.document["labels"].items() if name not in removed}
    txn.put(parameter.changed(document={**parameter.document, "labels": labels}))
    return {
        "RemovedLabels": removed,
        "InvalidLabels": [label for label in params["Labels"] if label not in held],
    }


def _is_label(label: str) -> bool:
    return bool(_LABEL.fullmatch(label)) and not label.lower().startswith(RESERVED)


OPERATIONS: Mapping[str, Operation] = {
    "LabelParameterVersion": Writes(label_parameter_version),
    "UnlabelParameterVersion": Writes(unlabel_parameter_version),
}
