"""A work folder with the results of `prepare` and `align` for two seconds of tones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import torch

from zelitrio.networks import AcousticConfig, FineVocoderConfig, PitchedAcousticConfig, VocoderConfig
from zelitrio.training.acoustic_data import AcousticData
from zelitrio.training.acoustic_training import AcousticPlan, AcousticTraining
from zelitrio.training.features import HOP_SAMPLES, SAMPLE_RATE_HZ, log_mel
from zelitrio.training.pulse_times import pulse_times
from zelitrio.training.shards import Entry, write_shard
from zelitrio.voices import FEATURES, PHONE_TOKENS, STRESS_TOKENS

FRAMES = 200
WORDS = (
    # spoken, phones, the mark after it, first frames of its phones, the frame after it
    ("hello", ("HH", "AH0", "L", "OW1"), "comma", (20, 26, 34, 42), 60),
    ("there", ("DH", "EH1", "R"), "none", (80, 86, 98), 110),
    ("my", ("M", "AY1"), "comma", (130, 138), 150),
    ("friend", ("F", "R", "EH1", "N", "D"), "stop", (150, 158, 164, 172, 176), 180),
)


def tone(hz: float, frames: int = FRAMES) -> np.ndarray:
    """A voiced sound with silence round it: frames 20 to 180 are loud."""
    time_s = np.arange(frames * HOP_SAMPLES) / SAMPLE_RATE_HZ
    pcm = sum(np.sin(2 * np.pi * hz * n * time_s) / n for n in range(1, 20)) * 0.1
    pcm[: 20 * HOP_SAMPLES] = 0.0
    pcm[180 * HOP_SAMPLES :] = 0.0
    noise = np.random.default_rng(0).normal(0, 1e-4, len(pcm))
    return (pcm + noise).astype(np.float32)


def make_work(folder: Path, speakers: tuple[str, ...] = ("kathleen", "bdl")) -> Path:
    """Features and alignments of three recordings per speaker, the last held out."""
    for number, speaker in enumerate(speakers):
        entries, pcms, mels, f0s, pulses, rows = [], [], [], [], [], []
        for index in range(3):
            pcm = tone(200.0 - 90.0 * number + 5 * index)
            entries.append(
                Entry(f"clip{index}", "Hello, there my, friend.", index * FRAMES, FRAMES, index == 2)
            )
            pcms.append(np.round(pcm * 32767).astype(np.int16))
            mels.append(log_mel(torch.from_numpy(pcm)[None])[0].T.numpy().astype(np.float16))
            f0 = np.zeros(FRAMES, np.float32)
            f0[20:180] = 200.0 - 90.0 * number + 5 * index
            f0s.append(f0)
            pulses.append(pulse_times(pcm, f0))
            words = [
                {
                    "spoken": spoken,
                    "span": (0, 1),
                    "after": after,
                    "phones": phones,
                    "starts": starts,
                    "end": end,
                }
                for spoken, phones, after, starts, end in WORDS
            ]
            rows.append({"name": f"clip{index}", "text": "Hello, there my, friend.", "words": words})
        write_shard(folder / "features" / speaker, entries, pcms, mels, f0s, pulses)
        (folder / "align").mkdir(parents=True, exist_ok=True)
        (folder / "align" / f"{speaker}.json").write_bytes(orjson.dumps(rows))
    return folder


_SIZES = {
    "phones": PHONE_TOKENS,
    "stresses": STRESS_TOKENS,
    "features": FEATURES,
    "speakers": 2,
    "encoder_channels": 16,
    "encoder_blocks": 1,
    "predictor_channels": 16,
    "decoder_channels": 16,
    "decoder_blocks": 1,
}
ACOUSTIC = {
    "phone by phone": AcousticConfig(**_SIZES),
    "pitch first": PitchedAcousticConfig(**_SIZES, contour_channels=16, contour_blocks=1),
}
VOCODERS = {
    "frames": VocoderConfig(channels=16, blocks=1),
    "parts": FineVocoderConfig(channels=16, blocks=1, part_channels=16, part_blocks=2),
}
"""Very small networks of each trained kind."""


def small_acoustic(data: AcousticData, kind: str = "phone by phone") -> AcousticTraining:
    """A training of a very small model."""
    return AcousticTraining.start(
        # The critic joins in at step 8.
        AcousticPlan(steps=400, learning_rate=1e-2, plain_share=0.02),
        data.speakers,
        data.ln_f0,
        ACOUSTIC[kind],
    )
