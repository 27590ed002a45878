"""The installation's own ECR as this host reaches it: the server's port, whatever the name resolves to.

Without TLS, since nothing of it leaves the machine; layers are checked by digest all the same.
"""

from bastide.host.registry.endpoints import Endpoint
from bastide.model.registry.host_name import parse_registry_host


class OwnEcr:
    """`<account>.dkr.ecr.<region>.<domain>`, with any port or none."""

    def __init__(self, domain: str, *, address: str, port: int) -> None:
        self._domain = domain
        self._address = address
        self._port = port

    def endpoint(self, registry: str) -> Endpoint | None:
        """None when the name is not ours."""
        if parse_registry_host(registry, self._domain) is None:
            return None
        host = registry.partition(":")[0]
        return Endpoint(url=f"http://{host}:{self._port}", address=self._address)
