"""The order of streams, with a simulated device and clock."""

from __future__ import annotations

import random

import attrs
import pytest
from simulated_device import CPU, FACTS, GPU, Device, streams

from zelitrio.engine.lanes import CLOSING_DELAY_S, Lane, Lanes
from zelitrio.engine.pace import Ladder, Pace, Profile, Tempo, choose_ladder
from zelitrio.engine.turns import PATIENCE_S, EncodePlan, Turns, WindowPlan


def has_begun(lane: Lane) -> bool:
    """Whether a window of the lane was spoken."""
    return lane.current is not None and lane.current.position > 0


def test_nothing_to_do_is_no_plan() -> None:
    device = Device()
    assert device.plan() is None
    device.lanes.open(1, 0)
    assert device.plan() is None


def test_a_new_stream_goes_before_streams_with_audio() -> None:
    device = Device()
    device.open(1)
    for _ in range(6):
        device.step()
    device.open(2)
    plan = device.step()
    assert isinstance(plan, EncodePlan)
    assert streams(plan) == [2]
    plan = device.step()
    assert isinstance(plan, WindowPlan)
    assert (streams(plan), plan.window) == ([2], Ladder().first)


def test_the_stream_with_the_smallest_lead_goes_first() -> None:
    device = Device()
    near, far = device.open(1), device.open(2)
    while not (has_begun(near) and has_begun(far)):
        device.step()
    near.listener.dry_at_s, far.listener.dry_at_s = device.now_s + 0.2, device.now_s + 0.9
    assert streams(device.step())[0] == 1


@pytest.mark.parametrize("profile", Profile)
def test_many_new_streams_do_not_run_dry_after_their_first_window(profile: Profile) -> None:
    device = Device(frames=400)
    device.turns.profile = profile
    for lane in [device.open(stream) for stream in range(8, 20)]:
        lane.listener.is_silent, lane.listener.dry_at_s = False, 2.0
    for stream in range(8):
        device.open(stream)
    second_s: dict[int, float] = {}
    while len(second_s) < 8:
        device.step()
        for stream, first_s in device.first_audio_s.items():
            if device.given_s[stream] > 0.08:
                second_s.setdefault(stream, device.now_s - first_s)
    # A codec can hold back 35 of the 80 ms of a first window.
    assert max(second_s.values()) < 0.040
    # A stream waits for at most one encode and two windows of earlier streams.
    assert max(device.first_audio_s.values()) < 8 * 0.015


def test_windows_grow_with_the_lead() -> None:
    device = Device(frames=400)
    lane = device.open(1)
    windows = []
    while lane.has_work:
        plan = device.step()
        if isinstance(plan, WindowPlan):
            windows.append(plan.window)
    assert windows[0] == Ladder().first
    assert windows == [windows[0], *sorted(windows[1:])]
    assert windows[-1] == max(Ladder().following)


def test_a_slow_models_stream_catches_up_instead_of_speaking_windows_that_take_longer_than_they_last() -> (
    None
):
    slow = Tempo(
        pace=Pace(frame_s=0.0125, step_s=0.1, is_wide=False, frames_per_s=60),
        ladder=Ladder(first=3, following=(6, 13, 26), full=26),
        lag=0,
        hop_s=0.025,
    )
    device = Device(slow, frames=400)
    lane = device.open(1)
    windows = []
    while lane.has_work:
        plan = device.step()
        if isinstance(plan, WindowPlan):
            windows.append(plan.window)
    assert 6 not in windows
    assert windows[-1] == 26


@pytest.mark.parametrize("frame_s", [5e-4, 4e-3])
@pytest.mark.parametrize("profile", list(Profile))
def test_on_a_cpu_a_window_longer_than_full_is_for_load_and_for_models_that_are_done_with_it_soon(
    profile: Profile, frame_s: float
) -> None:
    pace = Pace(frame_s=frame_s, step_s=1e-3, is_wide=False, frames_per_s=1 / frame_s)
    ladder = Ladder(first=8, following=(14, 28, 55, 110), full=55)
    device = Device(Tempo(pace=pace, ladder=ladder, lag=0, hop_s=256 / 22_050), frames=2000)
    device.turns.profile = profile
    lane = device.open(1)
    windows = set[int]()
    while lane.has_work:
        plan = device.step()
        if isinstance(plan, WindowPlan):
            windows.add(plan.window)
    is_soon = 110 * frame_s < PATIENCE_S
    assert (110 in windows) == (profile is Profile.THROUGHPUT and is_soon)
    assert 55 in windows


def test_a_stream_without_credit_is_passed_over_and_costs_the_others_nothing() -> None:
    device = Device()
    slow, quick = device.open(1, credit_s=0.1), device.open(2)
    while quick.has_work:
        device.step()
    assert slow.has_work
    assert device.given_s[1] < 0.1 + 0.64  # never more than one window past its credit
    assert device.plan() is None
    device.lanes.credit(slow, 10.0)
    assert streams(device.step()) == [1]


def test_open_streams_go_before_closing_ones() -> None:
    device = Device()
    device.open(1, closing=True)
    device.now_s += 1.0  # the closing one has waited longer
    device.open(2)
    assert streams(device.step()) == [2]


def test_a_closing_stream_waits_no_longer_than_its_delay_and_the_work_before_it() -> None:
    device = Device()
    closing = device.open(0, closing=True)
    number = 0
    while closing.stream not in device.first_audio_s:
        number += 1
        if number % 2:  # open streams keep coming, faster than they can be served
            device.open(number)
        device.step()
        assert device.now_s < 3 * CLOSING_DELAY_S, "a closing stream was passed over for ever"


def test_a_closed_stream_is_in_no_later_plan_and_its_slot_is_used_again() -> None:
    device = Device()
    lane = device.open(1)
    device.step()
    device.lanes.close(lane)
    assert device.plan() is None
    assert device.lanes.find(1) is None
    assert device.open(2).slot == lane.slot


def test_on_a_cpu_an_urgent_stream_does_not_wait_for_a_batch() -> None:
    device = Device(frames=1000)
    for stream in range(4):
        device.open(stream)
    for _ in range(40):
        device.step()
    device.open(9)
    device.step()
    assert streams(device.step()) == [9]


def test_on_a_gpu_every_ready_stream_joins_the_batch() -> None:
    device = Device(GPU, frames=1000)
    for stream in range(6):
        device.open(stream)
    for _ in range(6):
        device.step()
    plan = device.plan()
    assert isinstance(plan, WindowPlan)
    assert len(plan.lanes) == 6


def with_audio(device: Device, count: int, lead_s: float = 1.0) -> list[Lane]:
    """Open `count` streams with audio that waits at the listener."""
    lanes = [device.open(stream) for stream in range(count)]
    while not all(has_begun(lane) for lane in lanes):
        device.step()
    for lane in lanes:
        lane.listener.dry_at_s = device.now_s + lead_s
    return lanes


def test_on_a_gpu_steps_of_a_new_stream_include_only_urgent_streams() -> None:
    device = Device(GPU, frames=1000)
    near = with_audio(device, 6)[4]
    device.open(9)
    assert streams(device.step()) == [9]  # its chunk is read
    near.listener.dry_at_s = device.now_s + PATIENCE_S - 0.01
    plan = device.plan()
    assert isinstance(plan, WindowPlan)
    assert sorted(streams(plan)) == [4, 9]
    near.listener.dry_at_s = device.now_s + 1.0
    plan = device.step()
    assert isinstance(plan, WindowPlan)
    assert (streams(plan), plan.window) == ([9], Ladder().first)
    for lane in device.lanes:
        lane.listener.dry_at_s = device.now_s + 1.0
    assert len(streams(device.step())) == 7


def test_on_a_gpu_only_urgent_streams_follow_a_new_streams_chunk() -> None:
    device = Device(GPU, frames=1000)
    near = with_audio(device, 6)[4]
    newcomer = device.open(9)
    device.lanes.begin_reading([newcomer])
    assert device.plan() is None
    near.listener.dry_at_s = device.now_s + PATIENCE_S - 0.01
    assert streams(device.plan()) == [4]
    device.lanes.close(newcomer)
    assert len(streams(device.plan())) == 6


@pytest.mark.parametrize("model", [0, 1])
def test_on_a_gpu_a_closing_new_stream_delays_no_other(model: int) -> None:
    device = Device(GPU, frames=1000)
    with_audio(device, 3)
    device.lanes.tempos[1] = GPU
    closing = device.open(9, closing=True, model=model)
    assert streams(device.plan()) == [0, 1, 2]
    device.lanes.begin_reading([closing])
    assert streams(device.plan()) == [0, 1, 2]


def test_only_a_few_speak_the_longest_windows() -> None:
    ladder = choose_ladder(FACTS, 8, is_wide=True)
    device = Device(attrs.evolve(GPU, ladder=ladder), frames=1000)
    with_audio(device, 9)
    for ready, expected in ((9, (8, 64)), (3, (3, 64)), (2, (2, 128))):
        for number, lane in enumerate(device.lanes):
            lane.listener.credit_s = 1.0 if number < ready else 0.0
        plan = device.plan()
        assert isinstance(plan, WindowPlan)
        assert (len(plan.lanes), plan.window) == expected


@pytest.mark.parametrize("lead_s", [0.05, 0.08, 0.12, 0.5])
def test_under_load_batches_are_large_but_no_longer_than_half_of_the_first_ones_lead(lead_s: float) -> None:
    device = Device(frames=1000)
    device.turns.profile = Profile.THROUGHPUT
    lanes = [device.open(stream) for stream in range(9)]
    while not all(has_begun(lane) for lane in lanes):
        device.step()
    for lane in lanes:
        lane.listener.dry_at_s = device.now_s + 2.0
    lanes[4].listener.dry_at_s = begin_s = device.now_s
    lanes[4].listener.dry_at_s += lead_s
    plan = device.step()
    assert streams(plan)[0] == 4
    assert device.now_s - begin_s <= max(lead_s / 2, 0.008)
    if lead_s == 0.5:
        assert isinstance(plan, WindowPlan)
        assert (len(plan.lanes), plan.window) == (5, max(Ladder().following))


def test_the_profile_changes_with_hysteresis() -> None:
    turns = Turns(Lanes(slots=4, credit_s=1.0), is_wide=False)
    seen = []
    for load in (0.1, 0.7, 0.8, 0.7, 0.65, 0.5, 0.7):
        turns.adapt(load)
        seen.append(turns.profile)
    calm, busy = Profile.LATENCY, Profile.THROUGHPUT
    assert seen == [calm, calm, busy, busy, busy, calm, calm]


@pytest.mark.parametrize("seed", range(20))
def test_every_stream_is_served_by_its_deadline(seed: int) -> None:
    """Random arrivals, more than the device can feed: each is served in the order of its deadline."""
    random_ = random.Random(seed)
    device = Device(GPU if seed % 2 else CPU, frames=random_.randint(5, 400))
    opened_s: dict[int, float] = {}
    for number in range(200):
        if random_.random() < 0.4:
            device.open(number, closing=random_.random() < 0.3, credit_s=random_.choice([1e9, 5.0]))
            opened_s[number] = device.now_s
        device.step()
        device.turns.adapt(random_.random())
    for _ in range(20_000):
        if device.step() is None:
            break
        for lane in device.lanes:
            device.lanes.credit(lane, max(0.0, 1.0 - lane.listener.credit_s))
    assert set(device.first_audio_s) == set(opened_s)
    assert not any(lane.has_work for lane in device.lanes)
    length_s = device.frames * 0.01
    assert all(abs(given - length_s) < 1e-6 for given in device.given_s.values())


def test_silence_at_the_start_of_an_expanded_utterance_takes_no_window() -> None:
    expanding = attrs.evolve(CPU, lag=0, expands=True)
    for silent in (0, 100):
        device = Device(expanding, frames=300, silent=silent)
        lane = device.open(1)
        spoken = 0
        while lane.has_work:
            plan = device.step()
            if isinstance(plan, WindowPlan):
                assert plan.window <= Ladder().first or spoken
                spoken += plan.window
        assert device.given_s[1] == pytest.approx((300 - silent) * CPU.hop_s)
        assert spoken - (300 - silent) < Ladder().full


def test_a_cpu_has_no_window_shorter_than_a_family_wants() -> None:
    facts = attrs.evolve(FACTS, frame_ladder=(128,), least_window_s=0.32)
    assert choose_ladder(facts, 8, is_wide=False).following == (32, 64, 128)
    assert choose_ladder(facts, 8, is_wide=True).following == (16, 32, 64, 128)
    assert choose_ladder(facts, 8, is_wide=False).full == choose_ladder(facts, 8, is_wide=True).full
