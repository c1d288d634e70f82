"""First audio of the next turn while interrupted turns are still being spoken."""

from __future__ import annotations

import statistics

import attrs
import pytest
from simulated_device import CPU, GPU, Device

from zelitrio.engine.pace import Profile, Tempo
from zelitrio.engine.turns import WindowPlan

TEMPOS = {"cpu": CPU, "gpu": GPU}
NEXT = 99
FRAMES = 3000
PARTS = 8
"""The next turn comes at this many different moments of a step."""


def first_audio_s(device: Device, came_s: float) -> float:
    device.open(NEXT).listener.dry_at_s = came_s
    while NEXT not in device.first_audio_s:
        device.step()
    return device.first_audio_s[NEXT] - came_s


def interrupted(tempo: Tempo, turns: int, *, is_due_later: bool) -> Device:
    """A device that still speaks turns, each interrupted shortly after its start."""
    device = Device(tempo, FRAMES)
    for number in range(turns):
        lane = device.open(number)
        for _ in range(3):
            device.step()
        device.lanes.close_softly(lane, is_due_later=is_due_later)
    return device


@pytest.mark.parametrize("is_due_later", [False, True])
@pytest.mark.parametrize("turns", [1, 2, 8])
@pytest.mark.parametrize("tempo", TEMPOS)
def test_barge_ins_delay_the_next_turn_by_part_of_one_short_step(
    tempo: str, turns: int, is_due_later: bool
) -> None:
    usual_s = first_audio_s(Device(TEMPOS[tempo], FRAMES), 0.0)
    ratios = []
    for steps in range(20):
        for part in range(PARTS):
            device = interrupted(TEMPOS[tempo], turns, is_due_later=is_due_later)
            for _ in range(steps):
                device.step()
            began_s = device.now_s
            assert device.step() is not None
            came_s = began_s + (device.now_s - began_s) * part / PARTS
            ratios.append(first_audio_s(device, came_s) / usual_s)
    assert statistics.mean(ratios) < 1.3 and max(ratios) < 1.6


def test_under_load_a_turn_that_ended_is_spoken_in_long_windows() -> None:
    device = interrupted(CPU, 2, is_due_later=False)
    for profile, least, most in ((Profile.LATENCY, 16, 16), (Profile.THROUGHPUT, 32, 64)):
        device.turns.profile = profile
        for _ in range(20):
            device.step()
        plan = device.step()
        assert isinstance(plan, WindowPlan) and least <= plan.window <= most


def test_a_slow_models_turn_that_ended_does_not_run_dry() -> None:
    """Its shortest window takes longer than the audio lasts."""
    slow = attrs.evolve(CPU, pace=attrs.evolve(CPU.pace, step_s=0.2, frame_s=3e-3))
    device = interrupted(slow, 1, is_due_later=False)
    plans = [device.step() for _ in range(10)]
    assert {plan.window for plan in plans if isinstance(plan, WindowPlan)} == {64}
