from __future__ import annotations

import io
import random
import wave

import numpy as np
import pytest
from audio_checks import (
    INPUT_RATE_HZ,
    check_encoder,
    decode,
    encode_in_cuts,
    energy_above_db,
    strongest_hz,
    tone,
)

from zelitrio.audio import FORMATS, open_encoder, wav_header, with_true_sizes
from zelitrio.errors import LocalError

EVERY_FORMAT = pytest.mark.parametrize("name", list(FORMATS))
ONE_OF_EACH_CODEC = pytest.mark.parametrize(
    "name",
    [
        "mp3_44100_128",
        "pcm_24000",
        "pcm_8000",
        "wav_22050",
        "ulaw_8000",
        "opus_48000_64",
        "m4a_aac_44100_128",
        "aac_44100_128",
        "flac_24000",
    ],
)


@EVERY_FORMAT
def test_every_encoder_keeps_the_contract(name: str) -> None:
    chance = random.Random(name)
    random_cuts = [sorted(chance.sample(range(1, INPUT_RATE_HZ), count)) for count in (1, 7, 60)]
    check_encoder(FORMATS[name], [*random_cuts, [1, 2, 3, 12_000, 12_001]])


@pytest.mark.parametrize("name", [name for name in FORMATS if "opus" not in name])
def test_cuts_of_the_input_do_not_change_the_bytes(name: str) -> None:
    # Ogg is the exception: its serial number is random, so that joined streams can be told apart.
    pcm = tone(300, 0.5)
    whole = b"".join(encode_in_cuts(FORMATS[name], pcm, []))
    assert whole == b"".join(encode_in_cuts(FORMATS[name], pcm, [5, 700, 701, 7_000]))


@ONE_OF_EACH_CODEC
def test_an_empty_stream_is_fine(name: str) -> None:
    encoder = open_encoder(FORMATS[name])
    assert encoder.encode(np.zeros(0, np.float32)) == b""
    data = encoder.flush()
    assert encoder.flush() == b""
    if name.startswith("wav"):
        assert data == wav_header(22_050)
    if name.startswith(("pcm", "ulaw")):
        assert data == b""


@ONE_OF_EACH_CODEC
def test_ten_milliseconds_are_a_stream_and_one_sample_does_no_harm(name: str) -> None:
    audio_format = FORMATS[name]
    encode_in_cuts(audio_format, tone(440, 1.0)[:1], [])
    heard = decode(audio_format, b"".join(encode_in_cuts(audio_format, tone(440, 0.01), [])))
    assert len(heard) >= audio_format.sample_rate_hz // 100 - 1


@ONE_OF_EACH_CODEC
def test_no_click_is_heard_where_pieces_join(name: str) -> None:
    pcm = tone(440, 1.0)
    data = b"".join(encode_in_cuts(FORMATS[name], pcm, range(1_111, len(pcm), 1_111)))
    heard = decode(FORMATS[name], data)
    steady = heard[len(heard) // 10 : -len(heard) // 10]
    floor_db = -35 if name == "ulaw_8000" else -60  # quantisation noise of eight bits
    assert energy_above_db(steady, FORMATS[name].sample_rate_hz, 3_000) < floor_db


@ONE_OF_EACH_CODEC
def test_samples_beyond_full_scale_saturate_and_do_not_wrap(name: str) -> None:
    loud = np.sign(tone(200, 0.5)) * np.float32(4.0)
    heard = decode(FORMATS[name], b"".join(encode_in_cuts(FORMATS[name], loud, [999])))
    middle = heard[len(heard) // 4 : len(heard) // 4 * 3]
    assert abs(strongest_hz(middle, FORMATS[name].sample_rate_hz) - 200) <= 6
    # FFmpeg's AAC lowers its level so that the decoder does not clip.
    assert (0.65 if "aac" in name else 0.9) <= np.sqrt(np.mean(middle**2)) <= 1.05


@ONE_OF_EACH_CODEC
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_error_names_the_place_of_a_nan(name: str, bad: float) -> None:
    encoder = open_encoder(FORMATS[name])
    pcm = tone(440, 0.05)
    pcm[7] = bad
    with pytest.raises(LocalError, match="at sample 7"):
        encoder.encode(pcm)


@pytest.mark.parametrize(
    "pcm", [np.zeros((1, 480), np.float32), np.zeros(480, np.int16), np.zeros((), np.float32)]
)
def test_other_shapes_and_types_are_refused(pcm: np.ndarray) -> None:
    with pytest.raises(LocalError, match="expected floats of shape"):
        open_encoder(FORMATS["pcm_24000"]).encode(pcm)


def test_encoding_after_the_end_is_refused() -> None:
    encoder = open_encoder(FORMATS["pcm_24000"])
    encoder.flush()
    with pytest.raises(LocalError, match="after flush"):
        encoder.encode(tone(440, 0.02))


@pytest.mark.parametrize("input_rate_hz", [16_000, 22_050, 44_100, 48_000])
@ONE_OF_EACH_CODEC
def test_any_input_rate_keeps_its_pitch_and_length(name: str, input_rate_hz: int) -> None:
    audio_format = FORMATS[name]
    pcm = tone(440, 0.5, input_rate_hz)
    heard = decode(audio_format, b"".join(encode_in_cuts(audio_format, pcm, [480], input_rate_hz)))
    assert abs(strongest_hz(heard, audio_format.sample_rate_hz) - 440) <= 6
    assert len(heard) >= audio_format.sample_rate_hz // 2 - 1


@pytest.mark.parametrize("rate_hz", [0, -24_000, 7_999, 1_000_000])
def test_an_impossible_input_rate_is_refused(rate_hz: int) -> None:
    with pytest.raises(LocalError, match="input_rate_hz"):
        open_encoder(FORMATS["pcm_24000"], rate_hz)


def test_resampling_has_no_aliasing() -> None:
    # 6 kHz cannot be in 8 kHz sound; badly resampled it would be heard at 2 kHz.
    heard = decode(FORMATS["pcm_8000"], b"".join(encode_in_cuts(FORMATS["pcm_8000"], tone(6_000, 0.5), [])))
    assert np.sqrt(np.mean(heard[800:-800] ** 2)) < 0.002


def test_pcm_at_the_voices_own_rate_is_exact_to_half_a_step() -> None:
    pcm = np.array([0, 0.5, -0.5, 1.0, -1.0, 1 / 32768, 0.4 / 32768], np.float32)
    data = open_encoder(FORMATS["pcm_24000"]).encode(pcm)
    assert np.frombuffer(data, "<i2").tolist() == [0, 16384, -16384, 32767, -32768, 1, 0]


def test_mp3_has_only_frames_and_each_can_start_a_stream() -> None:
    packets = encode_in_cuts(FORMATS["mp3_44100_128"], tone(440, 1.0), range(480, 24_000, 480))
    data = b"".join(packets)
    assert data[0] == 0xFF and data[1] & 0xE0 == 0xE0  # no ID3 tag before the first frame
    assert b"Xing" not in data and b"Info" not in data
    late = b"".join(packets[20:])
    assert abs(strongest_hz(decode(FORMATS["mp3_44100_128"], late), 44_100) - 440) <= 3


def test_ogg_opus_sends_a_page_for_every_frame_it_is_given() -> None:
    packets = encode_in_cuts(FORMATS["opus_48000_64"], tone(440, 1.0), range(480, 24_000, 480))
    assert packets[1].startswith(b"OggS") and b"OpusHead" in packets[1]
    assert all(packet.startswith(b"OggS") for packet in packets[2:])


@pytest.mark.parametrize("kbps", [32, 64, 96, 128, 192])
def test_mp3_keeps_its_bit_rate(kbps: int) -> None:
    data = b"".join(encode_in_cuts(FORMATS[f"mp3_44100_{kbps}"], tone(440, 4.0), []))
    assert abs(len(data) * 8 / 4.0 / 1000 / kbps - 1) < 0.03


def test_a_streamed_wav_opens_with_the_standard_library() -> None:
    pcm = tone(440, 0.5)
    data = b"".join(encode_in_cuts(FORMATS["wav_24000"], pcm, [100]))
    with wave.open(io.BytesIO(data)) as opened:
        assert (opened.getframerate(), opened.getnchannels(), opened.getsampwidth()) == (24_000, 1, 2)
        assert len(opened.readframes(opened.getnframes())) == 2 * len(pcm)


def test_a_finished_wav_header_tells_the_true_length() -> None:
    with wave.open(io.BytesIO(wav_header(16_000, 6) + b"\0" * 6)) as opened:
        assert (opened.getnframes(), opened.getframerate()) == (3, 16_000)


@pytest.mark.parametrize("name", FORMATS)
def test_true_sizes_change_the_header_of_a_wav_and_nothing_else(name: str) -> None:
    data = b"".join(encode_in_cuts(FORMATS[name], tone(440, 0.1), [100]))
    sized = with_true_sizes(data, FORMATS[name])
    if FORMATS[name].codec != "wav":
        assert sized == data
        return
    assert sized[44:] == data[44:]
    assert int.from_bytes(sized[4:8], "little") == len(data) - 8
    assert int.from_bytes(sized[40:44], "little") == len(data) - 44
    assert with_true_sizes(b"", FORMATS[name]) == b""


def test_an_encoder_dropped_in_mid_stream_leaves_others_alone() -> None:
    dropped = [open_encoder(audio_format) for audio_format in FORMATS.values()]
    for encoder in dropped:
        encoder.encode(tone(440, 0.1))
    dropped.clear()
    kept = FORMATS["opus_48000_64"]
    assert len(decode(kept, b"".join(encode_in_cuts(kept, tone(440, 0.5), [])))) == 24_000


@pytest.mark.parametrize(
    "name", [name for name in FORMATS if FORMATS[name].codec in ("pcm", "wav", "ulaw", "mp3")]
)
def test_parts_of_prepared_samples_give_the_same_bytes(name: str) -> None:
    pcm = tone(440, 0.5, level=1.2)  # some samples are clipped
    plain, encoder = open_encoder(FORMATS[name]), open_encoder(FORMATS[name])
    expected = plain.encode(pcm) + plain.flush()
    prepared = encoder.prepare(pcm)
    assert len(prepared) == len(pcm)
    parts = [encoder.encode_prepared(part) for part in np.split(prepared, [1, 700, 701])]
    assert b"".join([*parts, encoder.flush()]) == expected
    with pytest.raises(LocalError, match="after flush"):
        encoder.encode_prepared(prepared)
