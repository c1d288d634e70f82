"""New streams do not make accepted ones run dry: a virtual device with scripted step times."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest
from virtual_device import VirtualBox, tempo_of

from zelitrio.engine.admission import Admission
from zelitrio.errors import CapacityError

SPEECH_S = 6.0
SCRIPTS: dict[str, Callable[[float], float]] = {
    "as measured": lambda now_s: 1.0,
    "measured on an idle machine": lambda now_s: 2.0,
    "slower and slower": lambda now_s: 1.0 + now_s / 40,
    "another program comes and goes": lambda now_s: 1.8 if 20 < now_s < 40 else 1.0,
}


def filling_rate(is_wide: bool) -> float:
    """Arrivals a second that fill the device."""
    return tempo_of(is_wide=is_wide).real_time_streams / SPEECH_S


@pytest.mark.parametrize("is_paced", [True, False], ids=["paced", "greedy"])
@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("is_wide", [False, True], ids=["cpu", "gpu"])
def test_no_accepted_stream_runs_dry_however_many_come(script: str, is_wide: bool, is_paced: bool) -> None:
    slowness = SCRIPTS[script]
    tempo = tempo_of(is_wide=is_wide)
    seconds = 15.0 if is_wide else 60.0
    box = VirtualBox(
        tempo,
        slowness=slowness,
        rate=1.5 * filling_rate(is_wide),
        seconds=seconds,
        speech_s=SPEECH_S,
        is_paced=is_paced,
    )
    box.run()
    assert len(box.ended) > 50 and box.refused > 50
    assert max(listener.dry_s for listener in box.ended) < 0.02


@pytest.mark.parametrize("is_wide", [False, True], ids=["cpu", "gpu"])
def test_a_device_that_is_fast_enough_refuses_no_stream(is_wide: bool) -> None:
    rate = 0.25 * filling_rate(is_wide)
    box = VirtualBox(
        tempo_of(is_wide=is_wide), slowness=lambda now_s: 1.0, rate=rate, seconds=30.0, speech_s=SPEECH_S
    )
    box.run()
    assert len(box.ended) > 10 and not box.refused


@pytest.mark.parametrize("is_wide", [False, True], ids=["cpu", "gpu"])
def test_capacity_returns_when_the_device_does(is_wide: bool) -> None:
    box = VirtualBox(
        tempo_of(is_wide=is_wide),
        slowness=lambda now_s: 3.0 if now_s < 15 else 1.0,
        rate=1.5 * filling_rate(is_wide),
        seconds=40.0 if is_wide else 60.0,
        speech_s=SPEECH_S,
    )
    box.run()
    slow = [capacity for at_s, capacity in box.capacities if 10 < at_s < 15]
    fast = [capacity for at_s, capacity in box.capacities if at_s > 30]
    assert max(slow) < min(fast)


def test_a_stream_that_was_opened_and_not_fed_holds_its_place_for_a_while() -> None:
    tempo = tempo_of(is_wide=False)
    admission = Admission(100)
    for number in range(admission.capacity(tempo, 1.0)):
        admission.make_room(tempo, 1.0, 0.0)
        admission.enter(number, tempo, 0.0).has_audio = True
    with pytest.raises(CapacityError, match="as many as this device can feed"):
        admission.make_room(tempo, 1.0, 1.0)
    admission.make_room(tempo, 1.0, 10.0)
    assert admission.speaking == 0


def test_streams_of_several_models_take_what_each_of_them_costs() -> None:
    quick, slow = tempo_of(is_wide=False), tempo_of(is_wide=False)
    slow = attrs.evolve(slow, pace=attrs.evolve(slow.pace, frames_per_s=slow.pace.frames_per_s / 10))
    admission = Admission(100)
    for number in range(2):
        member = admission.enter(number, slow, 0.0)
        member.is_speaking = member.has_audio = True
    most = admission.capacity(quick, 1.0)
    taken = 2
    for _ in range(most):
        try:
            admission.make_room(quick, 1.0, 0.0)
        except CapacityError:
            break
        member = admission.enter(taken, quick, 0.0)
        member.is_speaking = member.has_audio = True
        taken += 1
    assert 0 < taken - 2 < most - 15


def test_new_streams_are_refused_while_those_before_them_wait_too_long() -> None:
    tempo = tempo_of(is_wide=False)
    admission = Admission(100)
    with pytest.raises(CapacityError, match="wait for their first audio"):
        for number in range(100):
            admission.make_room(tempo, 1.0, 0.0)
            admission.enter(number, tempo, 0.0).is_speaking = True
    assert 1 < len(admission) < admission.capacity(tempo, 1.0)


def test_a_stream_whose_client_went_on_to_other_speech_takes_no_place() -> None:
    tempo = tempo_of(is_wide=False)
    admission, number = Admission(1000), 0
    members = []
    with pytest.raises(CapacityError):
        while True:
            admission.make_room(tempo, 1.0, 0.0)
            member = admission.enter(number, tempo, 0.0)
            member.is_speaking = member.was_fed = member.has_audio = True
            members.append(member)
            number += 1
    members[0].is_abandoned = True
    admission.make_room(tempo, 1.0, 0.0)


def test_an_abandoned_stream_leaves_only_for_a_stream_that_is_accepted() -> None:
    tempo = tempo_of(is_wide=False)
    most = Admission(1).capacity(tempo, 1.0)
    admission = Admission(most + 1)
    for number in range(most + 1):
        member = admission.enter(number, tempo, 0.0)
        member.is_speaking = member.was_fed = member.has_audio = True
    with pytest.raises(CapacityError, match="all are in use"):
        admission.make_room(tempo, 1.0, 0.0)
    member.is_abandoned = True
    with pytest.raises(CapacityError, match="as many as this device can feed"):
        admission.make_room(tempo, 1.0, 0.0)
    assert len(admission) == most + 1
    assert admission.make_room(tempo, 0.5, 0.0) == most
    assert len(admission) == most
