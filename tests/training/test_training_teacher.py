"""A small run of the built-in voices' recipe: texts, measured speech, a store, a step of each trainer."""

from __future__ import annotations

import time
from pathlib import Path

import attrs
import numpy as np
import orjson
import torch
from safetensors.torch import load_file
from tiny_voice import tiny_fine_model

from zelitrio.networks import FineVocoder, FineVocoderConfig, PitchedAcousticModel, StreamingBlock
from zelitrio.training.recipe.teacher import decoder
from zelitrio.training.recipe.teacher.export import export
from zelitrio.training.recipe.teacher.items import Item
from zelitrio.training.recipe.teacher.narrower import chosen_units, fit_block, second_moments
from zelitrio.training.recipe.teacher.pool import GUIDED, Speech
from zelitrio.training.recipe.teacher.speech import MeasuredSpeech, measure
from zelitrio.training.recipe.teacher.store import SpokenRequest, chunks_with, save_items, save_speech
from zelitrio.training.recipe.teacher.texts import draw_texts, in_turns
from zelitrio.training.recipe.teacher.vocoder import Trainer, VocoderPlan, train
from zelitrio.voices import FEATURES, Voice, frame_positions, load_folder, save_folder, zeli_model

RATE_HZ = 24_000


def sung(f0_hz: float, seconds: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Silence, harmonics of a pitch, silence; and the pitch curve as the teacher gives it."""
    cells = int(seconds * RATE_HZ) // 300
    curve = np.full(cells, f0_hz, np.float32)
    curve[:16] = curve[-16:] = 0.0
    phase = 2 * np.pi * np.cumsum(np.repeat(curve, 300).astype(np.float64)) / RATE_HZ
    loud = np.repeat(curve, 300) > 0
    return (0.1 * sum(np.sin(k * phase) for k in (1, 2, 3)) * loud).astype(np.float32), curve


def measured(f0_hz: float) -> MeasuredSpeech:
    found = measure(*sung(f0_hz))
    assert found is not None
    return found


def test_texts_are_reproducible_and_exclude_the_test_sentences(tmp_path: Path) -> None:
    prose = tmp_path / "prose.txt"
    prose.write_text("\n".join(f"This is line number {number} of some old prose." for number in range(90)))
    texts = draw_texts(prose, 60)
    assert texts == draw_texts(prose, 60)
    asked = [text.text.upper().rstrip(".?!") for text in texts[:5]]
    kept = {text.text for text in draw_texts(prose, 60, left_out=asked)}
    assert not kept & {text.text for text in texts[:5]}


def test_every_voice_says_each_held_out_text_and_one_voice_each_other_text(tmp_path: Path) -> None:
    prose = tmp_path / "prose.txt"
    prose.write_text("\n".join(f"This is line number {number} of some old prose." for number in range(90)))
    texts = [attrs.evolve(text, held_out=at == 3) for at, text in enumerate(draw_texts(prose, 12))]
    spoken = in_turns(texts, 4)
    assert len(spoken) == len(texts) + 3
    assert {voice for text, voice in spoken if text.held_out} == {0, 1, 2, 3}


def test_pitch_phase_and_voicing_are_those_of_the_sound() -> None:
    found = measured(200.0)
    inside = slice(14, found.frames - 20)
    assert found.voiced[inside].all()
    np.testing.assert_allclose(np.exp(found.ln_f0[inside]), 200.0, rtol=1e-4)
    steps = np.diff(found.turns[inside].astype(np.float64)) - 200.0 * 0.01
    assert np.abs(steps - np.round(steps)).max() < 1e-3
    assert found.inside[0] == 0
    assert len(found.pcm) == 240 * found.frames


def test_silence_is_not_speech() -> None:
    assert measure(np.zeros(RATE_HZ, np.float32), np.zeros(80, np.float32)) is None


def test_a_vocoder_takes_steps_on_a_store_that_grows(tmp_path: Path) -> None:
    said = SpokenRequest(request=0, voice=0, speed=1.0, held_out=False)
    save_speech(tmp_path, 0, [said], [measured(200.0)])
    assert chunks_with(tmp_path, "speech") == [0]
    device = torch.device("cpu")
    speech = Speech(tmp_path, 1_000, device)
    assert speech.refresh() == 1
    known = speech.known
    save_speech(tmp_path, 1, [said, attrs.evolve(said, held_out=True)], [measured(150.0), measured(120.0)])
    assert speech.refresh() == 1
    assert speech.known > known
    assert len(speech.held) == 1
    plan = VocoderPlan(seconds=1.0, batch=2, judged=24, critic_channels=1, use_graph=False, bfloat16=False)
    config = FineVocoderConfig(channels=16, blocks=1, part_channels=16, part_blocks=2)
    trainer = Trainer.start(plan, FineVocoder(config), speech, device)
    before = [part.clone() for part in trainer.model.parameters()]
    for step, against_critics in enumerate((False, True)):
        trainer.at(0.5, step, 0)
        trainer.step(against_critics=against_critics)
        assert torch.isfinite(trainer.losses).all()
    assert any(not torch.equal(old, new) for old, new in zip(before, trainer.model.parameters(), strict=True))
    assert set(trainer.look()) == {"val_stft", "val_mel", "val_phase"}


def test_a_run_bounded_by_time_leaves_weights_and_a_log(tmp_path: Path) -> None:
    said = SpokenRequest(request=0, voice=0, speed=1.0, held_out=False)
    both = [said, attrs.evolve(said, held_out=True)]
    save_speech(tmp_path, 0, both, [measured(150.0), measured(120.0)])
    plan = VocoderPlan(
        seconds=2.0,
        batch=1,
        judged=24,
        critic_channels=1,
        alone_share=0.3,
        most_frames=1_000,
        save_s=0.5,
        use_graph=False,
        bfloat16=False,
    )
    config = FineVocoderConfig(channels=16, blocks=1, part_channels=16, part_blocks=2)
    steps = train(tmp_path, tmp_path, plan, config=config, device="cpu", least_frames=1)
    assert steps > 0
    rows = [orjson.loads(line) for line in (tmp_path / "vocoder.jsonl").read_bytes().splitlines()]
    events = [row.get("event") for row in rows]
    assert events[0] == "begin" and events[-2:] == ["saved", "end"]
    assert rows[-1]["step"] == steps
    assert np.isfinite(rows[-2]["val_mel"])
    saved = load_file(tmp_path / "vocoder.safetensors")
    assert all(torch.isfinite(part).all() for part in saved.values())
    assert (tmp_path / "vocoder_critics.safetensors").is_file()


def test_a_narrower_block_equals_the_wide_one_if_units_repeat() -> None:
    torch.manual_seed(3)
    wide, narrow = StreamingBlock(8, 7, 1, 24), StreamingBlock(8, 7, 1, 12)
    with torch.no_grad():
        wide.expand.weight[12:] = wide.expand.weight[:12]
        wide.expand.bias[12:] = wide.expand.bias[:12]
        narrow.load_state_dict({**narrow.state_dict(), **same_shapes(wide, narrow)})
        x, mask = torch.randn(4, 200, 8), torch.ones(4, 200, 1)
        (moment,) = second_moments([wide.contract], lambda: wide.whole(x, mask))
        fit_block(wide, narrow, moment)
        unseen = torch.randn(2, 50, 8)
        torch.testing.assert_close(
            narrow.whole(unseen, mask[:2, :50]), wide.whole(unseen, mask[:2, :50]), atol=2e-3, rtol=0.0
        )


def test_units_without_output_are_removed_first() -> None:
    moment = torch.diag(torch.tensor([4.0, 1e-9, 1.0, 1e-9, 1.0], dtype=torch.float64))
    weight = torch.tensor([[0.1, 5.0, 1.0, 5.0, 0.5]], dtype=torch.float64)
    kept, fitted = chosen_units(weight, moment, 2)
    assert kept.tolist() == [0, 2]
    torch.testing.assert_close(fitted, weight[:, [0, 2, 4]], atol=1e-3, rtol=1e-3)


def same_shapes(wide: torch.nn.Module, narrow: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The weights of `wide` that fit into `narrow`."""
    sizes = {name: part.shape for name, part in narrow.state_dict().items()}
    return {name: part for name, part in wide.state_dict().items() if part.shape == sizes[name]}


def test_a_narrowing_run_writes_a_voice_folder_that_speaks(tmp_path: Path) -> None:
    model = tiny_fine_model()
    before = Voice(voice_id="tiny", name="Tiny", model=model)
    start, speech, out, made = (tmp_path / name for name in ("start", "speech", "out", "made"))
    speech.mkdir()
    out.mkdir()
    save_folder(start, model, [before])
    said = SpokenRequest(request=0, voice=0, speed=1.0, held_out=False)
    both = [said, attrs.evolve(said, held_out=True)]
    save_speech(speech, 0, both, [measured(150.0), measured(120.0)])
    wide = zeli_model(load_folder(start)[0]).vocoder
    assert isinstance(wide, FineVocoder)
    plan = VocoderPlan(
        seconds=2.0, batch=2, judged=24, critic_channels=1, most_frames=1_000, use_graph=False, bfloat16=False
    )
    sizes = attrs.evolve(wide.config, inner=36, part_inner=24)
    train(speech, out, plan, config=sizes, wide=wide, device="cpu", least_frames=1)
    rows = [orjson.loads(line) for line in (out / "vocoder.jsonl").read_bytes().splitlines()]
    first = {row["event"]: row for row in rows if "event" in row}
    # The narrow network begins with the loss of the wide one.
    assert abs(first["narrowed"]["val_mel"] - first["wide"]["val_mel"]) < 0.1 * first["wide"]["val_mel"]
    export(start, out, made)
    (voice,) = load_folder(made)
    narrow = zeli_model(voice).vocoder
    assert narrow.config == sizes
    assert [block.expand.out_features for block in narrow.stacks()[0]] == [36] * sizes.blocks
    assert voice.voice_id == before.voice_id


def item_of(found: MeasuredSpeech) -> Item:
    """An alignment: five tokens of about the same length."""
    durations = np.diff(np.linspace(0, found.frames, 6).astype(np.int64))
    token, positions = frame_positions(durations)
    ones = np.ones(5, np.float32)
    return Item(
        begin=0,
        phones=np.arange(1, 6),
        stresses=np.ones(5, np.int64),
        features=np.zeros((5, FEATURES), np.float32),
        durations=durations,
        pitch=ones * 4 * 5.0,
        voicing=ones,
        energy=ones,
        token=token.astype(np.int16),
        positions=positions.astype(np.float16),
        is_piece=False,
    )


def test_a_narrower_decoder_learns_from_the_wide_one_and_guides_the_vocoder(tmp_path: Path) -> None:
    said = SpokenRequest(request=0, voice=0, speed=1.0, held_out=False)
    spoken = [measured(150.0), measured(120.0)]
    save_speech(tmp_path, 0, [said, attrs.evolve(said, held_out=True)], spoken)
    save_items(tmp_path, 0, [(at, item_of(one)) for at, one in enumerate(spoken)])
    wide = tiny_fine_model().acoustic
    assert isinstance(wide, PitchedAcousticModel)
    plan = decoder.DecoderPlan(batch=2, crop_frames=64, fitted_batches=2, save_s=0.5, use_graph=False)
    ends = time.monotonic() + 2.0
    steps = decoder.train(tmp_path, tmp_path, wide, 36, plan, device="cpu", deadline=ends)
    assert steps > 0
    rows = [orjson.loads(line) for line in (tmp_path / "acoustic.jsonl").read_bytes().splitlines()]
    last = [row for row in rows if row.get("event") == "saved"][-1]
    assert last["val_mel"] < 0.2
    saved = load_file(tmp_path / "acoustic.safetensors")
    assert saved["decoder.0.expand.weight"].shape == (36, 24)
    # The pitch output and everything before it is unchanged.
    torch.testing.assert_close(saved["contour_out.weight"], wide.contour_out.weight.half())
    assert Speech(tmp_path, 1_000, torch.device("cpu")).take_guided(tmp_path / GUIDED)
