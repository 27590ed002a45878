"""How parameters are kept: one record a parameter with its labels, one a version with its sealed value.

Every value is sealed, not only those of SecureString: who reads the database learns none. The sealed text is
also what a SecureString shows to whoever does not ask for decryption.
"""

from typing import Any

from bastide.api.operation import Context
from bastide.api.ssm.names import parameter_arn, parameter_key, parse_selected
from bastide.api.vault import Vault
from bastide.model.faults import NotFound
from bastide.store import Record, Txn

Document = dict[str, Any]

PARAMETER, VERSION = "parameter", "parameter-version"
SECURE = "SecureString"


def find_parameter(txn: Txn, scope: str, name: str) -> Record:
    """The parameter of that name or ARN."""
    for one in parse_selected(name, scope).names:
        if (record := txn.get(PARAMETER, parameter_key(scope, one))) is not None:
            return record
    raise NotFound("parameter", name)


def find_version(txn: Txn, parameter: Record, selector: str | None) -> Record:
    """One version of a parameter: by number, by label, or the newest."""
    number: int | None
    if selector is None:
        number = parameter.document["parameter"]["Version"]
    elif selector.isascii() and selector.isdecimal() and len(selector) <= 18:
        number = int(selector)
    else:
        number = parameter.document["labels"].get(selector)
    record = txn.get(VERSION, _version_key(parameter.key, number)) if number is not None else None
    if record is None:
        why = (
            f"Systems Manager could not find version {selector} of {parameter.name}. Verify the version and "
            "try again."
        )
        raise NotFound("parameter version", parameter.name, why=why)
    return record


def find_selected(txn: Txn, scope: str, text: str) -> tuple[Record, Record, str | None]:
    """The parameter and the version that a name, an ARN or one of both with a selector means."""
    selector = parse_selected(text, scope).selector
    name = text[: -len(selector) - 1] if selector is not None else text
    parameter = find_parameter(txn, scope, name)
    return parameter, find_version(txn, parameter, selector), selector


def find_versions(txn: Txn, parameter: Record) -> list[Record]:
    """All versions, oldest first."""
    return txn.find(VERSION, parent=parameter.key)


def new_version(vault: Vault, parameter: Record, value: str) -> Record:
    """The version that the parameter's record speaks of, its value sealed; not stored yet."""
    members = parameter.document["parameter"]
    key = _version_key(parameter.key, members["Version"])
    document = {"parameter": members, "sealed": vault.seal_text(value, key)}
    return Record(
        VERSION, key, parameter.scope, document, parent=parameter.key, name=f"{members['Version']:020d}"
    )


def open_version(vault: Vault, version: Record) -> str:
    """The value. Raises Invalid of `sealed value`."""
    return vault.open_text(version.document["sealed"], version.key)


def labels_of(parameter: Record, number: int) -> list[str]:
    """The labels of a version."""
    labels: dict[str, int] = parameter.document["labels"]
    return sorted(label for label, holder in labels.items() if holder == number)


def shown_value(ctx: Context, version: Record, *, decrypted: bool) -> str:
    """What of a version's value the caller gets to see."""
    if version.document["parameter"]["Type"] == SECURE and not decrypted:
        return str(version.document["sealed"])
    return open_version(ctx.vault, version)


def show(ctx: Context, version: Record, *, decrypted: bool, selector: str | None = None) -> Document:
    """A version as GetParameter has it."""
    members = version.document["parameter"]
    shown = {
        "Name": members["Name"],
        "Type": members["Type"],
        "Value": shown_value(ctx, version, decrypted=decrypted),
        "Version": members["Version"],
        "LastModifiedDate": members["LastModifiedDate"],
        "ARN": parameter_arn(version.scope, members["Name"]),
        "DataType": members["DataType"],
    }
    return shown if selector is None else {**shown, "Selector": f":{selector}"}


def delete_parameter_records(txn: Txn, parameter: Record) -> None:
    """The parameter and every version of it."""
    for version in find_versions(txn, parameter):
        txn.delete(version)
    txn.delete(parameter)


def _version_key(key: str, number: int) -> str:
    return f"{key}#{number}"
