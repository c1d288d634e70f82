"""An endpoint that shows how a text is read."""

from __future__ import annotations

from functools import partial

import trio
from starlette.requests import Request
from starlette.responses import Response

from zelitrio.errors import RemoteError
from zelitrio.protocol import parse_speech_request
from zelitrio.server.json_answer import to_json
from zelitrio.server.operation import Endpoints, operation
from zelitrio.server.query import Text
from zelitrio.server.requests import authorize, read_body, read_format
from zelitrio.session import choose_front_end, find_voices
from zelitrio.text import explain

MAX_CHARS = 40_000
"""A text of this length takes about 20 ms."""
_VOICE = Text("voice_id", "Voice with whose rules to read; the first voice by default")


class Normalising(Endpoints):
    """The endpoint `/v1/text/normalise`."""

    @operation("POST", "/v1/text/normalise", _VOICE, body="SpeechRequest")
    async def normalise_text(self, request: Request) -> Response:
        """The words a text is spoken as, each with its characters, rule, phones and break."""
        authorize(self._state, request)
        wanted = parse_speech_request(await read_body(self._state, request), request.query_params)
        read_format(wanted)
        if len(wanted.text) > MAX_CHARS:
            message = f"String should have at most {MAX_CHARS} characters"
            raise RemoteError("string_too_long", message, param="text")
        service = self._state.service
        front_end = choose_front_end(service.dictionaries, wanted.dictionaries) or service.front_end
        catalogue = self._state.engine.catalogue
        voice_ids = (_VOICE.read(request.query_params) or catalogue.default.voice_id,)
        (voice,) = find_voices(catalogue, voice_ids, wanted.language_code).values()
        read = partial(
            explain,
            voice.front_end(front_end),
            wanted.text,
            language=voice.language,
            normalise=wanted.normalise != "off",
            ssml=wanted.enable_ssml_parsing,
        )
        return to_json((await trio.to_thread.run_sync(read)).to_json())
