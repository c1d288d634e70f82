"""One run of all measurements, voice by voice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import attrs
import numpy as np
import trio

from bench.voice.held_out import Recording, beside, copied, copy_synthesis, held_out, phone_durations
from bench.voice.judged import Ears, Judged, Row, facts_of, row_of
from bench.voice.melody import Pair, ask, question_row, series_row
from bench.voice.seams import Cut, cut_and_whole, seam_row
from bench.voice.speed import speed_row
from bench.voice.spoken import LISTS, Pcm, Spoken, read_lines
from bench.voice.systems import Say, open_references, public_system, voice_system
from zelitrio.engine import open_engine
from zelitrio.settings import EngineSettings
from zelitrio.training import Speaker
from zelitrio.training.recipe import speaker_named
from zelitrio.voices import Catalogue, Voice

QUICK_PER_LIST = 6
RECORDINGS = 24
CUT_LISTS, PIECES = ("read", "harvard", "agent"), 3
SHOWN = 2
"""Pictured recordings of each speaker."""


@attrs.frozen(eq=False)
class Shown:
    """The content of one voice's pictures."""

    voice_id: str
    sentences: list[tuple[str, dict[str, Pcm]]]
    """A text and each system's speech of it."""
    cut: tuple[str, Cut]
    pairs: list[Pair]


class Measure:
    """All measured voices and their references.

    Args:
        voices: voices under test.
        beside: public voices, which say the same sentences.
        corpus: recordings of the voices' speakers; None: no comparison with recordings.
        work: folder of their alignments; None: no comparison of phone durations.
        per_list: sentences of each list, without other measurements; None: everything.
        heard: called with the judgement of each sentence of the lists.
    """

    def __init__(
        self,
        voices: Sequence[Voice],
        *,
        beside: Sequence[Voice],
        corpus: Path | None,
        work: Path | None,
        per_list: int | None = None,
        heard: Callable[[Row], None] | None = None,
    ) -> None:
        self._voices, self._corpus, self._work, self._per_list = voices, corpus, work, per_list
        self._heard = heard
        self._beside = beside
        self._ears = Ears()
        self._references: dict[str, Say] = {}
        self._public: dict[str, Say] = {}
        self.left_out = list(self._ears.left_out)
        """A line for each missing recogniser, reference and corpus of recordings."""
        if per_list is None:
            references, missing = open_references()
            self._references.update(references)
            self.left_out += missing
        for voice in voices:
            if corpus is not None and not has_recordings(corpus, voice):
                self.left_out.append(
                    f"{voice.voice_id} beside recordings: the corpus has no metadata.csv in a folder"
                    f" {voice.labels.get('speaker', '')!r}, the voice's label `speaker`"
                )
        self._shown: list[Shown] = []

    def rows(self) -> Iterator[Row]:
        """Rows of figures as they are found."""
        for voice in self._voices:
            yield from self._on_lists(voice.voice_id, voice_system(voice))
        for voice in self._beside:
            texts = [text for name in LISTS for text in self._texts(name)]
            self._public[voice.voice_id] = public_system(voice, texts)
            yield from self._on_lists(voice.voice_id, self._public[voice.voice_id])
        if self._per_list is not None:
            return
        for name, say in self._references.items():
            yield from self._on_lists(name, say, every=2)
        for voice in self._voices:
            speaker = speaker_named(voice.labels.get("speaker", ""))
            recordings: list[Recording] = []
            if self._corpus is not None and has_recordings(self._corpus, voice):
                recordings = held_out(self._corpus, speaker, RECORDINGS)
                yield from self._beside_recordings(voice, speaker, recordings)
            yield from trio.run(self._in_engine, voice, speaker, recordings)
            yield speed_row(voice)

    def _on_lists(self, name: str, say: Say, every: int = 1) -> Iterator[Row]:
        everything: list[Judged] = []
        for list_name in LISTS:
            judged = []
            for number, text in list(enumerate(self._texts(list_name), 1))[::every]:
                judged.append(self._ears.judge(say(text)))
                if self._heard is not None:
                    self._heard({"system": name, "list": list_name, "number": number} | facts_of(judged[-1]))
            yield row_of(name, list_name, judged)
            everything += judged
        yield row_of(name, "all" if every == 1 else "every second", everything)
        if every == 1 and self._per_list is None:
            yield row_of(name, "every second", everything[::2])

    def _texts(self, list_name: str) -> list[str]:
        return read_lines(list_name)[: self._per_list]

    def _beside_recordings(
        self, voice: Voice, speaker: Speaker, recordings: Sequence[Recording]
    ) -> Iterator[Row]:
        natural = [recording.spoken for recording in recordings]
        yield self._judged_recordings(f"natural {speaker.name}", natural)
        quiet = [recording.said(recording.quiet) for recording in recordings]
        yield self._judged_recordings(f"{speaker.name} without noise", quiet)
        copies = [copy_synthesis(voice, recording.quiet, speaker) for recording in recordings]
        figures = [
            beside(recording.quiet, copy, speaker) | copied(recording.quiet, copy, speaker)
            for recording, copy in zip(recordings, copies, strict=True)
        ]
        heard = [recording.said(copy) for recording, copy in zip(recordings, copies, strict=True)]
        yield self._judged_recordings(f"copy by {voice.voice_id}", heard) | means(figures)
        say = voice_system(voice)
        said = [say(recording.text) for recording in recordings]
        figures = [
            beside(recording.pcm, item.pcm, speaker) for recording, item in zip(recordings, said, strict=True)
        ]
        row = self._judged(voice.voice_id, said) | means(figures)
        if self._work is not None:
            row |= phone_durations(voice, speaker, list(recordings), self._work)
        yield row

    def _judged(self, name: str, spoken: Sequence[Spoken]) -> Row:
        return row_of(name, "held out", [self._ears.judge(item) for item in spoken])

    def _judged_recordings(self, name: str, spoken: Sequence[Spoken]) -> Row:
        # The ends of a recording hold room noise and the editor's cuts.
        row = self._judged(name, spoken)
        return {key: value for key, value in row.items() if not key.startswith(("lead_", "tail_"))}

    async def _in_engine(self, voice: Voice, speaker: Speaker, recordings: Sequence[Recording]) -> list[Row]:
        texts = [text for name in CUT_LISTS for text in read_lines(name)]
        async with open_engine(Catalogue([voice]), EngineSettings(cpu_threads=1)) as engine:
            cuts = [await cut_and_whole(engine, voice.voice_id, text, PIECES) for text in texts]
            pairs = await ask(engine, voice.voice_id)
            series = await series_row(engine, voice.voice_id)
        say = voice_system(voice)
        sentences = []
        for recording in recordings[:SHOWN]:
            said = {f"natural {speaker.name}": recording.pcm}
            said[f"copy by {voice.voice_id}"] = copy_synthesis(voice, recording.quiet, speaker)
            said[voice.voice_id] = say(recording.text).pcm
            said |= {name: reference(recording.text).pcm for name, reference in self._references.items()}
            sentences.append((recording.text, said))
        if teacher := self._public.get(speaker.name):
            for text in read_lines("read")[:SHOWN]:
                sentences.append((text, {speaker.name: teacher(text).pcm, voice.voice_id: say(text).pcm}))
        self._shown.append(Shown(voice.voice_id, sentences, (texts[0], cuts[0]), pairs))
        return [seam_row(voice.voice_id, cuts), question_row(voice.voice_id, pairs), series]

    def draw(self, folder: Path) -> list[Path]:
        """Draw the speech into a folder; return the files in the order of the page."""
        from bench.voice.draw import draw_beside, draw_contours, draw_cut, draw_questions

        drawn: list[Path] = []
        for shown in self._shown:
            for number, (text, said) in enumerate(shown.sentences, 1):
                drawn += [
                    folder / f"{shown.voice_id}-{number}.png",
                    folder / f"{shown.voice_id}-{number}-pitch.png",
                ]
                draw_beside(drawn[-2], text, said)
                draw_contours(drawn[-1], text, said)
            drawn += [folder / f"{shown.voice_id}-cut.png", folder / f"{shown.voice_id}-questions.png"]
            draw_cut(drawn[-2], *shown.cut)
            draw_questions(drawn[-1], shown.pairs)
        return drawn


def has_recordings(corpus: Path, voice: Voice) -> bool:
    """Whether a corpus holds recordings of the voice's speaker."""
    speaker = voice.labels.get("speaker", "")
    return bool(speaker) and (corpus / speaker / "metadata.csv").is_file()


def means(figures: Sequence[Mapping[str, float]]) -> Row:
    """Means over sentences of what `beside` and `copied` find; lengths as per cent."""
    row: Row = {
        key: round(float(np.nanmean([item[key] for item in figures])), 3)
        for key in figures[0]
        if key != "length_ln"
    }
    lengths = np.array([item["length_ln"] for item in figures])
    row["length_error_pct"] = round(100 * float(np.abs(np.expm1(lengths)).mean()), 1)
    row["length_bias_pct"] = round(100 * float(np.expm1(lengths).mean()), 1)
    return row
