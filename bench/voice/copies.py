"""The loss of the built-in vocoder: a teacher's speech against its copy from the same frames and pitch.

    python -m bench.voice.copies TEACHER --per-list 4 > copies.jsonl

TEACHER is a folder of Kokoro's voices from `zelitrio voices add kokoro`.  The last sentences of each list are
spoken.  The copy's pulses do not coincide with the teacher's, as in normal use.  Prints a line for each
sentence, for `source` and `copy`.  Needs the extras `bench` and `train`.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from bench.machine import circumstances
from bench.voice.judged import Ears, facts_of
from bench.voice.spoken import LISTS, SEED, Pcm, Spoken, read_lines
from bench.voice.systems import words_of
from zelitrio.networks import normalise_mel
from zelitrio.text import load_front_end
from zelitrio.training.recipe.teacher.kokoro import KokoroTeacher
from zelitrio.training.recipe.teacher.requests import VOICES, Request
from zelitrio.training.recipe.teacher.speech import MeasuredSpeech, measure
from zelitrio.voices import Voice, kokoro_ids, load_builtin, zeli_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("teacher", type=Path)
    parser.add_argument("--per-list", type=int, default=4)
    parser.add_argument("--voice", action="append", choices=VOICES, help="may repeat [all]")
    options = parser.parse_args()
    torch.set_num_threads(1)
    front_end, ears, around = load_front_end(), Ears(), circumstances()
    teacher, voice = KokoroTeacher.at(options.teacher, "cpu"), load_builtin().default
    texts = [text for name in LISTS for text in read_lines(name)[-options.per_list :]]
    utterances = [front_end.utterance(text) for text in texts]
    for name in options.voice or VOICES:
        requests = [
            Request(
                utterance=utterance,
                kind="",
                held_out=True,
                voice=VOICES.index(name),
                speed=1.0,
                ids=tuple(kokoro_ids(utterance.words)[0]),
            )
            for utterance in utterances
        ]
        for index, samples, f0_hz in teacher.say(requests):
            found = measure(samples, f0_hz)
            if found is None:
                continue
            source = found.pcm.astype(np.float32) / 32768.0
            for kind, pcm in (("source", source), ("copy", copy_of(found, voice))):
                heard = facts_of(ears.judge(Spoken(words_of(utterances[index]), pcm)))
                line = {"system": name, "kind": kind, "text": texts[index], **heard, "seed": SEED, **around}
                print(json.dumps(line), flush=True)


@torch.inference_mode()
def copy_of(speech: MeasuredSpeech, voice: Voice) -> Pcm:
    """Resynthesise frames and pitch of speech by the voice's vocoder."""
    made = zeli_model(voice).vocoder(
        normalise_mel(torch.from_numpy(speech.mel.astype(np.float32)))[None],
        torch.from_numpy(speech.ln_f0)[None],
        torch.from_numpy(speech.voiced.astype(np.float32))[None],
        torch.ones(1, speech.frames, 1),
        torch.tensor([SEED]),
    )
    return np.asarray(made[0].clamp(-1.0, 1.0), np.float32)


if __name__ == "__main__":
    main()
