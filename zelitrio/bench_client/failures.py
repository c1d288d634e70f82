"""The kinds that failures are counted by, whatever the protocol.

    unresolved, refused, tls          no connection
    redirect, http_429, http_503 ...  an answer that is no speech
    wrong_protocol                    an answer of another protocol
    closed_early                      the server closed before the end
    no_audio, undecodable             an end without audio, audio that is not what its format says
    timeout                           no end within the time for an utterance

Other kinds are the server's own error codes.
"""

from __future__ import annotations

import socket
import ssl

from zelitrio.errors import ZelitrioError


class MeasureError(ZelitrioError):
    """There is nothing to measure: the server said nothing that could be heard."""


def kind_of(error: BaseException) -> str:
    """The kind of a failure that the system reports."""
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
