from __future__ import annotations

import attrs
import pytest

from zelitrio.audio import DEFAULT_FORMAT, FORMATS, parse_format
from zelitrio.errors import RemoteError

VENDOR_LIST = """
    mp3_22050_32 mp3_24000_48 mp3_44100_32 mp3_44100_64 mp3_44100_96 mp3_44100_128 mp3_44100_192
    pcm_8000 pcm_16000 pcm_22050 pcm_24000 pcm_32000 pcm_44100 pcm_48000
    wav_8000 wav_16000 wav_22050 wav_24000 wav_32000 wav_44100 wav_48000 ulaw_8000 alaw_8000
    opus_48000_32 opus_48000_64 opus_48000_96 opus_48000_128 opus_48000_192 m4a_aac_44100_128
""".split()


@pytest.mark.parametrize("name", VENDOR_LIST)
def test_every_format_of_elevenlabs_is_known(name: str) -> None:
    found = parse_format(name)
    assert found.name == name
    assert name.startswith(found.codec)
    assert str(found.sample_rate_hz) in name
    assert found.content_type.startswith("audio/")
    if found.bitrate_bps is not None:
        assert name.endswith(f"_{found.bitrate_bps // 1000}")


def test_the_short_name_of_the_default_is_the_default() -> None:
    assert parse_format("mp3_44100") == DEFAULT_FORMAT == FORMATS["mp3_44100_128"]


@pytest.mark.parametrize("name", ["", "mp3", "mp3_44100_129", "PCM_24000", "pcm_24001", "ogg", "x" * 100_000])
def test_an_unknown_name_is_refused_with_all_valid_ones(name: str) -> None:
    with pytest.raises(RemoteError) as caught:
        parse_format(name)
    assert caught.value.code == "invalid_output_format"
    assert caught.value.param == "output_format"
    assert all(valid in caught.value.message for valid in VENDOR_LIST)
    assert len(caught.value.message) < 2_000


def test_a_misspelt_name_gets_the_nearest_one() -> None:
    with pytest.raises(RemoteError, match="Did you mean mp3_44100_192"):
        parse_format("mp3_44100_193")


def test_the_table_cannot_be_changed_by_accident() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        DEFAULT_FORMAT.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        FORMATS["x"] = DEFAULT_FORMAT  # type: ignore[index]
