"""Batched calls, padded shapes and captured graphs all equal the whole utterance spoken at once."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from taped_cuda import TapedTorch
from tiny_voice import tiny_model
from torch import Tensor

from zelitrio.engine import graphs as graphs_module
from zelitrio.engine import runner as runner_module
from zelitrio.engine.calls import EncodeRow, Frames, SpeakRow
from zelitrio.engine.graphs import Call, CaptureRoom, Column, Pending
from zelitrio.engine.pace import Ladder, choose_ladder
from zelitrio.engine.runner import Runner, call_shapes
from zelitrio.networks import PITCH_SCALE
from zelitrio.networks.zeli.acoustic import Prosody
from zelitrio.settings import VoiceSettings
from zelitrio.text import Break, Utterance, Word
from zelitrio.voices import (
    ZeliModel,
    phone_inputs,
)
from zelitrio.voices.inputs import PhoneInputs

EXACT = 1e-4
MODEL = tiny_model()
LADDER = attrs.evolve(choose_ladder(MODEL.facts, 5, is_wide=True), max_encode=4)
STEADY = VoiceSettings(stability=1.0)

MakeRunner = Callable[[], Runner]


def exact_shapes() -> Runner:
    return Runner(MODEL, torch.device("cpu"), torch.float32, slots=8)


def padded_shapes() -> Runner:
    runner = exact_shapes()
    runner.lay_out(LADDER)
    return runner


def cuda(dtype: torch.dtype = torch.float32, model: ZeliModel = MODEL) -> Runner:
    # The last device is not the thread's current one if there are several.
    device = torch.device("cuda", torch.cuda.device_count() - 1)
    return Runner(model, device, dtype, slots=8)


def cuda_eager() -> Runner:
    runner = cuda()
    runner.lay_out(LADDER)
    return runner


def cuda_graphs() -> Runner:
    runner = cuda_eager()
    names = list(runner.capture())
    assert names[0] == "encode 4x384"
    assert len(names) == len(set(names)) == len(call_shapes(MODEL.facts, LADDER))
    return runner


RUNNERS = [
    exact_shapes,
    padded_shapes,
    pytest.param(cuda_eager, marks=pytest.mark.gpu),
    pytest.param(cuda_graphs, marks=pytest.mark.gpu),
]


@pytest.fixture(autouse=True)
def inference() -> object:
    with torch.inference_mode():
        yield


def sentence(words: int) -> PhoneInputs:
    one = Word("jump", (0, 0), ("JH", "AH1", "M", "P"))
    return phone_inputs(Utterance("", (one,) * (words - 1) + (Word("up", (0, 0), ("AH1", "P"), Break.STOP),)))


def encode_row(
    slot: int, inputs: PhoneInputs, settings: VoiceSettings = STEADY, seed: int = 1, speaker: int = 0
) -> EncodeRow:
    columns = MODEL.columns(inputs, speaker, settings, seed)
    return EncodeRow(slot=slot, tokens=len(inputs), columns=columns)


def encoded(runner: Runner, sentences: list[PhoneInputs], slots: list[int]) -> list[Frames]:
    rows = [encode_row(slot, inputs) for slot, inputs in zip(slots, sentences, strict=True)]
    read = runner.encode(rows).wait()
    found = []
    for at, inputs in enumerate(sentences):
        frames = read[at, 0, : len(inputs)]
        durations = MODEL.durations(inputs, frames, speed=1.0, joins=False, is_cut=False)
        tokens = np.repeat(np.arange(len(durations)), durations)
        found.append(Frames(tokens=tokens, places=MODEL.places(durations)))
    return found


def predicted(sentence_: PhoneInputs) -> tuple[Tensor, Prosody]:
    return tiny_model().acoustic.encode(
        torch.from_numpy(sentence_.phones)[None],
        torch.from_numpy(sentence_.stresses)[None],
        torch.from_numpy(sentence_.features)[None],
        torch.tensor([0]),
        torch.ones(1, len(sentence_), 1),
    )


def whole(sentence_: PhoneInputs, frames: Frames, noise_at: int) -> NDArray[np.float32]:
    """The reference, without runner, windows and batch.

    It uses the runner's timeline, because a small difference in durations can change their rounding.
    """
    model = tiny_model()
    acoustic = model.acoustic
    lean = np.zeros(len(frames), np.float32) if frames.lean is None else frames.lean
    hidden, prosody = predicted(sentence_)
    mask = torch.ones(1, len(sentence_), 1)
    rows = acoustic.rows(hidden, prosody.pitch[..., 0], prosody.energy[..., 0], mask)
    samples = model.speech_step().whole(
        rows[:, frames.tokens],
        torch.from_numpy(frames.places)[None],
        acoustic.speaker_ln_f0[:1, None] + torch.from_numpy(lean),
        torch.ones(1, len(frames), 1),
        torch.tensor([noise_at]),
    )
    result: NDArray[np.float32] = samples[0].numpy()
    return result


@pytest.mark.parametrize("make_runner", RUNNERS)
@pytest.mark.parametrize("seed", range(2))
def test_random_windows_in_random_batches_give_the_whole_utterance(
    make_runner: MakeRunner, seed: int
) -> None:
    random = np.random.default_rng(seed)
    runner = make_runner()
    sentences = [sentence(int(random.integers(1, 12))) for _ in range(4)]
    slots = [int(slot) for slot in random.permutation(8)[:4]]
    timelines = encoded(runner, sentences, slots)
    # Half of them continue a sentence that was spoken at another pitch.
    for at in (0, 2):
        lean = random.normal(0, 0.1, len(timelines[at])).astype(np.float32)
        timelines[at] = attrs.evolve(timelines[at], lean=lean)
    noise = [int(random.integers(0, 5000)) for _ in sentences]
    first = [0] * 4
    heard: list[list[NDArray[np.float32]]] = [[] for _ in sentences]
    while any(first[at] < len(timelines[at]) + runner.facts.lag for at in range(4)):
        window = int(random.choice(LADDER.windows))
        speaking = [at for at in range(4) if random.random() < 0.7]
        if not speaking:
            continue
        random.shuffle(speaking)
        speaking = speaking[: LADDER.rows(window)]
        rows = [
            SpeakRow(slot=slots[at], frames=timelines[at], first=first[at], noise_at=noise[at])
            for at in speaking
        ]
        samples = runner.speak(rows, window).wait()
        for row, at in enumerate(speaking):
            heard[at].append(samples[row].copy())
            first[at] += window
    for at, inputs in enumerate(sentences):
        expected = whole(inputs, timelines[at], noise[at])
        begin = runner.facts.lag * runner.facts.hop_samples
        np.testing.assert_allclose(
            np.concatenate(heard[at])[begin : begin + len(expected)], expected, atol=EXACT
        )


@pytest.mark.parametrize("make_runner", RUNNERS)
def test_durations_and_pitches_are_those_that_the_network_predicts(make_runner: MakeRunner) -> None:
    inputs = sentence(9)
    row = encode_row(0, inputs)
    frames = make_runner().encode([row]).wait()[0, :, : len(inputs)]
    _, prosody = predicted(inputs)
    np.testing.assert_allclose(frames[0], prosody.duration[0, :, 0].exp().numpy(), rtol=EXACT)
    np.testing.assert_allclose(frames[1], prosody.pitch[0, :, 0].numpy() / PITCH_SCALE, atol=EXACT)


@pytest.mark.parametrize("make_runner", RUNNERS)
def test_two_launches_in_flight_keep_their_own_results(make_runner: MakeRunner) -> None:
    runner = make_runner()
    timelines = encoded(runner, [sentence(8), sentence(5)], [0, 1])
    rows = [SpeakRow(slot=slot, frames=timelines[slot], first=0, noise_at=slot) for slot in (0, 1)]
    apart = [runner.speak([row], 16).wait().copy() for row in rows]
    flying = [runner.speak([row], 16) for row in rows]
    for pending, expected in zip(flying, apart, strict=True):
        np.testing.assert_allclose(pending.wait(), expected, atol=EXACT)


def test_replayed_graphs_speak_as_the_functions_they_were_captured_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    windows, gpu = (16, 24), torch.device("cuda", 1)
    ladder = Ladder(first=24, following=(16,), max_batch=3, max_encode=3)
    eager = exact_shapes()
    eager.lay_out(ladder)
    monkeypatch.setattr(graphs_module, "torch", TapedTorch(gpu))
    monkeypatch.setattr(runner_module, "Call", lambda *args: Call(*args[:-1], gpu))
    monkeypatch.setattr(runner_module, "CaptureRoom", lambda device: CaptureRoom(gpu))
    monkeypatch.setattr("zelitrio.networks.zeli.streaming.is_readable", lambda tensor: False)
    taped = exact_shapes()
    taped.lay_out(ladder)
    assert len(list(taped.capture())) == len(call_shapes(MODEL.facts, ladder))
    random = np.random.default_rng(0)
    sentences, slots = [sentence(words) for words in (3, 9, 5)], [5, 0, 7]
    timelines = encoded(eager, sentences, slots)
    for mine, theirs in zip(timelines, encoded(taped, sentences, slots), strict=True):
        np.testing.assert_array_equal(mine.tokens, theirs.tokens)
    first = [0] * 3
    flying: list[tuple[Pending, NDArray[np.float32]]] = []
    for _ in range(15):
        window = int(random.choice(windows))
        speaking = random.permutation(3)[: random.integers(1, 4)]
        rows = [
            SpeakRow(slot=slots[at], frames=timelines[at], first=first[at], noise_at=int(at))
            for at in speaking
        ]
        expected = eager.speak(rows, window).wait()[: len(rows)].copy()
        flying.append((taped.speak(rows, window), expected))
        for at in speaking:
            first[at] = first[at] + window if first[at] < len(timelines[at]) else 0
        if len(flying) == 2:  # wait for a step after the next one is launched
            pending, expected = flying.pop(0)
            np.testing.assert_allclose(pending.wait()[: len(expected)], expected, atol=1e-6)


def test_a_seed_decides_the_variation_and_stability_its_size() -> None:
    runner = exact_shapes()
    inputs = sentence(8)

    def frames(seed: int, stability: float) -> NDArray[np.float32]:
        settings = VoiceSettings(stability=stability)
        row = encode_row(0, inputs, settings, seed)
        return runner.encode([row]).wait()[0, 0].copy()

    steady = frames(1, 1.0)
    assert np.array_equal(frames(2, 1.0), steady)
    assert np.array_equal(frames(1, 0.0), frames(1, 0.0))
    little, much = (np.abs(np.log(frames(1, stability) / steady)).max() for stability in (0.8, 0.0))
    assert 0 < little < much


def test_the_inputs_of_a_call_are_zero_before_each_launch_apart_and_in_one_piece() -> None:
    columns = {
        "few": Column((5,), is_integer=True),
        "none": Column((0,)),
        "one": Column(),
        "grid": Column((7, 2)),
    }
    call = Call(
        lambda inputs: inputs["grid"].flatten(1) + inputs["few"].sum() + inputs["one"].sum(),
        3,
        columns,
        torch.device("cpu"),
    )
    for _ in range(2):
        arrays = call.inputs()
        shapes = {name: array.shape for name, array in arrays.items()}
        assert shapes == {"few": (3, 5), "none": (3, 0), "one": (3,), "grid": (3, 7, 2)}
        assert not any(array.any() for array in arrays.values())
        assert all(array.ctypes.data % 8 == 0 for array in arrays.values())
        arrays["few"][:], arrays["one"][:], arrays["grid"][:] = 2, 1.0, 0.5
        assert (call.launch().wait() == 33.5).all()


def test_no_shape_has_more_frames_than_the_full_batch_of_full_windows() -> None:
    ladder = choose_ladder(MODEL.facts, 64, is_wide=True)
    shapes = call_shapes(MODEL.facts, ladder)
    assert max(rows * length for kind, rows, length in shapes if kind == "speak") == 64 * 64
    assert max(rows for kind, rows, length in shapes if (kind, length) == ("speak", 128)) == 16


@pytest.mark.parametrize("most", [1, 5, 6, 48])
def test_every_batch_that_is_planned_has_a_shape(most: int) -> None:
    # The largest number of rows need not be a power of two.
    ladder = choose_ladder(MODEL.facts, most, is_wide=True)
    shapes = set(call_shapes(MODEL.facts, ladder))
    for window in ladder.windows:
        most_laid_out = max(rows for kind, rows, length in shapes if (kind, length) == ("speak", window))
        assert most_laid_out >= ladder.rows(window)


def test_an_utterance_longer_than_the_model_reads_is_refused() -> None:
    for runner in (exact_shapes(), padded_shapes()):
        with pytest.raises(ValueError, match="expected at most 384, found 5"):
            runner.encode([encode_row(0, sentence(130))])


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_graphs_speak_at_the_same_level(dtype: torch.dtype) -> None:
    levels = []
    for kind in (torch.float32, dtype):
        runner = cuda(kind)
        runner.lay_out(attrs.evolve(LADDER, max_batch=2, max_encode=2))
        list(runner.capture())
        (timeline,) = encoded(runner, [sentence(10)], [0])
        row = SpeakRow(slot=0, frames=timeline, first=0, noise_at=0)
        levels.append(runner.speak([row], 64).wait().std())
    assert levels[1] == pytest.approx(levels[0], rel=0.1)


@pytest.mark.parametrize("make_runner", RUNNERS[1:])
def test_durations_are_bitwise_equal_in_any_batch(make_runner: MakeRunner) -> None:
    runner = make_runner()
    sentences = [sentence(words) for words in (3, 5, 7, 9)]
    assert all(runner.fits(len(inputs), len(sentences[0])) for inputs in sentences)
    assert not runner.fits(len(sentences[0]), len(sentence(40)))
    rows = [encode_row(slot, inputs) for slot, inputs in enumerate(sentences)]
    together = runner.encode(rows).wait().copy()
    for at, row in enumerate(rows):
        alone = runner.encode([row]).wait()[0]
        np.testing.assert_array_equal(together[at, 0, : row.tokens], alone[0, : row.tokens])
