"""Metrics: values, and a bounded number of labels."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager

import pytest
from running import VOICE, hear, running, say
from scripted_engine import ScriptedEngine
from tiny_voice import tiny_catalogue

from zelitrio.engine import open_engine
from zelitrio.errors import CapacityError
from zelitrio.server.metrics import Metrics
from zelitrio.server.series import MAX_LABELS
from zelitrio.settings import EngineSettings


class Full(ScriptedEngine):
    """An engine that refuses every stream."""

    @asynccontextmanager
    async def open_stream(self, *voice, **options):
        raise CapacityError("no lane is free")
        yield


PATH = f"/v1/text-to-speech/{VOICE}?output_format=pcm_24000"


def samples(text: str, name: str) -> dict[str, float]:
    """The values of a metric by their labels."""
    found = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", text, re.MULTILINE)
    return {labels: float(value) for labels, value in found}


async def test_refusals_are_counted_by_key_and_reason_over_http_and_sockets():
    async with running(Full(), keys=["right"]) as server, server.http() as http:
        right, wrong = {"xi-api-key": "right"}, {"xi-api-key": "wrong"}
        assert (await http.post(PATH, json={"text": "Hi."})).status_code == 401
        assert (await http.post(PATH, json={"text": "Hi."}, headers=wrong)).status_code == 401
        assert (await http.post(PATH, json={"text": ""}, headers=right)).status_code == 422
        assert (await http.post(PATH, json={"text": "Hi."}, headers=right)).status_code == 429
        spoken = await http.post("/v1/audio/speech", json={"input": "Hi."}, headers=right)
        assert spoken.status_code == 429
        async with server.socket(headers=[("xi-api-key", "right")]) as socket:
            await say(socket, text="Hi. ", flush=True)
            await hear(socket)
        async with server.socket(headers=[("xi-api-key", "wrong")]) as socket:
            await say(socket, text="Hi. ", flush=True)
            await hear(socket)
        text = (await http.get("/metrics")).text
    found = samples(text, "zelitrio_refusals_total")
    by = {tuple(re.findall(r'"([^"]*)"', labels)): value for labels, value in found.items()}
    (name,) = {key for key, _ in by} - {"none"}
    busy = {reason: value for (key, reason), value in by.items() if key == name}
    assert by["none", "missing_api_key"] == 1 and by["none", "invalid_api_key"] == 2
    assert sum(busy.values()) == 4 and max(busy.values()) == 3


async def test_the_queue_and_the_real_time_factor_of_a_voice_are_measured():
    async with (
        open_engine(tiny_catalogue(), EngineSettings(device="cpu", cpu_threads=1)) as engine,
        running(engine) as server,
        server.http() as http,
    ):
        answer = await http.post("/v1/text-to-speech/tiny-0", json={"text": "Hello there."})
        assert answer.status_code == 200
        text = (await http.get("/metrics")).text
    assert samples(text, "zelitrio_queue_seconds_count") == {"": 1.0}
    label = 'voice="tiny-0"'
    assert samples(text, "zelitrio_real_time_factor_count") == {label: 1.0}
    device_s = samples(text, "zelitrio_voice_device_seconds_total")[label]
    audio_s = samples(text, "zelitrio_voice_audio_seconds_total")[label]
    assert device_s > 0 and 0.3 < audio_s < 5
    assert samples(text, "zelitrio_real_time_factor_sum")[label] == pytest.approx(device_s / audio_s)


def test_keys_and_voices_have_a_bounded_number_of_labels():
    metrics = Metrics(ScriptedEngine())
    for number in range(MAX_LABELS + 20):
        metrics.used(f"key{number}", 1)
        metrics.refused_key(f"key{number}", "quota_exceeded")
        metrics.request_refused(f"key{number}", "system_busy")
        metrics.computed(f"voice{number}", 0.1, 1.0)
    text = metrics.expose().decode()
    assert len(samples(text, "zelitrio_characters_total")) == MAX_LABELS + 1
    assert samples(text, "zelitrio_characters_total")['key="other"'] == 20
    assert len(samples(text, "zelitrio_refusals_total")) == 2 * (MAX_LABELS + 1)
    assert samples(text, "zelitrio_voice_audio_seconds_total")['voice="other"'] == 20


def test_a_limit_is_counted_once():
    metrics = Metrics(ScriptedEngine())
    metrics.refused_key("app", "quota_exceeded")
    metrics.request_refused("app", "quota_exceeded")
    found = samples(metrics.expose().decode(), "zelitrio_refusals_total")
    assert list(found.values()) == [1.0]
