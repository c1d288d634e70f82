"""Write and read the folders of converted public voices.

A folder has `voice.json`, which names the family, `weights.safetensors` and `MODEL_CARD.md`.  Kokoro's also
have `styles.safetensors`, with a table per voice, and a file in `statistics/` for each voice with a streaming
mode.
"""

from __future__ import annotations

import functools
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from zelitrio.errors import VoiceError
from zelitrio.networks import PiperConfig
from zelitrio.text import ForeignFrontEnd, FrontEnd, RespeltFrontEnd
from zelitrio.voices.british_symbols import KOKORO_GB, PIPER_GB, Accent, respell
from zelitrio.voices.chinese import chinese
from zelitrio.voices.espeak_reading import kokoro_by_espeak, kokoro_english, piper_by_espeak, piper_english
from zelitrio.voices.japanese import japanese
from zelitrio.voices.kokoro import KokoroModel, KokoroSpeaker
from zelitrio.voices.languages import Language
from zelitrio.voices.model import Voice
from zelitrio.voices.piper import PiperModel
from zelitrio.voices.weights import read_tensors

PUBLIC_FORMAT = 1
DESCRIPTION, WEIGHTS, STYLES, STATISTICS = (
    "voice.json",
    "weights.safetensors",
    "styles.safetensors",
    "statistics",
)
CARD = "MODEL_CARD.md"
_EXACT = "x-espeak"
"""The subtag of a language code that requests English by espeak: `en-US-x-espeak`."""
_GB_VOICES = ("en-gb", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-gbcwmd")


def write_description(folder: Path, family: str, voices: Sequence[Mapping[str, Any]], **rest: Any) -> None:
    """Write a public voice's `voice.json`."""
    description = {"format": PUBLIC_FORMAT, "family": family, **rest, "voices": list(voices)}
    write_json(folder / DESCRIPTION, description)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file atomically.

    Raises:
        VoiceError: the disk is full or cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise VoiceError(path, f"cannot be written ({error.strerror or error})") from error


def is_voice_name(name: str) -> bool:
    """Whether a name can be that of a voice and its folder: it fits into an address and is not like a mix."""
    return _NAME.fullmatch(name) is not None and not name.startswith(".")


def load_public(folder: Path, description: Mapping[str, Any], *, is_lazy: bool = True) -> tuple[Voice, ...]:
    """Load the voices of a converted folder; with `is_lazy` weights are loaded for the first stream.

    Raises:
        VoiceError: the description or the style tables are not valid.
    """
    path = folder / DESCRIPTION
    family = description.get("family")
    try:
        if description.get("format") != PUBLIC_FORMAT:
            raise VoiceError(path, "format", expected=PUBLIC_FORMAT, found=description.get("format"))
        if family == "piper":
            return _load_piper(folder, description, is_lazy)
        if family == "kokoro":
            return _load_kokoro(folder, description, is_lazy)
    except (KeyError, TypeError, ValueError) as error:
        raise VoiceError(path, "is damaged", expected=f"a {family} voice", found=repr(error)) from error
    raise VoiceError(path, "family", expected="piper or kokoro", found=family)


def _load_piper(folder: Path, description: Mapping[str, Any], is_lazy: bool) -> tuple[Voice, ...]:
    sizes = {name: _tuples(value) for name, value in description["model"].items()}
    model = PiperModel(
        weights=folder / WEIGHTS,
        config=PiperConfig(**sizes),
        symbols={symbol: tuple(numbers) for symbol, numbers in description["symbols"].items()},
        gain=float(description["gain"]),
        is_lazy=is_lazy,
        noise_scale=float(description["inference"]["noise_scale"]),
        noise_w=float(description["inference"]["noise_w"]),
        length_scale=float(description["inference"]["length_scale"]),
    )
    return tuple(
        _voice(entry, model, int(entry["speaker"]), _piper_languages(description, entry))
        for entry in description["voices"]
    )


def _piper_languages(description: Mapping[str, Any], entry: Mapping[str, Any]) -> tuple[Language, ...]:
    code = str(entry["labels"].get("language", "en"))
    if description["phoneme_type"] == "text":  # its symbols are the characters of the text
        plain = ForeignFrontEnd(pronounce=lambda words: [_plain(word) for word in words])
        return (Language(code=code, reader=lambda english: plain),)
    spoken = str(description["espeak_voice"])
    if not spoken.startswith("en"):
        return (piper_by_espeak(code, spoken),)
    ours = _british(code, PIPER_GB) if spoken in _GB_VOICES else Language(code=code)
    exact = piper_english(f"{code}-{_EXACT}", spoken)
    return (exact, ours) if description.get("english") == "espeak" else (ours, exact)


def _british(code: str, accent: Accent) -> Language:
    def reader(english: FrontEnd) -> FrontEnd:
        return RespeltFrontEnd(lexicon=english.lexicon, respell=functools.partial(respell, accent))

    return Language(code=code, reader=reader)


def _plain(word: str) -> str:
    return unicodedata.normalize("NFD", word.lower())


def _load_kokoro(folder: Path, description: Mapping[str, Any], is_lazy: bool) -> tuple[Voice, ...]:
    entries = description["voices"]
    measured = {
        number: folder / STATISTICS / f"{entry['style']}.safetensors" for number, entry in enumerate(entries)
    }
    model = KokoroModel(
        weights=folder / WEIGHTS,
        is_lazy=is_lazy,
        statistics={number: path for number, path in measured.items() if path.exists()},
    )
    for language in _KOKORO_LANGUAGES:
        if not language.missing:
            language.prepare()
    tables = read_tensors(folder / STYLES)
    voices = [
        _voice(
            entry,
            model,
            KokoroSpeaker(number=number, styles=tables[entry["style"]].numpy()),
            _kokoro_languages(str(entry["labels"].get("language", "en-US")), description.get("english")),
        )
        for number, entry in enumerate(entries)
    ]
    # Voices with measured statistics come first, because they are faster and the engine measures a model
    # with its first voice.
    return tuple(sorted(voices, key=lambda voice: voice.speaker.number not in model.statistics))


def _kokoro_languages(own: str, english: Any) -> tuple[Language, ...]:
    found = list(_KOKORO_LANGUAGES)
    if english == "espeak" and own in ("en-US", "en-GB"):
        own = f"{own}-{_EXACT}"
    return tuple(sorted(found, key=lambda language: language.code != own))


def _voice(
    entry: Mapping[str, Any],
    model: PiperModel | KokoroModel,
    speaker: Any,
    languages: tuple[Language, ...],
) -> Voice:
    return Voice(
        voice_id=str(entry["voice_id"]),
        name=str(entry["name"]),
        description=str(entry.get("description", "")),
        category="public",
        labels={
            **{str(name): str(value) for name, value in entry["labels"].items()},
            "sample_rate_hz": str(model.facts.sample_rate_hz),
        },
        model=model,
        speaker=speaker,
        languages=languages,
    )


_NAME = re.compile(r"[^\s/\\+()#\x00-\x1f\x7f]{1,64}")
_KOKORO_LANGUAGES = (
    Language(code="en-US"),
    _british("en-GB", KOKORO_GB),
    *(kokoro_by_espeak(code, voice) for code, voice in
      (("es", "es"), ("fr", "fr"), ("hi", "hi"), ("it", "it"), ("pt-BR", "pt-br"))),
    japanese(),
    chinese(),
    kokoro_english(f"en-US-{_EXACT}", "en-us", british=False),
    kokoro_english(f"en-GB-{_EXACT}", "en-gb", british=True),
)  # fmt: skip


def _tuples(value: Any) -> Any:
    return tuple(_tuples(part) for part in value) if isinstance(value, list) else value


def sizes_of(config: PiperConfig) -> dict[str, Any]:
    """A config as JSON."""
    return attrs.asdict(config)
