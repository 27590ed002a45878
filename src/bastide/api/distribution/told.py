"""What the audit log is told of a call to /v2, in the words of ECR's API."""

import msgspec

from bastide.api.audit.resources import resources_in
from bastide.api.audit.trail import Event
from bastide.api.distribution.errors import Row
from bastide.api.distribution.exchange import Exchange
from bastide.api.operation import Caller, Document
from bastide.model.arn import render_arn

SOURCE = "ecr.amazonaws.com"
CHECK = "CheckAuthorization"  # what docker login asks first; ECR's API has no name for it
READING = ("GET", "HEAD")


class Told(msgspec.Struct):
    """What is known of a call so far."""

    caller: Caller | None = None
    account: str = ""
    region: str = ""
    action: str = ""
    name: str = ""
    rest: str = ""
    error: Row | None = None


def event_of(exchange: Exchange, told: Told) -> Event:
    """The record of it; nothing of headers or body is in it."""
    parameters: Document = {"method": exchange.method}
    if told.name:
        parameters["repositoryName"] = told.name
    if told.rest:
        parameters["reference"] = told.rest
    arn = ""
    if told.account and told.name:
        arn = render_arn("ecr", told.region, told.account, f"repository/{told.name}")
    return Event(
        source=SOURCE,
        name=told.action.partition(":")[2] or CHECK,
        is_read_only=exchange.method in READING,
        caller=told.caller,
        region=told.region,
        origin=exchange.origin,
        error=None if told.error is None else (told.error.code, told.error.message),
        parameters=parameters,
        resources=resources_in("ecr", {"arn": arn}),
    )
