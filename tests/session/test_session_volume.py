"""What `<prosody volume>` does to the samples of words."""

import numpy as np
import pytest
from memory_socket import make_service
from scripted_engine import ScriptedEngine

from zelitrio.audio import parse_format
from zelitrio.session import StreamOptions, speak
from zelitrio.session.volume import WordVolume
from zelitrio.text import Reading, load_front_end

RATE_HZ = 24_000


def spoken(text: str):
    utterance = load_front_end().utterance(text, ssml=True)
    times = [(500 * n, 500 * n + 400) for n in range(len(utterance.words))]
    volume = WordVolume()
    volume.begin(utterance, times, RATE_HZ)
    blocks = np.split(np.full(RATE_HZ * len(times) // 2, 0.1, np.float32), range(700, 30_000, 700))
    whole = np.concatenate([volume.apply(block) for block in blocks])
    middles = [round((start + 200) / 1000 * RATE_HZ) for start, _ in times]
    return whole, [round(20 * np.log10(whole[at] / 0.1), 1) for at in middles]


@pytest.mark.parametrize(
    ("volume", "decibels"),
    [("loud", 4.0), ("x-loud", 8.0), ("soft", -6.0), ("x-soft", -12.0), ("silent", -60.0), ("+3dB", 3.0)],
)
def test_words_inside_the_element_change_and_others_do_not(volume: str, decibels: float) -> None:
    whole, found = spoken(f'one <prosody volume="{volume}">two three</prosody> four')
    assert found == [0.0, decibels, decibels, 0.0]
    assert np.abs(np.diff(whole)).max() < 0.002  # no step that clicks


@pytest.mark.parametrize("volume", ["", "medium", "50", "loudest", "+999999dB", "1e9"])
def test_a_volume_that_is_usual_or_not_valid_changes_no_sample(volume: str) -> None:
    whole, _ = spoken(f'one <prosody volume="{volume}">two</prosody>')
    assert (whole == np.float32(0.1)).all()


def test_elements_inside_each_other_add_up_and_stay_in_bounds() -> None:
    _, found = spoken('<prosody volume="+6dB">one <prosody volume="x-loud">two</prosody></prosody>')
    assert found == [6.0, 12.0]


async def test_a_stream_is_softer_where_its_text_asks(autojump_clock) -> None:
    async def hear(volume: str) -> np.ndarray:
        engine = ScriptedEngine()
        options = StreamOptions(
            voice=engine.catalogue.default, audio_format=parse_format("pcm_24000"), reading=Reading(ssml=True)
        )
        text = f'It costs twenty <prosody volume="{volume}">dollars</prosody>.'
        async with speak(make_service(engine), options, text) as packets:
            return np.frombuffer(b"".join([packet.audio async for packet in packets]), "<i2") / 32768

    plain, soft = await hear("medium"), await hear("soft")
    assert len(plain) == len(soft)
    begin, end = slice(0, len(plain) // 3), slice(-len(plain) // 5, None)
    assert (plain[begin] == soft[begin]).all()
    assert np.abs(soft[end]).max() == pytest.approx(0.5 * np.abs(plain[end]).max(), rel=0.05)
