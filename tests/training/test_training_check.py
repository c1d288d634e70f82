from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recorded import SENTENCE, good_folder, voiced, write_table, write_wav

from zelitrio.errors import LocalError
from zelitrio.training import RECIPES
from zelitrio.training.check import CheckedFolder, check_recordings
from zelitrio.training.order import summary

MINUTES_20 = 20 * 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    good_folder(tmp_path)
    return tmp_path


def checked_with(folder: Path, *rows: tuple[str, str]) -> CheckedFolder:
    """Check the valid recordings with these additional lines."""
    with (folder / "metadata.csv").open("a", encoding="utf-8") as table:
        table.writelines(f"{file}|{text}\n" for file, text in rows)
    return check_recordings(folder)


def said(checked: CheckedFolder) -> list[str]:
    return [str(problem) for problem in checked.problems]


def test_good_recordings_have_no_problems_and_their_speaker_is_measured(folder: Path) -> None:
    checked = check_recordings(folder)
    assert said(checked) == []
    assert len(checked.usable) == 4
    assert 6 < checked.speech_s < 12
    speaker = checked.speaker("me")
    assert speaker.f0_floor_hz < 110 < 130 < speaker.f0_ceil_hz
    assert speaker.band_hz == 12_000
    assert summary(checked) == "4 recordings can be used, 0.1 min of speech; 0 left out, 0 remarks"


def test_an_error_names_lines_without_a_recording_or_text(folder: Path) -> None:
    (folder / "noise.wav").write_bytes(b"RIFF" + bytes(range(200)))
    checked = checked_with(
        folder, ("good0.wav", ""), ("gone.wav", SENTENCE), ("noise.wav", SENTENCE), ("good1.wav", SENTENCE)
    )
    lines = said(checked)
    assert lines[0] == "metadata.csv:5: good0.wav: left out: expected a text, found none"
    assert lines[1] == "metadata.csv:6: gone.wav: left out: expected a recording, found no such file"
    assert lines[2].startswith("metadata.csv:7: noise.wav: left out: expected a readable recording, found: ")
    assert lines[3] == "metadata.csv:8: good1.wav: left out: named before, in line 2"
    assert len(checked.usable) == 4


@pytest.mark.parametrize("row", ["alone.wav", "a|b|c|d", "|text without a file"])
def test_an_error_names_a_malformed_line(folder: Path, row: str) -> None:
    with (folder / "metadata.csv").open("a") as table:
        table.write(row + "\n")
    (problem,) = check_recordings(folder).problems
    assert problem.line == 5 and problem.left_out
    assert "expected file|text" in problem.what


def test_the_third_field_is_what_is_read_aloud_and_files_may_lie_in_wavs(tmp_path: Path) -> None:
    (tmp_path / "wavs").mkdir()
    write_wav(tmp_path / "wavs" / "LJ001-0001.wav", voiced(120))
    (tmp_path / "metadata.csv").write_text(f"LJ001-0001|It was 1999.|{SENTENCE}\n", encoding="utf-8-sig")
    (usable,) = check_recordings(tmp_path).usable
    assert usable.line.text == SENTENCE
    assert usable.recording.name == "00001_LJ001-0001"


@pytest.mark.parametrize(
    ("pcm", "rate_hz", "why"),
    [
        (voiced(120, rate_hz=8_000), 8_000, "8000 Hz, expected at least 16000 Hz"),
        (np.zeros(48_000, np.float32), 24_000, "silent: its peak is 0.0000"),
        (voiced(120, 31.0), 24_000, "31 s long, expected at most 30 s: cut it into sentences"),
        (voiced(120, 0.4), 24_000, "0.40 s long, expected at least 0.5 s"),
        (np.clip(40 * voiced(120), -1, 1), 24_000, "clipped: "),
        (np.stack([voiced(120), -voiced(120)], 1), 24_000, "left and right cancel each other"),
        (voiced(120, 0.8), 24_000, "the text does not fit the sound: 51 characters in 0."),
        (voiced(120, 29.0), 24_000, "the text does not fit the sound: 51 characters in "),
    ],
    ids=[
        "8-khz",
        "silence",
        "too-long",
        "too-short",
        "clipped",
        "cancelled",
        "text-too-long",
        "text-too-short",
    ],
)
def test_a_recording_that_cannot_be_used_is_left_out(
    folder: Path, pcm: np.ndarray, rate_hz: int, why: str
) -> None:
    write_wav(folder / "bad.wav", pcm, rate_hz)
    checked = checked_with(folder, ("bad.wav", SENTENCE))
    (line,) = said(checked)
    assert line.startswith(f"metadata.csv:5: bad.wav: left out: {why}")
    assert len(checked.usable) == 4


def test_only_the_beginning_of_a_long_recording_is_read(folder: Path) -> None:
    write_wav(folder / "chapter.wav", np.zeros(MINUTES_20 * 16_000, np.float32), 16_000)
    (line,) = said(checked_with(folder, ("chapter.wav", SENTENCE)))
    assert line == (
        "metadata.csv:5: chapter.wav: left out: 1200 s long, expected at most 30 s: cut it into sentences"
    )


@pytest.mark.parametrize(
    "text",
    [
        "Привет, как дела?",
        "猫がテーブルの上に座っています。",
        "Die Katze sitzt auf dem Tisch und trinkt die Milch.",
        "El gato está sentado en la mesa y bebe la leche de su plato.",
        "Quando il gatto non c'è i topi ballano sul tavolo della cucina.",
        "Het regent vandaag in Amsterdam en wij blijven thuis.",
    ],
)
def test_text_in_another_language_is_left_out(folder: Path, text: str) -> None:
    write_wav(folder / "other.wav", voiced(120))
    (line,) = said(checked_with(folder, ("other.wav", text)))
    assert line.startswith("metadata.csv:5: other.wav: left out: ")
    assert "spoken" in line or "not look like English" in line


def test_stereo_is_mixed_and_two_people_on_two_channels_are_heard(folder: Path) -> None:
    left = voiced(120)
    right = np.roll(voiced(180), 3_000)
    write_wav(folder / "same.wav", np.stack([left, left], 1))
    write_wav(folder / "two.wav", np.stack([left, right], 1))
    checked = checked_with(folder, ("same.wav", SENTENCE), ("two.wav", SENTENCE))
    lines = [line for line in said(checked) if "another speaker" not in line]
    assert lines == [
        "metadata.csv:5: same.wav: used, but: 2 channels, mixed to one",
        "metadata.csv:6: two.wav: used, but: 2 channels, mixed to one",
        "metadata.csv:6: two.wav: used, but: the levels of the two channels are unrelated, "
        "as with two speakers",
    ]
    assert len(checked.usable) == 6


def test_a_second_speaker_is_named_among_few_and_among_many(folder: Path) -> None:
    good_folder(folder, 10)
    for number in range(6):
        write_wav(folder / f"else{number}.wav", voiced(210 + number, slope=1.4))
    one = checked_with(folder, ("else0.wav", SENTENCE))
    (line,) = said(one)
    assert line.startswith("metadata.csv:11: else0.wav: used, but: sounds like another speaker: pitch 2")
    many = checked_with(folder, *((f"else{number}.wav", SENTENCE) for number in range(1, 6)))
    assert [problem.line for problem in many.problems] == [11, 12, 13, 14, 15, 16]


def test_a_narrow_band_is_measured_and_a_telephone_said(tmp_path: Path) -> None:
    rows = good_folder(tmp_path, 1)
    pcm = voiced(120)
    spectrum = np.fft.rfft(pcm)
    spectrum[int(3_400 * len(pcm) / 24_000) :] = 0
    write_wav(tmp_path / "phone.wav", np.fft.irfft(spectrum, len(pcm)))
    write_table(tmp_path, [*rows, ("phone.wav", SENTENCE)])
    lines = said(check_recordings(tmp_path))
    assert any("phone.wav: used, but: nothing above 34" in line for line in lines)


def test_too_little_is_refused_with_what_was_found() -> None:
    RECIPES["builtin"].require_enough(Path("mine"), 20, 60.0)
    with pytest.raises(LocalError) as refused:
        RECIPES["builtin"].require_enough(Path("mine"), 3, 9.0)
    assert str(refused.value) == (
        "mine: fine-tuning: expected at least 20 usable recordings with 60 s of speech, found 3 with 9 s"
    )
    with pytest.raises(LocalError, match=r"scratch: expected at least 100 .* with 20 min"):
        RECIPES["scratch"].require_enough(Path("mine"), 500, 600.0)


def test_a_table_that_is_not_there_or_not_utf_8_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match=r"metadata\.csv: expected a file with lines of file\|text"):
        check_recordings(tmp_path)
    (tmp_path / "metadata.csv").write_bytes("a|für".encode("latin-1"))
    with pytest.raises(LocalError, match=r"metadata\.csv: expected UTF-8"):
        check_recordings(tmp_path)
