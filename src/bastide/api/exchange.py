"""One request on its way through the gateway: what is known of it so far."""

from typing import Any

import msgspec

from bastide.api.operation import Caller
from bastide.wire.http import Request
from bastide.wire.sigv4 import Refused, claim_of
from bastide.wire.spec import Service


class Exchange(msgspec.Struct):
    """Its errors are told in the words of the service it is for; all of it is told the audit log."""

    request_id: str
    service: Service | None = None
    protocol: str = ""
    operation: str = ""
    access_key_id: str = ""  # claimed; `caller` says whether it was believed
    region: str = ""
    caller: Caller | None = None
    params: Any = None
    result: Any = None

    @property
    def is_verified(self) -> bool:
        """Whether the signature was good."""
        return self.caller is not None

    def note_claim(self, request: Request) -> None:
        """What it says of itself, where that can be read."""
        try:
            claim = claim_of(request)
        except Refused:
            return
        self.access_key_id, self.region = claim.access_key_id, claim.region
