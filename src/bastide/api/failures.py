"""Turns whatever went wrong with a request into the error that goes out, by the tables of errors/."""

from collections.abc import Mapping

import msgspec

from bastide.api.errors import (
    COMMON,
    DENIED,
    EC2,
    FAULTS,
    INTERNAL,
    INVALID_CODES,
    INVALID_MEMBERS,
    JSON,
    MALFORMED,
    MISSING_PARAMETER,
    QUERY,
    REFUSALS,
    S3,
    SLOW_BODY,
    UNBUILT,
    UNRECORDED,
)
from bastide.api.errors.rows import Row
from bastide.model.faults import Conflict, Denied, Fault, Unavailable
from bastide.store.audit.audit_log import NOUN as AUDIT_LOG
from bastide.wire.http import WireError
from bastide.wire.malformed import Constraint, Malformed, MalformedReason, Violation
from bastide.wire.sigv4 import Refused
from bastide.wire.spec import Service

MESSAGE_MAX_CHARS = 2048  # a message may quote what was asked for, however long that is


class Unbuilt(Exception):
    """The model has this operation, we do not."""


def error_of(escaped: Exception, service: str, family: str, *, operation: str) -> WireError | None:
    """How what ended a request goes out; None for what nobody foresaw."""
    if isinstance(escaped, Refused):
        return refused_error(family, escaped)
    if isinstance(escaped, Malformed):
        return malformed_error(service, family, escaped)
    if isinstance(escaped, Unbuilt):
        return unbuilt_error(service, family, operation)
    if isinstance(escaped, Denied) and escaped.noun == "permission":
        return denied_error(family, escaped)
    if isinstance(escaped, Unavailable) and escaped.noun == AUDIT_LOG:
        return audit_error(family, escaped)
    return fault_error(service, family, escaped) if isinstance(escaped, Fault) else None


def row_for(service: str, fault: Fault) -> Row | None:
    """The fault's row, its sentence filled in; None when the table has none."""
    row = FAULTS.get(service, {}).get((type(fault), fault.noun))
    if row is None:
        return None
    told = row.message.format(name=fault.name)
    if isinstance(fault, Unavailable) and told:
        return Row(row.code, told)  # why it is so is for the log: it may name paths of this machine
    return Row(row.code, fault.why or told or str(fault))


def family_of(service: Service | None, protocol: str) -> str:
    """The family whose answers a request gets."""
    if protocol == "ec2":
        return EC2
    if service is not None and service.has_bare_errors:
        return S3
    return QUERY if protocol in ("query", "rest-xml") else JSON


def fault_error(service: str, family: str, fault: Fault) -> WireError | None:
    """How a fault goes out; None when it has no row."""
    row = row_for(service, fault)
    if row is None:
        return None
    members = {"resourceIds": list(fault.ids)} if isinstance(fault, Conflict) and fault.ids else {}
    return _error(family, row, members)


def denied_error(family: str, denied: Denied) -> WireError:
    """How a call goes out that the caller may not make; the sentence is the same in every service."""
    error = _error(family, Row(DENIED[family].code, DENIED[family].message.format(why=denied.why)))
    if not denied.encoded:
        return error
    message = f"{error.message}. Encoded authorization failure message: {denied.encoded}"
    return msgspec.structs.replace(error, message=message)


def audit_error(family: str, lost: Unavailable) -> WireError:
    """How a call goes out that would change something nobody could tell of afterwards."""
    return _error(family, Row(UNRECORDED[family], lost.why))


def refused_error(family: str, refused: Refused) -> WireError:
    """How a refused signature goes out."""
    row = REFUSALS[family][refused.reason]
    return _error(family, Row(row.code, row.message or refused.message))


def malformed_error(service: str, family: str, malformed: Malformed) -> WireError:
    """How a request that is no call goes out."""
    code, message = MALFORMED[family][malformed.reason].code, malformed.message
    if malformed.reason is MalformedReason.VALIDATION:
        code = INVALID_CODES.get(service, code)
        if malformed.violations:
            member = malformed.violations[0].member.partition(".")[0]
            code = INVALID_MEMBERS.get((service, member), code)
        if any(violation.constraint is Constraint.REQUIRED for violation in malformed.violations):
            code = MISSING_PARAMETER.get(family, code)
        if service == "ecs" and malformed.violations:
            message = _in_words_of_ecs(malformed.violations[0]) or message
    return _error(family, Row(code, message))


def _in_words_of_ecs(violation: Violation) -> str:
    """What ECS says of a rule of its model where it does not say what the other services do, else nothing."""
    if violation.constraint is Constraint.ENUM:
        allowed = violation.rule.rpartition("[")[2].rstrip("]").replace(", ", ",")
        value = violation.value.strip("'")
        told = violation.member if value.startswith("[") or not value else value
        return f"{told} should be one of [{allowed}]"
    if violation.constraint is Constraint.REQUIRED and "." not in violation.member:
        return f"{violation.member[0].upper()}{violation.member[1:]} can not be blank."
    return ""


def unbuilt_error(service: str, family: str, operation: str) -> WireError:
    """How an operation goes out that AWS has and this installation has not."""
    code = UNBUILT.get(service, UNBUILT[family])
    return _error(
        family, Row(code, f"Bastide has no {operation} for {service} yet: docs/compat.md lists what it has.")
    )


def internal_error(service: str, family: str) -> WireError:
    """How anything unforeseen goes out; what it was stands in the log under the request's id."""
    code = INTERNAL.get(service, INTERNAL[family])
    return WireError(code=code, message="Internal failure: see the log.", status=500, is_fault=True)


def slow_body_error(family: str) -> WireError:
    """How a request goes out whose body did not come."""
    return _error(family, Row(SLOW_BODY[family], "The request's body did not arrive in time."))


def _error(family: str, row: Row, members: Mapping[str, object] | None = None) -> WireError:
    status = COMMON[family].get(row.code)
    return WireError(
        code=row.code,
        message=row.message[:MESSAGE_MAX_CHARS],
        status=status,
        is_fault=status is not None and status >= 500,
        members=members or {},
    )
