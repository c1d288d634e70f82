"""Speaks sentences during training and writes them as WAV files."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from zelitrio.networks import normalise_mel
from zelitrio.text import load_front_end
from zelitrio.training.features import SAMPLE_RATE_HZ, continuous_ln_f0
from zelitrio.training.run_networks import AnyAcoustic, AnyVocoder
from zelitrio.training.shards import Entry, Shard
from zelitrio.training.speaking import speak
from zelitrio.voices import Voice, ZeliModel

SENTENCES = (
    "This is how the voice sounds so far.",
    "The weather was fine, so we walked along the river until the evening.",
    "Could you tell me what time the next train leaves?",
    "On the third of May, twenty seven people came to the old house by the sea.",
    "Please leave your message after the tone, and we will call you back.",
    "The doctor said that he should rest for a week, and drink a lot of water.",
    "She put the blue box on the shelf, beside the books and the yellow lamp.",
    "Nothing in the letter explained why they had changed their minds.",
    "Most of the children had never seen snow before.",
    "It costs forty dollars, which is less than I thought.",
    "Where did you learn to speak so well?",
    "A small fire burned in the kitchen, and the bread smelled good.",
)
"""Sentences outside of every training corpus."""

Pcm = npt.NDArray[np.float32]


def say(voice: Voice, texts: Sequence[str]) -> list[tuple[tuple[str, ...], Pcm]]:
    """Speak texts.  Returns for each its words as spoken, and float32 samples at 24 kHz."""
    utterances = [load_front_end().utterance(text) for text in texts]
    return [(tuple(word.spoken for word in read.words), speak(voice, read)) for read in utterances]


def as_voice(acoustic: AnyAcoustic, vocoder: AnyVocoder) -> Voice:
    """Make a voice of the first speaker of networks on the CPU."""
    model = ZeliModel(acoustic=acoustic.eval(), vocoder=vocoder.eval())
    return Voice(voice_id="sample", name="sample", model=model)


@torch.no_grad()
def resounded(vocoder: AnyVocoder, shard: Shard, entry: Entry) -> Pcm:
    """Resynthesise a recording from its frames with a vocoder on the CPU."""
    rows = slice(entry.first_frame, entry.first_frame + entry.frames)
    f0 = np.asarray(shard.f0[rows])
    mel = normalise_mel(torch.from_numpy(np.asarray(shard.mel[rows], np.float32)))
    pcm: torch.Tensor = vocoder(
        mel[None],
        torch.from_numpy(continuous_ln_f0(f0))[None],
        torch.from_numpy((f0 > 0).astype(np.float32))[None],
        torch.ones(1, entry.frames, 1),
        torch.zeros(1, dtype=torch.int64),
    )
    return pcm[0].clamp(-1.0, 1.0).numpy()


def write_wav(path: Path, pcm: Pcm) -> None:
    """Write float32 samples at 24 kHz as 16-bit WAV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes((np.clip(pcm, -1.0, 1.0) * 32767).astype("<i2").tobytes())
