"""The encoded message of a refusal: what was asked and what decided, for whoever may have it decoded.

EC2 puts it behind its sentence, and STS decodes it (EC2 API reference, "Error codes"; STS API reference,
DecodeAuthorizationMessage, whose members these are). It is sealed by the installation's key for the account
of the caller, and kept nowhere. Condition keys are in lower case, as they are compared.
"""

import base64
import binascii
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from bastide.api.vault import Vault
from bastide.model.faults import Invalid
from bastide.permissions import Decision, Effect, Policies, Policy, Request
from bastide.permissions.documents import Clause
from bastide.permissions.patterns import Values

ENCODED_MAX_CHARS = 10_240  # what DecodeAuthorizationMessage takes
_SEALED_FOR = "authorization-message"

Document = dict[str, Any]


def encode_message(vault: Vault, request: Request, decision: Decision, policies: Policies) -> str:
    """The message of a refusal; one that would be too long does not say the keys of the request."""
    message = _message(request, decision, policies)
    encoded = _encode(vault, request.principal.account, message)
    if len(encoded) > ENCODED_MAX_CHARS:
        message["context"]["conditions"] = _items(())
        encoded = _encode(vault, request.principal.account, message)
    return encoded


def decode_message(vault: Vault, account: str, encoded: str) -> str:
    """The JSON of a message that was made for the account; raises Invalid for anything else."""
    try:
        sealed = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        return zlib.decompress(vault.open(sealed, f"{_SEALED_FOR}/{account}")).decode()
    except (binascii.Error, ValueError, zlib.error, Invalid) as error:
        raise Invalid("authorization message") from error


def _encode(vault: Vault, account: str, message: Document) -> str:
    sealed = vault.seal(zlib.compress(msgspec.json.encode(message), 9), f"{_SEALED_FOR}/{account}")
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def _message(request: Request, decision: Decision, policies: Policies) -> Document:
    matched = _denials(policies, request) if decision.is_explicit else ()
    return {
        "allowed": False,
        "explicitDeny": decision.is_explicit,
        "matchedStatements": _items(_statement(clause) for clause in matched),
        "failures": _items(()),
        "context": {
            "principal": {"id": request.keys.get("aws:userid", ""), "arn": request.principal.arn},
            "action": request.action,
            "resource": request.resource,
            "conditions": _items(_condition(key, value) for key, value in sorted(request.keys.items())),
        },
    }


def _denials(policies: Policies, request: Request) -> Iterator[Clause]:
    """The statements that forbid it, wherever they stand."""
    for policy in _all(policies):
        for statement in policy.matching(request, Effect.DENY):
            yield statement.clause


def _all(policies: Policies) -> Iterator[Policy]:
    yield from policies.identity
    yield from policies.session or ()
    yield from (each for each in (policies.resource, policies.boundary) if each is not None)


def _statement(clause: Clause) -> Document:
    conditions = (
        {"operator": operator, "key": key, "values": _values(values)}
        for operator, by_key in clause.conditions.items()
        for key, values in by_key.items()
    )
    principals = (name for names in (clause.principals or {}).values() for name in names)
    return {
        "statementId": clause.sid,
        "effect": clause.effect.upper(),
        "principals": _values(principals),
        "principalGroups": _items(()),
        "notActions" if clause.is_not_action else "actions": _values(clause.actions),
        "notResources" if clause.is_not_resource else "resources": _values(clause.resources or ()),
        "conditions": _items(conditions),
    }


def _condition(key: str, value: Values) -> Document:
    return {"key": key, "values": _values([value] if isinstance(value, str) else value)}


def _values(values: Iterable[str]) -> Document:
    return _items({"value": value} for value in values)


def _items(items: Iterable[Document]) -> Document:
    return {"items": list(items)}
