"""Endpoints that list models and voices, for clients of ElevenLabs and of OpenAI.

Both request `/v1/models` and cannot read each other's answer: OpenAI's SDK raises for an array, and
ElevenLabs' SDK needs one.  ElevenLabs' clients are recognised by their headers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import orjson
from starlette.requests import Request
from starlette.responses import Response

from zelitrio.errors import RemoteError
from zelitrio.server.accounting import request_id_of
from zelitrio.server.operation import Endpoints, operation
from zelitrio.server.query import Flag, Word
from zelitrio.server.refusals import openai_error
from zelitrio.server.requests import authorize, authorize_list
from zelitrio.server.synthesis import MAX_WHOLE_CHARS

if TYPE_CHECKING:
    from zelitrio.voices import Voice

OWN_FAMILY = "zeli"
OPENAI_MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
"""Default names of OpenAI's clients; some look for them in the list first."""
_FORMAT = Word("format", ("openai", "elevenlabs"))
_LEGACY = Flag("legacy")
LANGUAGES = {
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "hi": "Hindi",
    "it": "Italian",
    "ja": "Japanese",
    "pt": "Portuguese",
    "zh": "Chinese",
}
"""Names of languages; for others the code is shown."""
_VARY = {"vary": "xi-api-key, x-fern-sdk-name, authorization"}


@attrs.frozen
class SpeechModel:
    """A model that clients can name: all voices of one family of networks."""

    model_id: str
    name: str
    languages: tuple[str, ...]


def family_of(voice: Voice) -> str:
    """The family of networks that speaks a voice."""
    return voice.labels.get("family", OWN_FAMILY)


def model_id_of(family: str) -> str:
    """The id of a family's model."""
    return "zeli-1" if family == OWN_FAMILY else family


def language_ids(voices: Iterable[Voice]) -> tuple[str, ...]:
    """The languages of some voices as two-letter codes, each once, in the order of the voices."""
    codes = (re.split("[-_]", voice.labels.get("language", "en"))[0].lower() for voice in voices)
    return tuple(dict.fromkeys(codes))


def models_of(voices: Sequence[Voice]) -> list[SpeechModel]:
    """A model for each family, in the order of their first voices.  Requests may also use other ids."""
    return [
        SpeechModel(
            model_id_of(family),
            "Zeli 1" if family == OWN_FAMILY else family.title(),
            language_ids(voice for voice in voices if family_of(voice) == family),
        )
        for family in dict.fromkeys(family_of(voice) for voice in voices)
    ]


def model_json(model: SpeechModel) -> dict[str, Any]:
    """A model in the vendor's format."""
    languages = [{"language_id": one, "name": LANGUAGES.get(one, one)} for one in model.languages]
    return {
        "model_id": model.model_id,
        "name": model.name,
        "description": f"Realtime speech on this server: {', '.join(one['name'] for one in languages)}.",
        "can_be_finetuned": False,
        "can_do_text_to_speech": True,
        "can_do_voice_conversion": False,
        "can_use_style": True,
        "can_use_speaker_boost": True,
        "serves_pro_voices": False,
        "token_cost_factor": 1.0,
        "requires_alpha_access": False,
        "max_characters_request_free_user": MAX_WHOLE_CHARS,
        "max_characters_request_subscribed_user": MAX_WHOLE_CHARS,
        "maximum_text_length_per_request": MAX_WHOLE_CHARS,
        "languages": languages,
        "model_rates": {"character_cost_multiplier": 1.0},
        "concurrency_group": "standard",
    }


def openai_model_json(model_id: str) -> dict[str, Any]:
    """A model in OpenAI's format."""
    return {"id": model_id, "object": "model", "created": 0, "owned_by": "zelitrio"}


def listed_voice_json(voice: Voice) -> dict[str, Any]:
    """A voice in the format that Open WebUI reads: id and name."""
    return {
        "id": voice.voice_id,
        "name": voice.name,
        "description": voice.description,
        "language": voice.labels.get("language", "en"),
    }


def wants_openai(request: Request) -> bool:
    """Whether the answer needs OpenAI's format.

    Raises:
        RemoteError: `invalid_parameters`: `format` has an unknown value.
    """
    shape = _FORMAT.read(request.query_params)
    is_vendors = "xi-api-key" in request.headers or "x-fern-sdk-name" in request.headers
    return not is_vendors if shape is None else shape == "openai"


class ModelLists(Endpoints):
    """The endpoints that list models, and voices for OpenAI's clients."""

    @operation("GET", "/v1/models", _FORMAT)
    async def list_models(self, request: Request) -> Response:
        """The models: OpenAI's object, or a bare list for the vendor's clients."""
        if not wants_openai(request):
            authorize(self._state, request)
            return _listed([model_json(model) for model in models_of(self._voices())])
        return self._answer(
            request, lambda: {"object": "list", "data": [openai_model_json(one) for one in self._ids()]}
        )

    @operation("GET", "/v1/models/{model_id}", is_openai=True)
    async def get_model(self, request: Request) -> Response:
        """One model, in OpenAI's shape."""
        return self._answer(request, lambda: openai_model_json(self._known(request.path_params["model_id"])))

    @operation("GET", "/v1/audio/models", is_openai=True)
    async def list_audio_models(self, request: Request) -> Response:
        """The same models in the shape that Open WebUI asks for."""
        return self._answer(request, lambda: {"models": [{"id": one, "name": one} for one in self._ids()]})

    @operation("GET", "/v1/audio/voices", _LEGACY, is_openai=True)
    async def list_audio_voices(self, request: Request) -> Response:
        """The voices, for OpenAI's clients; only their ids with `legacy=true`."""

        def make() -> dict[str, Any]:
            shown = _voice_id if _LEGACY.read(request.query_params) else listed_voice_json
            return {"voices": [shown(voice) for voice in self._voices()]}

        return self._answer(request, make)

    def _answer(self, request: Request, make: Callable[[], dict[str, Any]]) -> Response:
        try:
            authorize_list(self._state, request)
            return _listed(make())
        except RemoteError as error:
            return openai_error(error, request_id_of(request.scope))

    def _voices(self) -> list[Voice]:
        return list(self._state.engine.catalogue.voices.values())

    def _ids(self) -> list[str]:
        return [*(model.model_id for model in models_of(self._voices())), *OPENAI_MODELS]

    def _known(self, model_id: str) -> str:
        if model_id not in self._ids():
            raise RemoteError(
                "model_not_found", f"The model {model_id[:64]!r} does not exist.", param="model"
            )
        return model_id


def _voice_id(voice: Voice) -> str:
    return voice.voice_id


def _listed(content: object) -> Response:
    return Response(orjson.dumps(content), headers=_VARY, media_type="application/json")
