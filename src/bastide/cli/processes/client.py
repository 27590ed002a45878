"""A small client of our own API for `bastide down --stop-tasks`: signs one JSON request, nothing more.

Signature Version 4 as in the IAM user guide, "Create a signed AWS API request".
"""

import hashlib
import hmac
import http.client
from datetime import UTC, datetime
from typing import Any

import msgspec

from bastide.api.keys.admin import AdminKey
from bastide.model.faults import Unavailable

TARGET = "AmazonEC2ContainerServiceV20141113"
SIGNED = "content-type;host;x-amz-date;x-amz-target"
TIMEOUT_S = 30.0


def call_ecs(
    address: tuple[str, int], key: AdminKey, region: str, operation: str, params: dict[str, Any]
) -> dict[str, Any]:
    """One ECS call; Unavailable when it is answered by anything but 200."""
    body = msgspec.json.encode(params)
    host, port = address
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "host": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "x-amz-date": datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"),
        "x-amz-target": f"{TARGET}.{operation}",
    }
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        signed = headers | {"authorization": _authorization(key, region, headers, body)}
        connection.request("POST", "/", body=body, headers=signed)
        response = connection.getresponse()
        answer = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable("API", why=f"{operation} was not answered: {error}.") from error
    finally:
        connection.close()
    if response.status != 200:
        raise Unavailable("API", why=f"{operation} failed: {answer.decode('utf-8', 'replace')}")
    result: dict[str, Any] = msgspec.json.decode(answer)
    return result


def _authorization(key: AdminKey, region: str, headers: dict[str, str], body: bytes) -> str:
    stamp = headers["x-amz-date"]
    scope = f"{stamp[:8]}/{region}/ecs/aws4_request"
    lines = "".join(f"{name}:{headers[name]}\n" for name in SIGNED.split(";"))
    request = f"POST\n/\n\n{lines}\n{SIGNED}\n{hashlib.sha256(body).hexdigest()}"
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signing_key = f"AWS4{key.secret_access_key}".encode()
    for part in scope.split("/"):
        signing_key = hmac.digest(signing_key, part.encode(), "sha256")
    signature = hmac.new(signing_key, to_sign.encode(), "sha256").hexdigest()
    credential = f"{key.access_key_id}/{scope}"
    return f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={SIGNED}, Signature={signature}"
