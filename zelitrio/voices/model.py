"""A trained model and the voices it speaks with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import attrs

from zelitrio.errors import LocalError
from zelitrio.networks import AcousticModel, SpeechStep, Vocoder
from zelitrio.text import Limit


@attrs.frozen(kw_only=True, eq=False)
class Model:
    """Both networks with their weights, on the CPU, in float32, in evaluation mode.

    Voices of one model share its weights, and an engine speaks them in one batch.
    """

    acoustic: AcousticModel
    vocoder: Vocoder
    limit: Limit = attrs.field(factory=Limit)
    """How much text it reads at once."""

    def speech_step(self) -> SpeechStep:
        """Decoder and vocoder as the one call the engine makes."""
        return SpeechStep(self.acoustic, self.vocoder)

    @property
    def sample_rate_hz(self) -> int:
        """Samples per second of its audio."""
        return self.vocoder.config.sample_rate_hz

    @property
    def hop_samples(self) -> int:
        """Samples per frame."""
        return self.vocoder.config.hop_samples


@attrs.frozen(kw_only=True)
class Voice:
    """Somebody to speak as."""

    voice_id: str
    name: str
    description: str = ""
    category: str = "premade"
    labels: Mapping[str, str] = attrs.field(factory=dict, eq=False)
    model: Model = attrs.field(eq=False, repr=False)
    speaker: int = 0
    fade_ms: int = 0
    """How long before the end of its last phone a word before a pause has faded from hearing."""

    @property
    def sample_rate_hz(self) -> int:
        """Samples per second of its audio."""
        return self.model.sample_rate_hz

    @property
    def limit(self) -> Limit:
        """How much text its model reads at once."""
        return self.model.limit


class Catalogue:
    """The voices of one server, in order; the first is the default.  Immutable."""

    def __init__(self, voices: Iterable[Voice]) -> None:
        self._voices: dict[str, Voice] = {}
        for voice in voices:
            if voice.voice_id in self._voices:
                raise LocalError(f"voice {voice.voice_id!r}: expected one of that id, found two")
            self._voices[voice.voice_id] = voice
        if not self._voices:
            raise LocalError("catalogue: expected at least one voice, found none")

    @property
    def voices(self) -> Mapping[str, Voice]:
        """All voices by id."""
        return dict(self._voices)

    @property
    def default(self) -> Voice:
        """The voice to use when none is named."""
        return next(iter(self._voices.values()))

    def find(self, voice_id: str) -> Voice | None:
        """The voice of that id, or None."""
        return self._voices.get(voice_id)

    def __iter__(self) -> Iterator[Voice]:
        return iter(self._voices.values())

    def __len__(self) -> int:
        return len(self._voices)
