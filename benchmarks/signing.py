"""Signed requests, whole as they go over the wire; botocore signs, as it does for every AWS SDK.

A signature holds for fifteen minutes, so requests are made before the clock of a measurement starts.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

TARGETS = {"ecs": "AmazonEC2ContainerServiceV20141113", "logs": "Logs_20140328"}
MEDIA = "application/x-amz-json-1.1"


class Signer:
    """Makes a service's requests for one installation; `environment` is what `bastide env` prints."""

    def __init__(self, environment: Mapping[str, str], service: str = "ecs") -> None:
        self._endpoint = environment["AWS_ENDPOINT_URL"]
        secret = Credentials(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
        self._auth = SigV4Auth(secret, service, environment["AWS_REGION"])
        self._target = TARGETS[service]
        parts = urlsplit(self._endpoint)
        self._host = parts.netloc
        self.address = (parts.hostname or "", parts.port or 80)

    def sign(self, operation: str, params: Mapping[str, Any]) -> bytes:
        """The request's bytes."""
        body = json.dumps(params).encode()
        headers = {"Content-Type": MEDIA, "X-Amz-Target": f"{self._target}.{operation}", "Host": self._host}
        request = AWSRequest("POST", f"{self._endpoint}/", headers=headers, data=body)
        self._auth.add_auth(request)
        lines = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        return f"POST / HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body
