"""A TLS handshake in memory."""

import contextlib
import ssl


def shake_hands(server: ssl.SSLContext, name: str, *, authority: str) -> bytes:
    """A client that trusts the authority alone asks for the name; the certificate it was shown."""
    client = ssl.create_default_context(cadata=authority)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(down, up, server_hostname=name)
    answering = server.wrap_bio(up, down, server_side=True)
    for end in (asking, answering, asking):
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
    shown = asking.getpeercert(binary_form=True)
    assert asking.cipher() is not None
    assert shown is not None
    return shown
