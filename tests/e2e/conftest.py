"""One real server for all tests of a session, with TLS and without."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import trustme
from real_server import KEY, VOICE, Server, started

__all__ = ["KEY", "VOICE", "Server"]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with started() as server:
        yield server


@pytest.fixture(scope="session")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    key, chain, trusted = (str(folder / name) for name in ("key.pem", "chain.pem", "authority.pem"))
    certificate.private_key_pem.write_to_path(key)
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(chain, append=True)
    authority.cert_pem.write_to_path(trusted)
    with started("--tls-cert", chain, "--tls-key", key, authority=trusted) as server:
        yield server
