"""The sentence a refused caller reads (IAM user guide, "Troubleshoot access denied error messages")."""

from bastide.permissions.evaluation import Decision, Source
from bastide.permissions.requests import Request

_ARTICLES = {Source.IDENTITY: "an", Source.TRUST: "the"}


def render_denial(request: Request, decision: Decision) -> str:
    """Why it is refused. Preconditions: it is."""
    assert decision.source is not None
    # S3 alone puts it in quotes (S3 user guide, "Troubleshoot access denied (403 Forbidden) errors").
    resource = f'"{request.resource}"' if request.action.startswith("s3:") else request.resource
    asked = (
        f"User: {request.principal.arn} is not authorized to perform: {request.action} "
        f"on resource: {resource}"
    )
    if decision.is_explicit:
        return f"{asked} with an explicit deny in {_ARTICLES.get(decision.source, 'a')} {decision.source}"
    return f"{asked} because no {decision.source} allows the {request.action} action"
