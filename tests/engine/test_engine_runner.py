"""Batched calls, padded shapes and captured graphs: all equal to the whole utterance spoken at once."""

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
from zelitrio.engine.graphs import Call, CaptureRoom, Pending
from zelitrio.engine.lanes import choose_ladder, most_rows
from zelitrio.engine.runner import EncodeRow, Runner, SpeakRow, call_shapes
from zelitrio.engine.timeline import Timeline, lay_out
from zelitrio.networks import PITCH_SCALE
from zelitrio.networks.zeli.acoustic import Prosody
from zelitrio.settings import VoiceSettings
from zelitrio.text import Break, Utterance, Word
from zelitrio.voices import PhoneInputs, phone_inputs

EXACT = 1e-4
WINDOWS = choose_ladder(5, is_wide=True).windows
STEADY = VoiceSettings(stability=1.0)

MakeRunner = Callable[[], Runner]


def exact_shapes() -> Runner:
    return Runner(tiny_model(), torch.device("cpu"), torch.float32, slots=8)


def padded_shapes() -> Runner:
    runner = exact_shapes()
    assert list(runner.prepare(WINDOWS, max_batch=5, max_encode=4, graphs=False)) == []
    return runner


def cuda(dtype: torch.dtype = torch.float32) -> Runner:
    # The last one: where there are more, it is not the thread's current device.
    device = torch.device("cuda", torch.cuda.device_count() - 1)
    return Runner(tiny_model(), device, dtype, slots=8)


def cuda_eager() -> Runner:
    runner = cuda()
    assert list(runner.prepare(WINDOWS, max_batch=5, max_encode=4, graphs=False)) == []
    return runner


def cuda_graphs() -> Runner:
    runner = cuda()
    names = list(runner.prepare(WINDOWS, max_batch=5, max_encode=4, graphs=True))
    assert names[0] == "encode 4x384"
    assert len(names) == len(set(names)) == len(runner._calls)
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


def encoded(runner: Runner, sentences: list[PhoneInputs], slots: list[int]) -> list[Timeline]:
    rows = [
        EncodeRow(slot=slot, inputs=inputs, speaker=0, settings=STEADY, seed=slot)
        for slot, inputs in zip(slots, sentences, strict=True)
    ]
    frames = runner.encode(rows).wait()
    return [lay_out(inputs, frames[at, 0, : len(inputs)], 1.0, 10.0) for at, inputs in enumerate(sentences)]


def predicted(sentence_: PhoneInputs) -> tuple[Tensor, Prosody]:
    return tiny_model().acoustic.encode(
        torch.from_numpy(sentence_.phones)[None],
        torch.from_numpy(sentence_.stresses)[None],
        torch.from_numpy(sentence_.features)[None],
        torch.tensor([0]),
        torch.ones(1, len(sentence_), 1),
    )


def whole(sentence_: PhoneInputs, timeline: Timeline, noise_at: int) -> NDArray[np.float32]:
    """The reference: no runner, no windows, no batch.

    The timeline is the runner's: rounded to frames, durations may differ where theirs hardly do.
    """
    model = tiny_model()
    acoustic = model.acoustic
    lean = np.zeros(timeline.length, np.float32) if timeline.lean is None else timeline.lean
    hidden, prosody = predicted(sentence_)
    mask = torch.ones(1, len(sentence_), 1)
    rows = acoustic.rows(hidden, prosody.pitch[..., 0], prosody.energy[..., 0], mask)
    samples = model.speech_step().whole(
        rows[:, timeline.phones],
        torch.from_numpy(timeline.positions)[None],
        acoustic.speaker_ln_f0[:1, None] + torch.from_numpy(lean),
        torch.ones(1, timeline.length, 1),
        torch.tensor([noise_at]),
    )
    result: NDArray[np.float32] = samples[0].numpy()
    return result


@pytest.mark.parametrize("make_runner", RUNNERS)
@pytest.mark.parametrize("seed", range(2))
def test_random_windows_in_random_company_give_the_whole_utterance(
    make_runner: MakeRunner, seed: int
) -> None:
    random = np.random.default_rng(seed)
    runner = make_runner()
    sentences = [sentence(int(random.integers(1, 12))) for _ in range(4)]
    slots = [int(slot) for slot in random.permutation(8)[:4]]
    timelines = encoded(runner, sentences, slots)
    # Half of them go on from a sentence that was heard at another pitch.
    for at in (0, 2):
        lean = random.normal(0, 0.1, timelines[at].length).astype(np.float32)
        timelines[at] = attrs.evolve(timelines[at], lean=lean)
    noise = [int(random.integers(0, 5000)) for _ in sentences]
    first = [0] * 4
    heard: list[list[NDArray[np.float32]]] = [[] for _ in sentences]
    while any(first[at] < timelines[at].length + runner.lag for at in range(4)):
        window = int(random.choice(WINDOWS))
        speaking = [at for at in range(4) if random.random() < 0.7]
        if not speaking:
            continue
        random.shuffle(speaking)
        speaking = speaking[: most_rows(window, 5)]
        rows = [
            SpeakRow(slot=slots[at], timeline=timelines[at], speaker=0, first=first[at], noise_at=noise[at])
            for at in speaking
        ]
        samples = runner.speak(rows, window).wait()
        for row, at in enumerate(speaking):
            heard[at].append(samples[row].copy())
            first[at] += window
    for at, inputs in enumerate(sentences):
        expected = whole(inputs, timelines[at], noise[at])
        begin = runner.lag * runner.hop_samples
        np.testing.assert_allclose(
            np.concatenate(heard[at])[begin : begin + len(expected)], expected, atol=EXACT
        )


@pytest.mark.parametrize("make_runner", RUNNERS)
def test_durations_and_pitches_are_those_that_the_network_predicts(make_runner: MakeRunner) -> None:
    inputs = sentence(9)
    row = EncodeRow(slot=0, inputs=inputs, speaker=0, settings=STEADY, seed=0)
    frames = make_runner().encode([row]).wait()[0, :, : len(inputs)]
    _, prosody = predicted(inputs)
    np.testing.assert_allclose(frames[0], prosody.duration[0, :, 0].exp().numpy(), rtol=EXACT)
    np.testing.assert_allclose(frames[1], prosody.pitch[0, :, 0].numpy() / PITCH_SCALE, atol=EXACT)


@pytest.mark.parametrize("make_runner", RUNNERS)
def test_two_launches_in_flight_keep_their_own_results(make_runner: MakeRunner) -> None:
    runner = make_runner()
    timelines = encoded(runner, [sentence(8), sentence(5)], [0, 1])
    rows = [
        SpeakRow(slot=slot, timeline=timelines[slot], speaker=0, first=0, noise_at=slot) for slot in (0, 1)
    ]
    apart = [runner.speak([row], 24).wait().copy() for row in rows]
    flying = [runner.speak([row], 24) for row in rows]
    for pending, expected in zip(flying, apart, strict=True):
        np.testing.assert_allclose(pending.wait(), expected, atol=EXACT)


def test_replayed_graphs_speak_as_the_functions_they_were_captured_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    eager, windows, gpu = exact_shapes(), (16, 24), torch.device("cuda", 1)
    assert not list(eager.prepare(windows, max_batch=3, max_encode=3, graphs=False))
    monkeypatch.setattr(graphs_module, "torch", TapedTorch(gpu))
    monkeypatch.setattr(runner_module, "Call", lambda *args: Call(*args[:-1], gpu))
    monkeypatch.setattr(runner_module, "CaptureRoom", lambda device: CaptureRoom(gpu))
    taped = exact_shapes()
    assert len(list(taped.prepare(windows, max_batch=3, max_encode=3, graphs=True))) == len(taped._calls)
    random = np.random.default_rng(0)
    sentences, slots = [sentence(words) for words in (3, 9, 5)], [5, 0, 7]
    timelines = encoded(eager, sentences, slots)
    for mine, theirs in zip(timelines, encoded(taped, sentences, slots), strict=True):
        np.testing.assert_array_equal(mine.phones, theirs.phones)
    first = [0] * 3
    flying: list[tuple[Pending, NDArray[np.float32]]] = []
    for _ in range(15):
        window = int(random.choice(windows))
        speaking = random.permutation(3)[: random.integers(1, 4)]
        rows = [
            SpeakRow(slot=slots[at], timeline=timelines[at], speaker=0, first=first[at], noise_at=int(at))
            for at in speaking
        ]
        expected = eager.speak(rows, window).wait()[: len(rows)].copy()
        flying.append((taped.speak(rows, window), expected))
        for at in speaking:
            first[at] = first[at] + window if first[at] < timelines[at].length else 0
        if len(flying) == 2:  # the one before is waited for when the next was launched
            pending, expected = flying.pop(0)
            np.testing.assert_allclose(pending.wait()[: len(expected)], expected, atol=1e-6)


def test_a_seed_decides_the_variation_and_stability_its_size() -> None:
    runner = exact_shapes()
    inputs = sentence(8)

    def frames(seed: int, stability: float) -> NDArray[np.float32]:
        settings = VoiceSettings(stability=stability)
        row = EncodeRow(slot=0, inputs=inputs, speaker=0, settings=settings, seed=seed)
        return runner.encode([row]).wait()[0, 0].copy()

    steady = frames(1, 1.0)
    assert np.array_equal(frames(2, 1.0), steady)
    assert np.array_equal(frames(1, 0.0), frames(1, 0.0))
    little, much = (np.abs(np.log(frames(1, stability) / steady)).max() for stability in (0.8, 0.0))
    assert 0 < little < much


def test_both_inputs_of_a_call_are_zero_in_one_piece_and_apart() -> None:
    call = Call(lambda integers, reals: reals + integers.sum(), 3, 5, 7, torch.device("cpu"))
    integers, reals = call.inputs()
    assert (integers.shape, reals.shape) == ((3, 5), (3, 7))
    assert not integers.any() and not reals.any()
    assert (reals.ctypes.data - integers.ctypes.data) % 512 == 0
    integers[:], reals[:] = 2, 0.5
    assert (call.launch().wait() == 30.5).all()


def test_no_shape_has_more_frames_than_the_full_batch_of_full_windows() -> None:
    shapes = call_shapes(WINDOWS, 64, 8)
    assert max(rows * length for kind, rows, length in shapes if kind == "speak") == 64 * 64
    assert max(rows for kind, rows, length in shapes if (kind, length) == ("speak", 128)) == 16
    # Every batch that is planned has a shape: also where the most rows are no power of two.
    for most in (1, 5, 6, 48):
        runner = exact_shapes()
        assert not list(runner.prepare(WINDOWS, max_batch=most, max_encode=1, graphs=False))
        for window in WINDOWS:
            for rows in range(1, most_rows(window, most) + 1):
                runner._call("speak", rows, window, (window,))


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_graphs_speak_at_the_same_level(dtype: torch.dtype) -> None:
    levels = []
    for kind in (torch.float32, dtype):
        runner = cuda(kind)
        list(runner.prepare(WINDOWS, max_batch=2, max_encode=2, graphs=True))
        (timeline,) = encoded(runner, [sentence(10)], [0])
        row = SpeakRow(slot=0, timeline=timeline, speaker=0, first=0, noise_at=0)
        levels.append(runner.speak([row], 64).wait().std())
    assert levels[1] == pytest.approx(levels[0], rel=0.1)


@pytest.mark.parametrize("make_runner", RUNNERS[1:])
def test_durations_are_the_same_to_the_last_bit_in_any_company(make_runner: MakeRunner) -> None:
    runner = make_runner()
    sentences = [sentence(words) for words in (3, 5, 7, 9)]
    assert all(runner.fits(len(inputs), len(sentences[0])) for inputs in sentences)
    assert not runner.fits(len(sentences[0]), len(sentence(40)))
    rows = [
        EncodeRow(slot=slot, inputs=inputs, speaker=0, settings=STEADY, seed=1)
        for slot, inputs in enumerate(sentences)
    ]
    together = runner.encode(rows).wait().copy()
    for at, row in enumerate(rows):
        alone = runner.encode([row]).wait()[0]
        np.testing.assert_array_equal(together[at, 0, : len(row.inputs)], alone[0, : len(row.inputs)])
