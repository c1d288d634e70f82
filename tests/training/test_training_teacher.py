"""The recipe of the built-in voices in small: texts, measured speech, a store, a step of each trainer."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import orjson
import torch
from safetensors.torch import load_file

from zelitrio.networks import FineVocoderConfig
from zelitrio.training.recipe.teacher.pool import Speech
from zelitrio.training.recipe.teacher.speech import Measured, measure
from zelitrio.training.recipe.teacher.store import Said, chunks_with, save_speech
from zelitrio.training.recipe.teacher.texts import draw_texts, in_turns
from zelitrio.training.recipe.teacher.vocoder import Trainer, VocoderPlan, train

RATE_HZ = 24_000


def sung(f0_hz: float, seconds: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Silence, harmonics of a pitch, silence; and the pitch curve as the teacher gives it."""
    cells = int(seconds * RATE_HZ) // 300
    curve = np.full(cells, f0_hz, np.float32)
    curve[:16] = curve[-16:] = 0.0
    phase = 2 * np.pi * np.cumsum(np.repeat(curve, 300).astype(np.float64)) / RATE_HZ
    loud = np.repeat(curve, 300) > 0
    return (0.1 * sum(np.sin(k * phase) for k in (1, 2, 3)) * loud).astype(np.float32), curve


def measured(f0_hz: float) -> Measured:
    found = measure(*sung(f0_hz))
    assert found is not None
    return found


def test_texts_are_the_same_every_time_and_leave_out_what_judges_ask_for(tmp_path: Path) -> None:
    prose = tmp_path / "prose.txt"
    prose.write_text("\n".join(f"This is line number {number} of some old prose." for number in range(90)))
    texts = draw_texts(prose, 60)
    assert texts == draw_texts(prose, 60)
    asked = [text.text.upper().rstrip(".?!") for text in texts[:5]]
    kept = {text.text for text in draw_texts(prose, 60, left_out=asked)}
    assert not kept & {text.text for text in texts[:5]}


def test_every_voice_says_a_held_out_text_and_one_voice_says_any_other(tmp_path: Path) -> None:
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
    said = Said(request=0, voice=0, speed=1.0, held_out=False)
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
    trainer = Trainer.start(plan, config, speech, device)
    before = [part.clone() for part in trainer.model.parameters()]
    for step, against_critics in enumerate((False, True)):
        trainer.at(0.5, step, 0)
        trainer.step(against_critics=against_critics)
        assert torch.isfinite(trainer.losses).all()
    assert any(not torch.equal(old, new) for old, new in zip(before, trainer.model.parameters(), strict=True))
    assert set(trainer.look()) == {"val_stft", "val_mel", "val_phase"}


def test_a_run_bounded_by_time_leaves_weights_and_a_log(tmp_path: Path) -> None:
    said = Said(request=0, voice=0, speed=1.0, held_out=False)
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
