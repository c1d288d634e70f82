"""Training data of the acoustic model: tokens, durations, pitch, energy and frames of aligned recordings."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from zelitrio.networks import PITCH_SCALE, normalise_mel
from zelitrio.text import Break, Utterance, load_front_end
from zelitrio.training.align import AlignedUtterance, read_alignments, restressed
from zelitrio.training.edges import ended_by_ear, speech_edges
from zelitrio.training.features import continuous_ln_f0, mel_centres_hz
from zelitrio.training.shards import Entry, Shard, open_shard
from zelitrio.voices import frame_positions, phone_inputs

LEAD_FRAMES = 1
"""Kept frames of silence before the first phone, few because every listener waits for them."""
TAIL_FRAMES = 8
NO_FRAMES = 0.3
"""Used for a duration of zero frames, which has no logarithm; it rounds to 0."""
CROP_LEFT, CROP_RIGHT = 20, 6
"""Frames at a crop's edges without loss, because they lack the decoder's context."""
WEIGHTS: Mapping[str, float] = {"kathleen": 0.36, "lj": 0.30, "bdl": 0.18, "slt": 0.16}
_ENDS = (".", "!", "?", ":", ";", ",", '"', "'", ")", "-", "…", "”", "’")


@attrs.frozen(eq=False)
class Item:
    """One utterance, or a piece of one, of n tokens and t frames."""

    speaker: int
    band_hz: float
    phones: npt.NDArray[np.int64]  # [n]
    stresses: npt.NDArray[np.int64]  # [n]
    features: npt.NDArray[np.float32]  # [n, FEATURES]
    durations: npt.NDArray[np.int64]  # [n] frames, sum t
    pitch: npt.NDArray[np.float32]  # [n] (mean ln f0 - speaker's) * PITCH_SCALE
    voicing: npt.NDArray[np.float32]  # [n] share of voiced frames
    energy: npt.NDArray[np.float32]  # [n] mean normalised mel below 7.6 kHz
    mel: npt.NDArray[np.float32]  # [t, mels] normalised
    frame_pitch: npt.NDArray[np.float32]  # [t]
    ln_f0: npt.NDArray[np.float32]  # [t]
    voiced: npt.NDArray[np.float32]  # [t]


@attrs.frozen(eq=False)
class Example:
    """One aligned recording with its features, from which items are cut."""

    speaker: int
    band_hz: float
    aligned: AlignedUtterance
    shard: Shard
    entry: Entry
    onset: int
    """First frame of speech in the recording."""
    end: int
    """The frame after the last frame of speech."""

    def item(self, first: int, last: int, speaker_ln_f0: float) -> Item:
        """Make an item of words `first` to `last` (exclusive); an end inside the text is a `Break.CUT`."""
        utterance, begin, durations = tokens_and_durations(self, first, last)
        inputs = phone_inputs(utterance)
        frames = int(durations.sum())
        rows = slice(self.entry.first_frame + begin, self.entry.first_frame + begin + frames)
        mel = normalise_mel(torch.from_numpy(np.asarray(self.shard.mel[rows], np.float32))).numpy()
        f0 = np.asarray(self.shard.f0[rows])
        whole = np.asarray(self.shard.f0[self.entry.first_frame : self.entry.first_frame + self.entry.frames])
        contour = continuous_ln_f0(whole)[begin : begin + frames]
        pitch = ((contour - speaker_ln_f0) * PITCH_SCALE).astype(np.float32)
        voiced = (f0 > 0).astype(np.float32)
        low = mel[:, mel_centres_hz() < 7_600.0].mean(1)
        heard = _mean_per_token(voiced, durations)
        return Item(
            self.speaker,
            self.band_hz,
            inputs.phones,
            inputs.stresses,
            inputs.features,
            durations,
            _mean_per_token(pitch, durations, voiced),
            heard,
            _mean_per_token(low, durations),
            mel,
            pitch,
            contour,
            voiced,
        )


def _mean_per_token(
    values: npt.NDArray[np.float32],
    durations: npt.NDArray[np.int64],
    weight: npt.NDArray[np.float32] | None = None,
) -> npt.NDArray[np.float32]:
    """Mean over each token's frames, weighted by `weight` unless that is all zero; 0 for empty tokens."""
    weights = np.full(len(values), 1e-4, np.float32) if weight is None else weight + 1e-4
    token = np.repeat(np.arange(len(durations)), durations)
    sums = np.bincount(token, values * weights, len(durations))
    return (sums / np.maximum(np.bincount(token, weights, len(durations)), 1e-9)).astype(np.float32)


def tokens_and_durations(
    example: Example, first: int, last: int
) -> tuple[Utterance, int, npt.NDArray[np.int64]]:
    """Return the utterance as the reader phrased it, its first frame, and the frames of each token.

    The reader's pauses become commas, and punctuation without a pause is removed, so that every break in
    training is audible.
    """
    words = example.aligned.utterance.words[first:last]
    times = example.aligned.words[first:last]
    total = len(example.aligned.words)
    begin = max(0, example.onset - LEAD_FRAMES) if first == 0 else times[0].starts[0]
    stop = min(example.entry.frames, example.end + TAIL_FRAMES) if last == total else times[-1].end
    durations: list[int] = [(example.onset if first == 0 else begin) - begin]
    phrased = []
    for index, (word, time) in enumerate(zip(words, times, strict=True)):
        starts = list(time.starts)
        end = time.end
        if first == 0 and index == 0:
            starts[0] = example.onset
        is_last = index == len(words) - 1
        if is_last and last == total:
            end = example.end
        durations += [later - earlier for earlier, later in zip(starts, [*starts[1:], end], strict=True)]
        after = word.after
        if is_last:
            if last != total:
                after = Break.CUT
            elif after is Break.NONE or not example.aligned.utterance.source.rstrip().endswith(_ENDS):
                after = Break.CUT  # LJ's clips may end in mid-sentence
            durations.append(stop - end)
        else:
            gap = times[index + 1].starts[0] - end
            after = Break.NONE if gap <= 0 else Break.COMMA if after is Break.NONE else after
            if gap > 0:
                durations.append(gap)
        phrased.append(attrs.evolve(word, after=after))
    return attrs.evolve(example.aligned.utterance, words=tuple(phrased)), begin, np.array(durations)


def fault(example: Example) -> str | None:
    """Why an alignment is certainly wrong, if it is."""
    words = example.aligned.words
    lengths = [
        later - earlier
        for word in words
        for earlier, later in zip(word.starts, [*word.starts[1:], word.end], strict=True)
    ]
    phones = len(lengths)
    spoken = sum(word.end - word.starts[0] for word in words)
    shortest = sum(length <= 3 for length in lengths) / phones
    gaps = [later.starts[0] - word.end for word, later in itertools.pairwise(words)]
    if min(lengths) <= 0:
        return "a phone without a frame"
    if max(lengths) > 70:
        return f"a phone of {max(lengths) * 10} ms"
    if not 4.5 <= spoken / phones <= 18:
        return f"{spoken * 10 / phones:.0f} ms a phone"
    if phones > 12 and shortest > 0.45:
        return f"{shortest:.0%} of phones have the aligner's minimum length"
    if gaps and max(gaps) > 120:
        return f"a pause of {max(gaps) / 100} s"
    first = words[0].starts[1] if len(words[0].starts) > 1 else words[0].end
    last = words[-1].starts[-1]
    if example.onset >= first or example.end <= last or example.onset - words[0].starts[0] > 25:
        return "speech and alignment begin or end at different times"
    return None


class AcousticData:
    """All usable aligned recordings of a work folder.

    A speaker without an alignment has no examples; training can start with the other speakers.
    """

    def __init__(
        self,
        work: Path,
        speakers: Sequence[str],
        report: Callable[[str], None] = print,
    ) -> None:
        self.speakers = tuple(speakers)
        self.train: list[list[Example]] = []
        self.held: list[list[Example]] = []
        self.ln_f0: list[float] = []
        for number, name in enumerate(speakers):
            examples, dropped = _examples(work, number, name, report)
            self.train.append([example for example in examples if not example.entry.held_out])
            self.held.append([example for example in examples if example.entry.held_out])
            f0 = np.asarray(examples[0].shard.f0) if examples else np.zeros(0, np.float32)
            self.ln_f0.append(float(np.mean(np.log(f0[f0 > 0]))) if len(f0) else 5.2)
            report(f"{name}: {len(examples)} usable, {dropped} dropped, ln f0 {self.ln_f0[-1]:.3f}")
        weights = np.array(
            [WEIGHTS.get(name, 0.5) if pool else 0.0 for name, pool in zip(speakers, self.train, strict=True)]
        )
        self._weights = weights / weights.sum()

    def items(self, rng: np.random.Generator, size: int) -> list[Item]:
        """Draw the items of one batch.  One in eight ends in mid-sentence; some of those also begin there.

        It draws four times as many and takes a quarter of similar length, because otherwise half of the
        encoder's work would be padding.
        """
        drawn = []
        for speaker in rng.choice(len(self.speakers), size=4 * size, p=self._weights):
            pool = self.train[speaker]
            example = pool[rng.integers(len(pool))]
            words = len(example.aligned.words)
            first, last = 0, words
            if words >= 6 and rng.random() < 0.125:
                last = int(rng.integers(3, words))
                if last >= 6 and rng.random() < 0.4:
                    first = int(rng.integers(1, last - 2))
            tokens = sum(len(word.phones) for word in example.aligned.utterance.words[first:last])
            drawn.append((tokens, example, first, last))
        drawn.sort(key=lambda row: row[0])
        quarter = size * int(rng.integers(4))
        return [
            example.item(first, last, self.ln_f0[example.speaker])
            for _, example, first, last in drawn[quarter : quarter + size]
        ]

    def held_items(self) -> list[Item]:
        """All held-out recordings, each as one item."""
        return [
            example.item(0, len(example.aligned.words), self.ln_f0[speaker])
            for speaker, pool in enumerate(self.held)
            for example in pool
        ]


def _examples(work: Path, number: int, name: str, report: Callable[[str], None]) -> tuple[list[Example], int]:
    if not (work / "align" / f"{name}.json").is_file():
        return [], 0
    shard = open_shard(work / "features" / name)
    entries = {entry.name: entry for entry in shard.entries}
    band_hz = shard.facts.band_hz
    front_end = load_front_end()
    usable: list[Example] = []
    dropped = 0
    for aligned in read_alignments(work, name):
        entry = entries.get(aligned.name)
        if entry is None:
            continue
        aligned = attrs.evolve(
            aligned,
            utterance=restressed(aligned.utterance, front_end),
            words=ended_by_ear(aligned.words, shard.pcm(entry.first_frame, entry.frames)),
        )
        mel = shard.mel[entry.first_frame : entry.first_frame + entry.frames]
        onset, end = speech_edges(
            mel, max(0, aligned.words[0].starts[0]), min(entry.frames, aligned.words[-1].end)
        )
        example = Example(number, band_hz, aligned, shard, entry, onset, end)
        reason = fault(example)
        if reason is None:
            usable.append(example)
        else:
            dropped += 1
            report(f"{name}/{aligned.name}: dropped: {reason}")
    return usable, dropped


@attrs.frozen(eq=False)
class AcousticBatch:
    """Items padded to the longest, with a crop of each one's frames."""

    phones: Tensor  # [batch, n]
    stresses: Tensor  # [batch, n]
    features: Tensor  # [batch, n, FEATURES]
    speakers: Tensor  # [batch]
    mask: Tensor  # [batch, n, 1]
    ln_durations: Tensor  # [batch, n]
    pitch: Tensor  # [batch, n]
    voicing: Tensor  # [batch, n]
    energy: Tensor  # [batch, n]
    rows: Tensor  # [batch, t] which token each frame belongs to
    positions: Tensor  # [batch, t, 4]
    frame_mask: Tensor  # [batch, t, 1]
    mel: Tensor  # [batch, t, mels]
    frame_pitch: Tensor  # [batch, t]
    ln_f0: Tensor  # [batch, t], of pitch in Hz
    voiced: Tensor  # [batch, t]
    judged: Tensor  # [batch, t, 1]: 0 in the context at a crop's edges
    band_hz: Tensor  # [batch]


def collate(items: Sequence[Item], crop_frames: int, rng: np.random.Generator) -> AcousticBatch:
    """Pad tokens to the longest item, and crop frames to `crop_frames`."""
    tokens = max(len(item.phones) for item in items)
    frames = min(crop_frames, max(len(item.mel) for item in items))

    def pad(values: npt.NDArray[np.generic], length: int) -> Tensor:
        widths = [(0, length - len(values))] + [(0, 0)] * (values.ndim - 1)
        return torch.from_numpy(np.pad(values, widths))

    def per_token(name: str) -> Tensor:
        return torch.stack([pad(getattr(item, name), tokens) for item in items])

    cropped: dict[str, list[Tensor]] = {
        name: []
        for name in ("rows", "positions", "frame_mask", "mel", "frame_pitch", "ln_f0", "voiced", "judged")
    }
    for item in items:
        token, positions = frame_positions(item.durations)
        total = len(item.mel)
        start = int(rng.integers(0, max(1, total - frames + 1)))
        cut = slice(start, min(total, start + frames))
        judged = np.ones((total, 1), np.float32)
        if cut.start > 0:
            judged[cut.start : cut.start + CROP_LEFT] = 0.0
        if cut.stop < total:
            judged[cut.stop - CROP_RIGHT : cut.stop] = 0.0
        for name, values in (
            ("rows", token),
            ("positions", positions),
            ("frame_mask", np.ones((total, 1), np.float32)),
            ("mel", item.mel),
            ("frame_pitch", item.frame_pitch),
            ("ln_f0", item.ln_f0),
            ("voiced", item.voiced),
            ("judged", judged),
        ):
            cropped[name].append(pad(values[cut], frames))
    durations = per_token("durations").float()
    return AcousticBatch(
        phones=per_token("phones"),
        stresses=per_token("stresses"),
        features=per_token("features"),
        speakers=torch.tensor([item.speaker for item in items]),
        mask=torch.stack([pad(np.ones((len(item.phones), 1), np.float32), tokens) for item in items]),
        ln_durations=torch.log(durations.clamp(min=NO_FRAMES)),
        pitch=per_token("pitch"),
        voicing=per_token("voicing"),
        energy=per_token("energy"),
        band_hz=torch.tensor([item.band_hz for item in items]),
        **{name: torch.stack(values) for name, values in cropped.items()},
    )
