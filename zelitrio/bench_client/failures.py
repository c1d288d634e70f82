"""The kinds of failure, the same for all protocols.

    unresolved, refused, tls          no connection
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

import socket
import ssl

from zelitrio.errors import ZelitrioError


class MeasureError(ZelitrioError):
    """Nothing could be measured: no utterance succeeded."""


def kind_of(error: BaseException) -> str:
    """The kind of failure for an exception of the connection."""
    match error:
        case TimeoutError():
            return "timeout"
        case ConnectionRefusedError():
            return "refused"
        case socket.gaierror():
            return "unresolved"
        case ssl.SSLError() | ssl.CertificateError():
            return "tls"
        case ConnectionError() | EOFError():
            return "closed_early"
    return type(error).__name__.lower()
