from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

import zelitrio.training
from zelitrio.cli.app import run
from zelitrio.cli.catalogue import load_voices
from zelitrio.cli.training_view import TrainingView
from zelitrio.training import Order


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "metadata.csv").write_text("gone|Hello there.\nempty.wav|\n")
    return folder


@pytest.fixture
def everything_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zelitrio.training, "missing_packages", list)


def test_a_check_names_every_problem_and_says_what_is_missing(
    recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", str(recordings), "--check"]) == 2
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "metadata.csv:1: gone: left out: expected a recording, found no such file",
        "metadata.csv:2: empty.wav: left out: expected a text, found none",
        "0 recordings can be used, 0.0 min of speech; 2 left out, 0 remarks",
    ]
    assert printed.err == (
        f"zelitrio: {recordings}: fine-tuning: expected at least 20 usable recordings with 60 s of speech, "
        "found 0 with 0 s\n"
    )
    assert list(recordings.parent.iterdir()) == [recordings]


def test_packages_that_are_not_installed_are_named_with_how_to_get_them(
    recordings: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(zelitrio.training, "missing_packages", lambda: ["pocketsphinx", "pyworld"])
    assert run(["train", str(recordings), str(recordings.parent / "out")]) == 2
    assert capsys.readouterr().err == (
        "zelitrio: training needs pocketsphinx, pyworld, which cannot be imported: "
        "python -m pip install 'zelitrio[train]'\n"
    )


@pytest.mark.usefixtures("everything_installed")
@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        ((), "OUT: expected a folder for the voice, found none"),
        (
            ("OUT", "--steps", "9", "--minutes", "1"),
            "--steps and --minutes: expected one of them, found both",
        ),
        (("OUT", "--steps", "0"), 'Invalid value "0" for --steps. Must be >= 1.'),
        (("OUT", "--minutes", "-1"), 'Invalid value "-1.0" for --minutes. Must be > 0.'),
        (("OUT", "--threads", "-1"), 'Invalid value "-1" for --threads. Must be >= 0.'),
        (("OUT", "--device", "abacus"), "--device: expected auto or one of cpu"),
        (("OUT", "--voice-id", "a/b"), "--voice-id: expected up to 64 letters, digits, - and _, found 'a/b'"),
        (("OUT", "--voice-id", "zeli-voice-1"), "--voice-id: expected one that is not built in"),
        (("OUT", "more"), "expected RECORDINGS and OUT; left over: more"),
        (("taken",), "or one that zelitrio train wrote, found notes.txt in it"),
        (("taken", "--work", "begun"), "or one that zelitrio train wrote, found notes.txt in it"),
        (("file",), "expected a folder for the voice, found a file"),
    ],
)
def test_a_wrong_flag_or_folder_is_refused_in_one_line(
    recordings: Path,
    flags: tuple[str, ...],
    complaint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(recordings.parent)
    Path("taken").mkdir()
    Path("taken/notes.txt").touch()
    Path("file").touch()
    Path("begun").mkdir()
    Path("begun/plan.json").touch()
    assert run(["train", str(recordings), *flags]) == 2
    assert complaint in capsys.readouterr().err
    assert not Path("OUT").exists()


def test_a_path_that_is_not_a_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", str(tmp_path / "gone"), "--check"]) == 2
    assert capsys.readouterr().err == (
        f"zelitrio: {tmp_path / 'gone'}: expected a folder of recordings, found none\n"
    )


@pytest.mark.usefixtures("everything_installed")
def test_a_stopped_training_exits_as_interrupted(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    orders = []

    def make(order: object, onlooker: TrainingView) -> None:
        orders.append(order)
        onlooker.begin("training: acoustic", 9, stoppable=True)
        os.kill(os.getpid(), signal.SIGINT)
        onlooker.reach(1)
        assert onlooker.stopping
        onlooker.say("stopped at step 1 of 9")

    monkeypatch.setattr(zelitrio.training, "make_voice", make)
    out = tmp_path / "My Voice!"
    assert run(["train", str(recordings), str(out), "--from", "scratch", "--steps", "9"]) == 130
    assert capsys.readouterr().out == "stopped at step 1 of 9\n"
    (order,) = orders
    assert (order.voice_id, order.name, order.steps) == ("My-Voice", "My Voice!", 9)
    assert order.work == tmp_path / "My Voice!.work"
    assert not order.recipe.tuned


@pytest.mark.usefixtures("everything_installed")
def test_training_into_an_existing_voice_works_in_another_folder(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders: list[Order] = []
    monkeypatch.setattr(zelitrio.training, "make_voice", lambda order, view: orders.append(order))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert run(["train", str(recordings), "."]) == 130
    assert (orders[0].voice_id, orders[0].work) == ("here", tmp_path / "here.work")


def stop(view: TrainingView) -> None:
    os.kill(os.getpid(), signal.SIGINT)
    view.reach(2)


def stop_before_the_next(view: TrainingView) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    view.begin("aligning", 5)


def stop_twice(view: TrainingView) -> None:
    view.begin("training: vocoder", 5, stoppable=True)
    os.kill(os.getpid(), signal.SIGINT)
    view.reach(1)
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("act", [stop, stop_before_the_next, stop_twice])
def test_only_resumable_work_waits_for_a_second_signal(
    act: Callable[[TrainingView], None],
) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), TrainingView() as view:
        view.begin("checking", 5)
        act(view)
    assert signal.getsignal(signal.SIGINT) == before


def test_without_a_terminal_progress_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    with TrainingView(clock=lambda: now[0]) as view:
        view.begin("training: vocoder", 100, stoppable=True)
        for step in range(1, 100):
            now[0] += 1.0
            view.reach(step, "mel 0.5")
    assert capsys.readouterr().err.splitlines() == [
        "training: vocoder: 31 of 100 mel 0.5",
        "training: vocoder: 62 of 100 mel 0.5",
        "training: vocoder: 93 of 100 mel 0.5",
    ]


def test_a_folder_of_voice_folders_offers_all_of_them(tmp_path: Path) -> None:
    import attrs
    from tiny_voice import tiny_catalogue

    from zelitrio.voices import save_folder

    for number, voice in enumerate(tiny_catalogue()):
        named = attrs.evolve(voice, voice_id=f"mine-{number}")
        save_folder(tmp_path / f"voice{number}", voice.model, [named])
    assert list(load_voices([tmp_path]).voices)[-2:] == ["mine-0", "mine-1"]
    assert list(load_voices([tmp_path / "voice1"]).voices)[-1:] == ["mine-1"]
