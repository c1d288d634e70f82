from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import orjson
import pytest
from cut_short import cut_short
from recorded import write_wav

from zelitrio.training import align, read_alignments
from zelitrio.training.align import align_recordings, forget_alignments
from zelitrio.training.alignment import AlignedWord
from zelitrio.training.corpus import Recording


class EvenAligner:
    """Gives every phone ten frames; fails on silence; stops after its share."""

    done = 0
    share = 100

    def align(self, pcm: np.ndarray, words: Sequence[Sequence[tuple[str, ...]]]) -> list[AlignedWord] | None:
        if EvenAligner.done == EvenAligner.share:
            raise KeyboardInterrupt
        EvenAligner.done += 1
        if not pcm.any():
            return None
        found, at = [], 0
        for variants in words:
            starts = tuple(range(at, at + 10 * len(variants[0]), 10))
            at += 10 * len(variants[0])
            found.append(AlignedWord(variants[0], starts, at))
        return found


def test_a_stopped_alignment_continues_even_after_an_incomplete_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(align, "Aligner", EvenAligner)
    recordings = []
    for number in range(4):
        path = tmp_path / f"{number}.wav"
        write_wav(path, np.full(24_000, 0.0 if number == 1 else 0.1, np.float32))
        recordings.append(Recording(path, "Hello there.", number + 1))
    failed: list[int] = []

    def run() -> None:
        failed.clear()
        align_recordings(recordings, tmp_path, "me", lambda recording: failed.append(recording.line))

    EvenAligner.share = 3
    with pytest.raises(KeyboardInterrupt):
        run()
    partial = tmp_path / "align" / "me.partial"
    partial.write_bytes(partial.read_bytes()[:-20])  # as after a crash of the machine
    EvenAligner.share = 100
    run()
    assert EvenAligner.done == 5  # two were complete, two were missing, one is done again
    assert failed == [2]
    assert [one.name for one in read_alignments(tmp_path, "me")] == ["00001_0", "00003_2", "00004_3"]
    assert not partial.exists()
    run()
    assert EvenAligner.done == 5


def test_a_failed_write_keeps_the_old_alignments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(align, "Aligner", EvenAligner)
    EvenAligner.done, EvenAligner.share = 0, 100
    recordings = []
    for number in range(3):
        write_wav(tmp_path / f"{number}.wav", np.full(24_000, 0.1, np.float32))
        recordings.append(Recording(tmp_path / f"{number}.wav", "Hello there.", number + 1))
    align_recordings(recordings, tmp_path, "me", lambda recording: None)
    before = read_alignments(tmp_path, "me")

    with pytest.raises(OSError, match="File too large"), cut_short(100):
        forget_alignments(tmp_path, "me", {"00001_0"})
    assert read_alignments(tmp_path, "me") == before

    target = tmp_path / "align" / "me.json"
    lines = [orjson.dumps(row) + b"\n" for row in orjson.loads(target.read_bytes())]
    target.with_suffix(".partial").write_bytes(b"".join(lines))
    target.unlink()
    with pytest.raises(OSError, match="File too large"), cut_short(100):
        align_recordings(recordings, tmp_path, "me", lambda recording: None)
    assert not target.exists()
    align_recordings(recordings, tmp_path, "me", lambda recording: None)
    assert read_alignments(tmp_path, "me") == before
    assert EvenAligner.done == 3

    forget_alignments(tmp_path, "me", {"00001_0"})
    assert [one.name for one in read_alignments(tmp_path, "me")] == ["00002_1", "00003_2"]
