from __future__ import annotations

import numpy as np
import pytest
from tiny_voice import tiny_fine_model, tiny_model

from bench.voice import held_out
from bench.voice.cepstra import cepstra, cepstra_of, distance_db, log_spectral_distance_db, warp
from bench.voice.spoken import RATE_HZ, Pcm
from zelitrio.training import Speaker
from zelitrio.voices import Voice, ZeliModel

EVERY = np.ones(1, bool)


def tones(*hz: float) -> Pcm:
    """Tones of 0.2 s after each other, with a little noise so that no band is empty."""
    seconds = np.arange(RATE_HZ // 5) / RATE_HZ
    noise = np.random.default_rng(1).normal(0, 0.01, len(seconds) * len(hz))
    return (np.concatenate([np.sin(2 * np.pi * f * seconds) for f in hz]) * 0.2 + noise).astype(np.float32)


def ripple(depth_db: float) -> np.ndarray:
    """One log-mel frame with a level that rises and falls three times over the bands."""
    bands = (np.arange(80) + 0.5) / 80
    return (depth_db * np.log(10) / 20 * np.cos(np.pi * 3 * bands))[None]


def test_the_distance_is_the_root_mean_square_of_the_spectrums_difference_in_db() -> None:
    flat, rippled = cepstra_of(ripple(0.0)), cepstra_of(ripple(6.0))
    assert distance_db(flat, rippled, np.zeros((1, 2), int), EVERY) == pytest.approx(6.0 / np.sqrt(2))


def test_a_change_of_level_is_no_distance() -> None:
    frame = ripple(6.0)
    assert distance_db(cepstra_of(frame), cepstra_of(frame + 2.0), np.zeros((1, 2), int), EVERY) == (
        pytest.approx(0.0, abs=1e-9)
    )


def test_frames_that_are_not_counted_do_not_matter() -> None:
    one = np.concatenate([cepstra_of(ripple(0.0)), cepstra_of(ripple(0.0))])
    other = np.concatenate([cepstra_of(ripple(0.0)), cepstra_of(ripple(9.0))])
    path = np.array([[0, 0], [1, 1]])
    assert distance_db(one, other, path, np.array([True, False])) == pytest.approx(0.0, abs=1e-9)
    assert distance_db(one, other, path, np.array([True, True])) == pytest.approx(4.5 / np.sqrt(2))


def test_a_recordings_path_to_itself_is_diagonal() -> None:
    features = cepstra(tones(300, 1200, 600), 12_000)
    path = warp(features, features)
    np.testing.assert_array_equal(path, np.repeat(np.arange(len(features))[:, None], 2, 1))


def test_warping_follows_the_speech_and_not_the_time() -> None:
    quick, slow = (
        cepstra(tones(300, 1200, 600), 12_000),
        cepstra(tones(300, 300, 1200, 1200, 1200, 600), 12_000),
    )
    path = warp(quick, slow)
    assert tuple(path[0]) == (0, 0)
    assert tuple(path[-1]) == (len(quick) - 1, len(slow) - 1)
    assert (np.diff(path, axis=0) >= 0).all()
    middle = path[path[:, 0] == 30, 1]  # a frame of the second tone of both
    assert ((middle > 40) & (middle < 100)).all()
    everywhere = np.ones(len(quick), bool)
    straight = np.stack([np.arange(60), np.arange(60)], 1)
    assert distance_db(quick, slow, path, everywhere) < distance_db(quick, slow, straight, everywhere) / 3


def test_half_as_loud_is_six_decibels_of_log_spectral_distance() -> None:
    pcm = tones(300, 1200)
    assert log_spectral_distance_db(pcm, pcm / 2, 12_000) == pytest.approx(6.02, abs=0.05)
    assert log_spectral_distance_db(pcm, pcm, 12_000) == 0.0


def test_frequencies_above_a_recordings_band_do_not_count() -> None:
    plain, filled = tones(300, 1200), tones(300, 1200)
    filled = filled + 0.1 * np.sin(2 * np.pi * 10_000 * np.arange(len(filled)) / RATE_HZ).astype(np.float32)
    path = np.repeat(np.arange(len(cepstra(plain, 7_600)))[:, None], 2, 1)
    everywhere = np.ones(len(path), bool)
    below = distance_db(cepstra(plain, 7_600), cepstra(filled, 7_600), path, everywhere)
    assert below < 0.5
    assert distance_db(cepstra(plain, 12_000), cepstra(filled, 12_000), path, everywhere) > 4 * below + 1


@pytest.mark.parametrize(
    "model", [tiny_model(), tiny_fine_model()], ids=["first format", "contour and parts"]
)
def test_either_vocoder_copies_a_recording(model: ZeliModel, monkeypatch: pytest.MonkeyPatch) -> None:
    pcm = tones(200.0, 220.0)
    voice = Voice(voice_id="tiny", name="Tiny", model=model)
    # pyworld, which measures pitch, has no wheel for some platforms.
    monkeypatch.setattr(
        held_out, "measure_f0", lambda pcm, speaker: np.full(len(pcm) // 240, 200.0, np.float32)
    )
    copy = held_out.copy_synthesis(voice, pcm, Speaker(name="tones", licence=""))
    assert len(copy) == len(pcm)
    assert np.abs(copy).max() > 0.0
