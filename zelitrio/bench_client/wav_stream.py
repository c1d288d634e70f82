"""Reads a WAV file as it arrives."""

from __future__ import annotations

import struct

import attrs

from zelitrio.bench_client.received import ReceivedSpeech, pcm_format
from zelitrio.bench_client.wire import WireError

_MOST_HEADER_BYTES = 4096


@attrs.define(eq=False)
class WavStream:
    """Adds an answer's audio to an utterance; of a WAV file only the samples.

    Attributes:
        is_wav: whether the bytes begin with a header.
    """

    heard: ReceivedSpeech
    is_wav: bool = False
    _held: bytes = b""
    _is_in_data: bool = False

    def push(self, now: float, data: bytes) -> None:
        """Take bytes that arrived at `now`.

        Raises:
            WireError: `is_wav`, and the bytes are not a WAV file of 16-bit mono samples.
        """
        if not data:
            return
        if not self.is_wav or self._is_in_data:
            self.heard.add(now, data)
            return
        self._held += data
        if (samples := self._read_header()) is not None:
            self._held, self._is_in_data = b"", True
            if samples:
                self.heard.add(now, samples)

    def _read_header(self) -> bytes | None:
        """Return the bytes after the header; None while the header is incomplete."""
        held = self._held
        if not held.startswith(b"RIFF"[: len(held)]) or held[8:12] != b"WAVE"[: len(held[8:12])]:
            raise WireError(f"expected a WAV file, found {held[:24]!r}", "undecodable")
        at = 12
        while len(held) >= at + 8:
            name, size = struct.unpack_from("<4sI", held, at)
            body = at + 8
            if name == b"data":
                return held[body:]
            if name == b"fmt " and len(held) >= body + 16:
                _, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", held, body)
                if (channels, bits) != (1, 16):
                    raise WireError(
                        f"expected 16-bit mono, found {bits} bits, {channels} channels", "undecodable"
                    )
                self.heard.output_format = pcm_format(rate_hz)
            at = body + size + size % 2
        if len(held) > _MOST_HEADER_BYTES:
            raise WireError("expected the samples of a WAV file, found only other chunks", "undecodable")
        return None
