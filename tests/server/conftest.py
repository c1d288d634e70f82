"""A certificate for tests of TLS."""

from __future__ import annotations

import ssl

import pytest
import trustme


@pytest.fixture
def certificates(tmp_path):
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(cert)
    issued.private_key_pem.write_to_path(key)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return {"tls_cert": cert, "tls_key": key, "tls": context}
