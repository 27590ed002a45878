"""TLS on the API's port: a certificate of the installation's own authority, or the user's."""

from bastide.api.tls.authority import authority_file
from bastide.api.tls.certificates import Certificates

__all__ = ["Certificates", "authority_file"]
