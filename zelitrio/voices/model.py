"""Voices, and the catalogue of offered voices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from zelitrio.errors import LocalError
from zelitrio.text import FrontEnd, Limit
from zelitrio.voices.family import Model
from zelitrio.voices.kokoro import KokoroSpeaker, mixed
from zelitrio.voices.languages import ENGLISH, Language, choose_language
from zelitrio.voices.mixing import is_mix, parse_mix


@attrs.frozen(kw_only=True)
class Voice:
    """A voice to speak with."""

    voice_id: str
    name: str
    description: str = ""
    category: str = "premade"
    labels: Mapping[str, str] = attrs.field(factory=dict, eq=False)
    model: Model = attrs.field(eq=False, repr=False)
    speaker: Any = attrs.field(default=0, eq=False)
    """The speaker in the family's form; for our own family a row of the embedding."""
    languages: tuple[Language, ...] = attrs.field(default=ENGLISH, eq=False, repr=False)
    """Its languages; its text is read in the first one."""
    fade_ms: int = 0
    """Time before the end of its last phone at which a word before a pause becomes inaudible."""

    @property
    def sample_rate_hz(self) -> int:
        """Samples per second of its audio."""
        return self.model.facts.sample_rate_hz

    @property
    def limit(self) -> Limit:
        """Limits of an utterance."""
        return self.model.limit

    @property
    def language(self) -> str:
        """The code of the language that its text is read in."""
        return self.languages[0].code

    def in_language(self, code: str | None) -> Voice:
        """The same voice reading in another language; None: its own language.

        Raises:
            LocalError: it does not speak the language, or the language's reader is not installed.
        """
        chosen = choose_language(self.languages, code)
        if chosen is self.languages[0]:
            return self
        return attrs.evolve(self, languages=(chosen, *(one for one in self.languages if one is not chosen)))

    def front_end(self, english: FrontEnd) -> FrontEnd:
        """The front end of its language, made from the English one that the client chose."""
        return self.languages[0].reader(english)


class Catalogue:
    """The voices of one server, in order; the first is the default.  Immutable."""

    def __init__(self, voices: Iterable[Voice]) -> None:
        self._voices: dict[str, Voice] = {}
        for voice in voices:
            if voice.voice_id in self._voices:
                raise LocalError(f"voice {voice.voice_id!r}: expected one voice with this id, found two")
            self._voices[voice.voice_id] = voice
        if not self._voices:
            raise LocalError("catalogue: expected at least one voice, found none")

    @property
    def voices(self) -> Mapping[str, Voice]:
        """All voices by id."""
        return dict(self._voices)

    @property
    def default(self) -> Voice:
        """The default voice."""
        return next(iter(self._voices.values()))

    def find(self, voice_id: str) -> Voice | None:
        """The voice of an id, if offered.  `af_heart+af_bella` is a mix of Kokoro's voices."""
        found = self._voices.get(voice_id)
        return self._mix(voice_id) if found is None and is_mix(voice_id) else found

    def _mix(self, voice_id: str) -> Voice | None:
        try:
            weights = parse_mix(voice_id)
        except LocalError:
            return None
        voices = [self._voices.get(name) for name in weights]
        parts: list[tuple[KokoroSpeaker, float]] = []
        for voice, weight in zip(voices, weights.values(), strict=True):
            if voice is None or not isinstance(voice.speaker, KokoroSpeaker):
                return None
            if voice.model is not (voices[0] and voices[0].model):
                return None
            parts.append((voice.speaker, weight))
        assert voices[0] is not None
        return attrs.evolve(voices[0], voice_id=voice_id, name=voice_id, speaker=mixed(parts))

    def __iter__(self) -> Iterator[Voice]:
        return iter(self._voices.values())

    def __len__(self) -> int:
        return len(self._voices)
