from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import numpy as np
import pytest
from recorded import SPOKEN, spoken_folder, write_wav

from zelitrio.errors import LocalError
from zelitrio.text import load_front_end
from zelitrio.training import RECIPES, Order, Speaker, make_voice
from zelitrio.training.acoustic_training import AcousticPlan
from zelitrio.training.curves import read_log
from zelitrio.training.features import HOP_SAMPLES
from zelitrio.training.hearing import SpeechScores
from zelitrio.training.order import Recipe
from zelitrio.training.shards import open_shard
from zelitrio.training.sound_facts import median_pitch_hz
from zelitrio.training.speaking import speak
from zelitrio.training.user_training import _TIMED_STEPS, _timed
from zelitrio.training.user_voice import MadeVoice
from zelitrio.training.vocoder_training import VocoderPlan
from zelitrio.voices import load_folder

RECIPE = Recipe(
    tuned=True,
    recordings=5,
    speech_s=5.0,
    acoustic=AcousticPlan(steps=3, batch=2, crop_frames=60, checkpoint_s=1e9),
    vocoder=VocoderPlan(steps=2, batch=1, checkpoint_s=1e9, held_out_batches=1),
)


@attrs.define(eq=False)
class Listener:
    """Records the messages, and stops a training at a given step."""

    stop_in: str = ""
    stop_at: int = 0
    stopping: bool = False
    lines: list[str] = attrs.field(factory=list)
    begun: list[str] = attrs.field(factory=list)
    steps: list[tuple[str, int]] = attrs.field(factory=list)

    def say(self, line: str) -> None:
        self.lines.append(line)

    def begin(self, what: str, total: int, *, stoppable: bool = False) -> None:
        self.begun.append(what)

    def reach(self, done: int, note: str = "") -> None:
        self.steps.append((self.begun[-1], done))
        self.stopping = self.steps[-1] == (self.stop_in, self.stop_at)


def steady_pitch(pcm: np.ndarray, speaker: Speaker) -> np.ndarray:
    """One pitch for a whole utterance, because pyworld, which measures it, has no wheel for some
    platforms."""
    frames = len(pcm) // HOP_SAMPLES
    level = np.square(pcm[: frames * HOP_SAMPLES].reshape(frames, HOP_SAMPLES)).mean(1)
    return np.where(level > 1e-4, median_pitch_hz(pcm), 0.0).astype(np.float32)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("recordings")
    spoken_folder(folder)
    write_wav(folder / "0.wav", np.zeros(24_000, np.float32))
    table = folder / "metadata.csv"
    table.write_text(table.read_text().replace(SPOKEN[2], "Many a summer rain had fallen on the roof."))
    yield folder


def order_of(recordings: Path, out: Path, recipe: Recipe = RECIPE) -> Order:
    return Order(
        recordings=recordings,
        out=out,
        work=out.with_name("work"),
        voice_id="mine",
        name="Mine",
        recipe=recipe,
        measure=steady_pitch,
        listen=lambda spoken: SpeechScores(len(spoken), 0.25, None, None),
    )


def check_made(made: MadeVoice | None, out: Path) -> None:
    assert made is not None
    assert made.size_bytes == (out / "weights.safetensors").stat().st_size
    (voice,) = load_folder(out)
    assert (voice.voice_id, voice.name, voice.category) == ("mine", "Mine", "cloned")
    assert voice.model.acoustic.config.speakers == 1
    assert len(speak(voice, load_front_end().utterance("Hello."))) > 240
    card = (out / "MODEL_CARD.md").read_text()
    assert all(line in card for line in made.verdict.lines())


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_voice_is_tuned_stopped_continued_and_offered(recordings: Path, tmp_path: Path) -> None:
    order = order_of(recordings, tmp_path / "out")
    first = Listener("training: acoustic", 1)
    assert make_voice(order, first) is None
    assert first.lines[0] == "metadata.csv:1: 0: left out: silent: its peak is 0.0000"
    assert first.lines[2].startswith("metadata.csv:3: 2: left out: its text ")
    assert first.lines[-1] == "stopped at step 1 of 3; the same command continues there"
    assert not (tmp_path / "out").exists()

    second = Listener()
    made = make_voice(order, second)
    check_made(made, tmp_path / "out")
    assert [step for what, step in second.steps if what == "training: acoustic"] == [2, 3]
    assert not any(what == "training: vocoder" for what, _ in second.steps)
    assert made is not None and made.verdict.held_out == 2
    assert "word error, pocketsphinx: the voice 25.0% of 14 words, the recordings 25.0% of 2" in (
        made.verdict.lines()
    )
    assert made.verdict.pitch_hz == pytest.approx(190, abs=25)
    # Eight are in the table; one is silent and one says another text.
    assert "of 6 recordings" in (tmp_path / "out" / "MODEL_CARD.md").read_text()

    work = tmp_path / "work"
    shard = open_shard(work / "features" / "speaker")
    assert [entry.name for entry in shard.entries] == [f"{n + 1:05d}_{n}" for n in range(1, len(SPOKEN))]
    assert shard.facts.band_hz > 8_000
    assert "val_mel" in read_log(work / "runs" / "acoustic")[-1]
    assert (work / "losses.png").read_bytes().startswith(b"\x89PNG")
    assert {path.name for path in (work / "samples").iterdir()} == {
        "vocoder_000002.wav",
        "voice_000003_1.wav",
        "voice_000003_2.wav",
    }

    with pytest.raises(LocalError, match="found work from builtin"):
        make_voice(attrs.evolve(order, recipe=attrs.evolve(RECIPE, tuned=False)), Listener())


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_voice_can_be_trained_from_scratch_for_given_minutes(recordings: Path, tmp_path: Path) -> None:
    recipe = attrs.evolve(RECIPE, tuned=False)
    order = attrs.evolve(order_of(recordings, tmp_path / "out", recipe), minutes=0.01)
    check_made(make_voice(order, Listener()), tmp_path / "out")


def test_work_on_other_recordings_is_refused(recordings: Path, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "plan.json").write_text('{"recordings": "others", "tuned": true}')
    with pytest.raises(LocalError, match="expected work on these recordings, found work on others"):
        make_voice(order_of(recordings, tmp_path / "out"), Listener())


def test_too_few_recordings_are_refused_before_anything_is_made(recordings: Path, tmp_path: Path) -> None:
    recipe = attrs.evolve(RECIPE, recordings=8)
    with pytest.raises(LocalError, match=r"expected at least 8 usable recordings .* found 7"):
        make_voice(order_of(recordings, tmp_path / "out", recipe), Listener())
    assert not (tmp_path / "work").exists()


def test_a_folder_of_something_else_is_refused_also_with_old_work(recordings: Path, tmp_path: Path) -> None:
    for folder, name in (("out", "notes.txt"), ("work", "plan.json")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).touch()
    listener = Listener()
    with pytest.raises(LocalError, match=r"or one that zelitrio train wrote, found notes\.txt in it"):
        make_voice(order_of(recordings, tmp_path / "out"), listener)
    assert not listener.begun


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_a_machine_is_timed_with_the_critic_as_often_as_in_training(recipe: Recipe) -> None:
    timed = _timed(recipe)
    counted = range(1, _TIMED_STEPS)
    with_critic = sum(step >= timed.acoustic.critic_from for step in counted) / len(counted)
    assert with_critic == pytest.approx(1.0 - recipe.acoustic.plain_share, abs=0.05)
    assert min(timed.acoustic.steps, timed.vocoder.steps) > _TIMED_STEPS


def test_both_networks_get_their_share_of_the_steps() -> None:
    twice = RECIPE.of_steps(6)
    assert (twice.acoustic.steps, twice.vocoder.steps) == (6, 4)
    assert RECIPE.of_steps(1).vocoder.steps == 1
