"""Which of our services a request is for: by its target, its signature's scope, or the version a form names.

Invariant: whether it is one of ours is told without loading a model; another's is read beside the event loop.
"""

import asyncio
import contextlib
import re
from collections.abc import Iterable

from bastide.api.exchange import Exchange
from bastide.api.failures import family_of
from bastide.wire import spec
from bastide.wire.http import Request
from bastide.wire.malformed import Malformed
from bastide.wire.sigv4 import Identity, Refused, RefusedReason

REGION = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_CLAIMED_SERVICE = re.compile(r"Credential=[^/%,\s]*(?:/|%2F)\d*(?:/|%2F)[^/%,\s]*(?:/|%2F)([a-z0-9-]+)")


class Addressing:
    """Finds services by requests."""

    def __init__(self, names: Iterable[str]) -> None:
        ours = [spec.service(name) for name in names]
        self._by_target = {each.target_prefix: each for each in ours if each.target_prefix}
        self._by_signing_name = {each.signing_name: each for each in ours}
        self._by_version = {each.version: each for each in ours if not each.target_prefix}

    async def service_of(self, request: Request, identity: Identity) -> spec.Service:
        """The service asked for, ours or not. Raises Malformed for a request that is for none."""
        service = self._ours(request, identity.service)
        if service is None:
            service = await asyncio.to_thread(spec.service_for, request, identity.service)
        return service

    def versioned(self, request: Request) -> spec.Service | None:
        """The service among ours whose API version a form names; None also for what cannot be read."""
        with contextlib.suppress(Malformed):
            return self._by_version.get(spec.form_version(request))
        return None

    def words_for(self, request: Request, exchange: Exchange) -> tuple[str, str]:
        """Name and family of the service whose words an error is told in, guessed where it is not known."""
        if exchange.service is None:
            claimed = self._ours(request, _claimed_service(request))
            exchange.service = claimed or self.versioned(request)
            exchange.protocol = spec.protocol_for(request, exchange.service)
        name = exchange.service.name if exchange.service is not None else ""
        return name, family_of(exchange.service, exchange.protocol)

    def _ours(self, request: Request, signing_name: str) -> spec.Service | None:
        target = request.headers.get("x-amz-target")
        if target is not None:
            return self._by_target.get(target.rpartition(".")[0])
        if "smithy-protocol" in request.headers:
            return None
        return self._by_signing_name.get(signing_name)


def check_scope(identity: Identity, service: spec.Service) -> None:
    """Raises Refused for a signature that is for another service, or for no region."""
    if identity.service != service.signing_name:
        raise Refused(
            RefusedReason.BAD_SCOPE,
            f"Credential should be scoped to correct service: '{service.signing_name}'.",
        )
    if not REGION.fullmatch(identity.region):
        raise Refused(RefusedReason.BAD_SCOPE, "Credential should be scoped to a valid region.")


def _claimed_service(request: Request) -> str:
    """The service a signature says it is for, before any of it is believed."""
    text = request.headers.get("authorization") or request.query
    found = _CLAIMED_SERVICE.search(text)
    return found[1] if found else ""
