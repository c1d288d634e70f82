"""HTTP endpoints for telephone platforms: Vapi's custom voice and jambonz' custom speech."""

from __future__ import annotations

import time

import trio
from starlette.requests import Request
from starlette.responses import Response

from zelitrio.accounts import Kind
from zelitrio.audio import FORMATS, AudioFormat, parse_format
from zelitrio.protocol import telephony
from zelitrio.server.accounting import request_id_of
from zelitrio.server.operation import Endpoints, operation
from zelitrio.server.query import Text, output_format
from zelitrio.server.requests import authorize, authorize_credential, read_body
from zelitrio.server.spoken import Job, Shape, SpokenAnswer
from zelitrio.server.voice_choice import find_voice
from zelitrio.session import AccountLike
from zelitrio.settings import VoiceSettings
from zelitrio.text import Reading

JAMBONZ_FORMAT = "mp3_24000_48"
"""MP3, which jambonz' guide recommends; `output_format` in the URL chooses another format."""


def linear_format(sample_rate_hz: int) -> AudioFormat:
    """The format of 16-bit PCM without a header, at any rate."""
    name = f"pcm_{sample_rate_hz}"
    return FORMATS.get(name) or AudioFormat(
        name, "pcm", sample_rate_hz, None, FORMATS["pcm_8000"].content_type
    )


class Telephony(Endpoints):
    """The endpoints under `/v1/vapi` and `/v1/jambonz`."""

    @operation("POST", "/v1/vapi/voice-request", Text("voice"), body="VapiVoiceRequest", speaks=True)
    async def vapi_voice_request(self, request: Request) -> Response:
        """Speech for Vapi's custom voice: 16-bit samples at the rate that it asks for.

        This address is the URL of the assistant's voice server. Its secret (x-vapi-secret) or bearer token is
        a key of this server. With `--vapi-hmac-secret` requests signed with HMAC-SHA256 need no key: the
        signature in x-signature is of `{timestamp}.{body}`, or of the body if there is no x-timestamp. The
        voice is `voice` in the URL, else the assistant's `voiceId`, else the default one.
        """
        asked_at = trio.current_time()
        body = await read_body(self._state, request)
        account = self._vapi_account(request, body)
        wanted = telephony.parse_vapi_request(body, request.query_params)
        assert wanted.sample_rate_hz is not None, "Vapi's requests have one"
        audio_format = linear_format(wanted.sample_rate_hz)
        return self._speak(request, account, wanted, audio_format, "audio/raw", asked_at)

    @operation(
        "POST", "/v1/jambonz/speech", output_format(JAMBONZ_FORMAT), body="JambonzSpeechRequest", speaks=True
    )
    async def jambonz_speech(self, request: Request) -> Response:
        """Speech for jambonz' custom speech vendor, a whole text.

        This address is the vendor's `custom_tts_url`; its API key is a key of this server. The streaming URL
        is `wss://HOST/v1/jambonz/stream`, which speaks a reply while it is written. It takes `voice`,
        `language` and `sampleRate` in its query.
        """
        asked_at = trio.current_time()
        account = authorize(self._state, request)
        wanted = telephony.parse_jambonz_request(await read_body(self._state, request))
        audio_format = parse_format(request.query_params.get("output_format") or JAMBONZ_FORMAT)
        content_type = audio_format.content_type
        if audio_format.codec == "pcm":
            content_type = f"audio/l16;rate={audio_format.sample_rate_hz}"
        return self._speak(request, account, wanted, audio_format, content_type, asked_at)

    def _vapi_account(self, request: Request, body: bytes) -> AccountLike:
        """The account of a request, by its signature, its secret or its key.

        Raises:
            RemoteError: none of them is valid.
        """
        state, headers = self._state, request.headers
        if state.settings.vapi_hmac_secret is not None and telephony.is_signed(headers):
            telephony.check_signature(headers, body, state.settings.vapi_hmac_secret, time.time())
            return state.access.accounts.holder(None)
        secret = headers.get("x-vapi-secret")
        return authorize_credential(state, secret) if secret else authorize(state, request)

    def _speak(
        self,
        request: Request,
        account: AccountLike,
        wanted: telephony.PhoneRequest,
        audio_format: AudioFormat,
        content_type: str,
        asked_at: float,
    ) -> Response:
        state = self._state
        state.check_ready()
        job = Job(
            voice=find_voice(state.engine.catalogue, wanted.voice, wanted.language),
            account=account,
            kind=Kind.TELEPHONY,
            text=wanted.text,
            audio_format=audio_format,
            settings=VoiceSettings(),
            reading=Reading(ssml=wanted.is_ssml),
        )
        # The header of a streamed WAV file has no length, which jambonz' player needs.
        shape = Shape(content_type=content_type, is_streamed=audio_format.codec != "wav")
        return SpokenAnswer(state, job, shape, request_id_of(request.scope), asked_at)
