"""The kinds of failure, the same for all protocols.

    unresolved, refused, tls          no connection
    unreachable                       no route to the host
    client_limit                      this machine has no more ports, descriptors or memory for connections
    redirect, http_429, http_503 ...  an HTTP status other than 200 (for a WebSocket: 101)
    wrong_protocol                    an answer in another protocol
    closed_early                      the server closed the connection before the utterance's end
    no_audio                          the utterance ended without audio
    undecodable                       the audio is not in the requested format
    endless                           an utterance had more audio than any text needs
    timeout                           the utterance did not end within `Address.timeout_s`

Other kinds are the server's own error codes.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl

from zelitrio.errors import ZelitrioError


class MeasureError(ZelitrioError):
    """Nothing could be measured: no utterance succeeded, or the client's process ended."""


_KINDS = {
    errno.ECONNREFUSED: "refused",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.ENETDOWN: "unreachable",
    errno.ETIMEDOUT: "timeout",
    **dict.fromkeys((errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE), "closed_early"),
    **dict.fromkeys(
        (errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM), "client_limit"
    ),
}


def kind_of(error: BaseException) -> str:
    """The kind of failure for an exception of the connection."""
    match error:
        case TimeoutError():
            return "timeout"
        case socket.gaierror():
            return "unresolved"
        case ssl.SSLError() | ssl.CertificateError():
            return "tls"
        case OSError() if (number := _number(error)) in _KINDS:
            return _KINDS[number]
        case ConnectionError() | EOFError():
            return "closed_early"
    return type(error).__name__.lower()


def _number(error: OSError) -> int:
    # A host with several addresses: asyncio joins their errors into one that has only a text.
    found = None if error.errno is not None else re.search(r"\[Errno (\d+)\]", str(error))
    return int(found[1]) if found else error.errno or 0
