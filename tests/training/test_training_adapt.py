from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest
import torch
from tiny_corpus import FRAMES, make_work
from tiny_voice import tiny_fine_model, tiny_model

from zelitrio.errors import LocalError
from zelitrio.networks import normalise_mel
from zelitrio.training.acoustic_data import AcousticData
from zelitrio.training.adapt import begin_from, misfits, nearest_speaker, turns_to_pulses
from zelitrio.training.features import log_mel
from zelitrio.training.loop import load_checkpoint
from zelitrio.training.shards import Entry, open_shard, write_shard
from zelitrio.training.work_plan import WorkPlan
from zelitrio.voices import ZeliModel, load_builtin, zeli_model

MODELS = pytest.mark.parametrize("model", [tiny_model(), tiny_fine_model()], ids=["first format", "parts"])


@MODELS
def test_a_vocoder_that_continues_training_uses_the_given_pitch(model: ZeliModel, tmp_path: Path) -> None:
    assert model.vocoder.config.jitter_cents > 0
    _, vocoder = begin_from(model, 0, "me", tmp_path)
    state = load_checkpoint(vocoder)
    assert state is not None
    assert state["config"]["jitter_cents"] == 0


@MODELS
def test_both_kinds_of_model_are_compared_with_recordings(model: ZeliModel, tmp_path: Path) -> None:
    data = AcousticData(make_work(tmp_path, ("kathleen",)), ["kathleen"], report=lambda line: None)
    assert nearest_speaker(model, data) in (0, 1)
    # The recordings have the same text, so none is far from it compared with the others.
    assert misfits(model, 0, data, lambda number: None) == []


@pytest.mark.slow
def test_pulses_are_placed_where_the_vocoder_expects_them(tmp_path: Path) -> None:
    model, by = zeli_model(load_builtin().default), 0.25
    shard = open_shard(make_work(tmp_path, ("kathleen",)) / "features" / "kathleen")
    f0 = np.full(FRAMES, 200.0, np.float32)
    turns = (np.arange(FRAMES) * 2.0) % 1.0  # two pulses in each frame
    with torch.no_grad():
        made = model.vocoder(
            normalise_mel(torch.from_numpy(np.asarray(shard.mel[:FRAMES], np.float32)))[None],
            torch.from_numpy(np.log(f0))[None],
            torch.ones(1, FRAMES),
            torch.ones(1, FRAMES, 1),
            torch.zeros(1, dtype=torch.int64),
            torch.from_numpy(turns)[None],
        )[0]
        mel = log_mel(made[None])[0].T.numpy().astype(np.float16)
    pulses = np.column_stack((np.log(f0), (turns - by) % 1.0)).astype(np.float32)
    pcm = np.round(made.clamp(-1.0, 1.0).numpy() * 32767).astype(np.int16)
    work = tmp_path / "made"
    write_shard(
        work / "features" / "speaker", [Entry("a", "", 0, FRAMES, False)], [pcm], [mel], [f0], [pulses]
    )
    assert turns_to_pulses(model, work) == pytest.approx(by, abs=0.05)


def test_work_begun_from_the_voices_of_an_earlier_version_is_refused(tmp_path: Path) -> None:
    kept = {"recordings": "these", "tuned": True, "nearest": 2, "acoustic_steps": 9, "vocoder_steps": 6}
    path = tmp_path / "plan.json"
    path.write_bytes(orjson.dumps(kept))
    with pytest.raises(LocalError, match=r"found work of an earlier version: give another --work"):
        WorkPlan.at(path, "these", tuned=True)
    path.write_bytes(orjson.dumps({**kept, "nearest": None}))
    assert WorkPlan.at(path, "these", tuned=True).turned == 0.0
