"""What a container is told of the API inside its VPC: an addition of Bastide's, AWS tells a task nothing.

An image that says otherwise counts more, and a task definition more than that.
"""

from bastide.model.network import API_IP
from bastide.plan.oci.prepared import ApiFiles

AUTHORITY_PATH = "/etc/bastide/ca.pem"
BUNDLE_PATH = "/etc/bastide/ca-bundle.pem"
VARIABLES = {
    "AWS_ENDPOINT_URL": f"https://{API_IP}",
    "AWS_CA_BUNDLE": BUNDLE_PATH,  # botocore, the aws program, the SDKs for Go and PHP: instead of their own
    "NODE_EXTRA_CA_CERTS": AUTHORITY_PATH,  # Node: beside its own
}


def plan_variables(files: ApiFiles | None) -> dict[str, str]:
    """What every program of the container finds in its environment unless somebody says otherwise."""
    return VARIABLES if files else {}


def plan_files(files: ApiFiles | None) -> list[tuple[str, str]]:
    """File of the host and path in the container; never to be written to."""
    return [(files.authority, AUTHORITY_PATH), (files.bundle, BUNDLE_PATH)] if files else []
