"""How a voice sounds, in numbers: what a recogniser hears, what a listener model scores, signal facts.

    python bench/voice.py                            the built-in voices on bench/sentences
    python bench/voice.py --voices DIR --voice ID    one voice of a folder
    python bench/voice.py --corpus DIR --speaker lj  also that speaker's held-out recordings,
                                                     natural and as said by the voice

Prints one JSON line per system and list, then a table.  Needs the extras `bench` and `train`.
Word error is pocketsphinx's with its own model; its 95 % interval on 60 sentences is about +-5 points.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import attrs
import numpy as np
import numpy.typing as npt
import torch

from zelitrio.audio import decode_file
from zelitrio.text import load_front_end
from zelitrio.training import (
    Speaker,
    active_rms,
    measure_f0,
    read_recordings,
    speak,
    speaker_named,
)
from zelitrio.voices import Voice, load_builtin, load_folder

Pcm = npt.NDArray[np.float32]
RATE_HZ = 24_000
SENTENCES = Path(__file__).parent / "sentences"
SEED = 7


@attrs.frozen(eq=False)
class Spoken:
    """One sentence as some system said it."""

    words: tuple[str, ...]
    pcm: Pcm  # at RATE_HZ
    made_in_s: float = 0.0


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    lines = list(measure(options))
    for line in lines:
        text = json.dumps({**line, **circumstances(options)})
        print(text)
        if options.out:
            with options.out.open("a") as file:
                file.write(text + "\n")
    print(table(lines), file=sys.stderr)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--voices", type=Path, help="a voice folder; the built-in one if not given")
    parser.add_argument("--voice", action="append", help="voice id; every voice of the folder if not given")
    parser.add_argument("--corpus", type=Path, help="corpus folder, for natural recordings")
    parser.add_argument(
        "--speaker", action="append", default=[], help="speaker of the corpus to compare with"
    )
    parser.add_argument("--limit", type=int, default=1000, help="sentences per list at most")
    parser.add_argument("--threads", type=int, default=1, help="threads for the voice")
    parser.add_argument("--no-listener", action="store_true", help="leave DNSMOS out")
    parser.add_argument("--no-recogniser", action="store_true", help="leave word error out")
    parser.add_argument("--out", type=Path, help="append the JSON lines to this file")
    return parser.parse_args()


def circumstances(options: argparse.Namespace) -> dict[str, object]:
    """What else a reader of the figures must know."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=SENTENCES, check=False
    ).stdout.strip()
    model = [
        line.split(":")[1].strip()
        for line in (Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else "").splitlines()
        if line.startswith("model name")
    ]
    machine = f"{model[0] if model else platform.processor()} x{os.cpu_count()}"
    return {"seed": SEED, "threads": options.threads, "machine": machine, "commit": commit}


def measure(options: argparse.Namespace) -> Iterator[dict[str, object]]:
    """One row of figures per system and list."""
    voices = list(load_folder(options.voices)) if options.voices else list(load_builtin())
    voices = [voice for voice in voices if not options.voice or voice.voice_id in options.voice]
    texts = {path.stem: read_sentences(path)[: options.limit] for path in sorted(SENTENCES.glob("*.txt"))}
    ears = Ears(listener=not options.no_listener, recogniser=not options.no_recogniser)
    everything = [text for list_ in texts.values() for text in list_]
    for voice in voices:
        yield ears.judge(voice.voice_id, "sentences", [say(voice, text) for text in everything])
    for name in options.speaker:
        held = held_out(options.corpus, speaker_named(name), options.limit)
        yield ears.judge(f"natural {name}", "held out", [spoken for _, spoken in held])
        for voice in voices:
            if voice.labels.get("speaker") == name:
                yield ears.judge(voice.voice_id, "held out", [say(voice, text) for text, _ in held])


def read_sentences(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def say(voice: Voice, text: str) -> Spoken:
    utterance = load_front_end().utterance(text)
    started_s = time.perf_counter()
    pcm = speak(voice, utterance, noise_at=SEED)
    return Spoken(tuple(word.spoken for word in utterance.words), pcm, time.perf_counter() - started_s)


def held_out(corpus: Path, speaker: Speaker, limit: int) -> list[tuple[str, Spoken]]:
    """One take of every held-out prompt, levelled as in training."""
    found: dict[str, Spoken] = {}
    for recording in read_recordings(corpus / speaker.name):
        if recording.held_out and recording.text not in found and len(found) < limit:
            words = tuple(word.spoken for word in load_front_end().utterance(recording.text).words)
            found[recording.text] = Spoken(words, decode_file(recording.path, RATE_HZ))
    return list(found.items())


class Ears:
    """Everything that listens.  Loaded once, used for every system, so that all are heard alike."""

    def __init__(self, *, listener: bool, recogniser: bool) -> None:
        self._listener = open_listener() if listener else None
        self._recogniser = open_recogniser() if recogniser else None

    def judge(self, system: str, list_name: str, spoken: Sequence[Spoken]) -> dict[str, object]:
        audio_s = sum(len(item.pcm) for item in spoken) / RATE_HZ
        row: dict[str, object] = {"system": system, "list": list_name, "sentences": len(spoken)}
        row["audio_s"] = round(audio_s, 1)
        row["words"] = sum(len(item.words) for item in spoken)
        made_s = sum(item.made_in_s for item in spoken)
        if made_s:
            row["rtf"] = round(made_s / audio_s, 4)
        loud = [at_16k(item.pcm) for item in spoken]
        if self._recogniser is not None:
            wrong = [
                edits(plain(item.words), recognise(self._recogniser, pcm))
                for item, pcm in zip(spoken, loud, strict=True)
            ]
            counts = np.array([len(plain(item.words)) for item in spoken])
            row["wer"] = round(100 * sum(wrong) / int(counts.sum()), 1)
            low, high = interval(np.array(wrong), counts)
            row["wer_low"], row["wer_high"] = round(low, 1), round(high, 1)
        if self._listener is not None:
            scores = [self._listener(pcm, 16_000, False) for pcm in loud]
            for short, key in (
                ("ovrl", "ovrl_mos"),
                ("sig", "sig_mos"),
                ("bak", "bak_mos"),
                ("p808", "p808_mos"),
            ):
                row[short] = round(float(np.mean([score[key] for score in scores])), 3)
        return row | signal_facts(spoken)


def signal_facts(spoken: Sequence[Spoken]) -> dict[str, object]:
    edges = np.array([silence_ms(item.pcm) for item in spoken])
    wide = Speaker(name="any", f0_floor_hz=65.0, f0_ceil_hz=420.0)
    pitch = [f0[f0 > 0] for f0 in (measure_f0(item.pcm, wide) for item in spoken)]
    logs = np.log(np.concatenate(pitch)) if any(len(f0) for f0 in pitch) else np.zeros(1)
    words_s = sum(len(item.words) for item in spoken) / sum(len(item.pcm) / RATE_HZ for item in spoken)
    return {
        "lead_ms": round(float(np.median(edges[:, 0]))),
        "lead_ms_max": round(float(edges[:, 0].max())),
        "tail_ms": round(float(np.median(edges[:, 1]))),
        "tail_ms_max": round(float(edges[:, 1].max())),
        "f0_hz": round(float(np.exp(logs.mean())), 1),
        "ln_f0_std": round(float(logs.std()), 3),
        "words_per_s": round(words_s, 2),
        "level_db": round(
            20 * float(np.log10(np.median([active_rms(item.pcm) for item in spoken]) + 1e-9)), 1
        ),
        "peak": round(max(float(np.abs(item.pcm).max()) for item in spoken), 3),
        "clicks_per_min": round(
            60 * RATE_HZ * sum(clicks(item.pcm) for item in spoken) / sum(len(item.pcm) for item in spoken), 2
        ),
    }


def silence_ms(pcm: Pcm) -> tuple[float, float]:
    """Silence at both ends: until the first and after the last 5 ms block within 40 dB of the loudest."""
    block = RATE_HZ // 200
    power = np.mean(np.square(pcm[: len(pcm) // block * block].reshape(-1, block), dtype=np.float64), 1)
    heard = np.flatnonzero(power > power.max() * 1e-4)
    if not len(heard):
        return len(pcm) / RATE_HZ * 1000, 0.0
    return heard[0] * 5.0, (len(power) - 1 - heard[-1]) * 5.0


def clicks(pcm: Pcm) -> int:
    """Steps no voice makes: 1 ms blocks whose sharpest bend stands 12 times above those around it."""
    block = RATE_HZ // 1000
    bend = np.abs(np.diff(pcm.astype(np.float64), 2))
    sharp = bend[: len(bend) // block * block].reshape(-1, block).max(1)
    if len(sharp) < 41:
        return 0
    around = np.median(np.lib.stride_tricks.sliding_window_view(np.pad(sharp, 20, mode="edge"), 41), axis=1)
    return int(np.sum((sharp > 12 * around) & (sharp > 0.02)))


def at_16k(pcm: Pcm) -> Pcm:
    """For recogniser and listener: 16 kHz, at a common level."""
    from scipy.signal import resample_poly

    level = active_rms(pcm)
    out = resample_poly(pcm, 2, 3) * (0.075 / level if level else 1.0)
    return np.clip(out, -1.0, 1.0).astype(np.float32)


def open_recogniser() -> Any:
    import pocketsphinx

    return pocketsphinx.Decoder(samprate=16_000.0, loglevel="FATAL")


def recognise(decoder: Any, pcm: Pcm) -> list[str]:
    padded = np.pad(pcm, 3_200)
    decoder.start_utt()
    decoder.process_raw((padded * 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return plain(found.hypstr.split()) if found else []


def plain(words: Sequence[str]) -> list[str]:
    """Words as they are compared: lower case, letters only, joined words apart."""
    text = " ".join(words).lower().replace("-", " ").replace("'", "")
    return text.replace(".", "").split()


def edits(wanted: Sequence[str], heard: Sequence[str]) -> int:
    """Words to change, add or take away."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(wanted, 1):
        previous, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            previous, row[j] = row[j], min(previous + (word != other), row[j] + 1, row[j - 1] + 1)
    return row[-1]


def interval(wrong: npt.NDArray[np.int_], counts: npt.NDArray[np.int_]) -> tuple[float, float]:
    """95 % bootstrap interval of the word error over sentences, in per cent."""
    rng = np.random.default_rng(SEED)
    picks = rng.integers(0, len(wrong), (2_000, len(wrong)))
    rates = 100 * wrong[picks].sum(1) / counts[picks].sum(1)
    low, high = np.percentile(rates, [2.5, 97.5])
    return float(low), float(high)


def open_listener() -> Any:
    """DNSMOS, from the package that carries its models; held to one thread."""
    import onnxruntime
    from speechmos import dnsmos

    models = Path(dnsmos.__file__).parent / "dnsmos_models"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    plain_session = onnxruntime.InferenceSession
    onnxruntime.InferenceSession = lambda path: plain_session(path, options)
    try:
        return dnsmos.DNSMOS(str(models / "sig_bak_ovr.onnx"), str(models / "model_v8.onnx"))
    finally:
        onnxruntime.InferenceSession = plain_session


def table(lines: Sequence[dict[str, object]]) -> str:
    columns = [key for key in lines[0] if key not in ("wer_low", "wer_high")] if lines else []
    for line in lines[1:]:
        columns += [key for key in line if key not in columns and key not in ("wer_low", "wer_high")]
    rows = [columns] + [[str(line.get(key, "")) for key in columns] for line in lines]
    widths = [max(len(row[index]) for row in rows) for index in range(len(columns))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
    )


if __name__ == "__main__":
    main()
