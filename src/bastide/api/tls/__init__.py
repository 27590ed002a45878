"""TLS on the API's port: a certificate of the installation's own authority, or the user's.

Inside VPCs it is always one of a second authority of the installation's, which nobody else is asked to trust.
"""

from bastide.api.tls.authority import authority_file
from bastide.api.tls.certificates import Certificates
from bastide.api.tls.inside import InsideCertificates

__all__ = ["Certificates", "InsideCertificates", "authority_file"]
