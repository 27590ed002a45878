"""How answers of the task endpoint look."""

import msgspec

from bastide.host.ports import Answered

NOBODY = Answered(status=404, body=b"404 page not found\n", content_type="text/plain; charset=utf-8")
TOO_OFTEN = Answered(status=429, body=b"You have reached maximum request limit.", content_type="text/plain")
NOT_ALLOWED = Answered(status=405, body=b"", content_type="text/plain")


def render_json(status: int, document: object) -> Answered:
    """As every answer that says something."""
    return Answered(status=status, body=msgspec.json.encode(document))
