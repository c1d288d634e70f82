"""The loop of all trainings, with a run that only counts steps."""

from __future__ import annotations

import ast
import itertools
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import attrs

import zelitrio.training
from zelitrio.training.loop import run_loop

TRAINING = Path(zelitrio.training.__file__).parent


@attrs.define
class Counted:
    step: int = 0
    shares: list[float] = attrs.field(factory=list)
    saved: list[tuple[int, bool]] = attrs.field(factory=list)

    def advance(self, share: float) -> None:
        self.shares.append(share)
        self.step += 1

    def losses(self) -> Mapping[str, float]:
        return {"mel": float(self.step)}

    def save(self, *, look: bool) -> None:
        self.saved.append((self.step, look))


def test_a_run_ends_after_its_steps_and_evaluates_held_out_speech() -> None:
    run = Counted()
    run_loop(run, share_of=lambda step: step / 4, save_s=60, told=lambda step, losses: True)
    assert run.shares == [0.0, 0.25, 0.5, 0.75]
    assert run.saved == [(4, True)]


def test_a_resumed_run_takes_the_remaining_steps() -> None:
    for done, shares in ((3, [0.75]), (4, [])):
        run = Counted(step=done)
        run_loop(run, share_of=lambda step: step / 4, save_s=60, told=lambda step, losses: True)
        assert run.shares == shares
        assert run.saved == [(4, True)]


def test_a_stopped_run_writes_a_checkpoint_without_evaluation() -> None:
    run = Counted()
    run_loop(run, share_of=lambda step: step / 9, save_s=60, told=lambda step, losses: losses["mel"] < 5)
    assert run.saved == [(5, False)]


def test_losses_are_reported_in_intervals_and_checkpoints_written_by_time() -> None:
    told: list[int] = []

    def tell(step: int, losses: Mapping[str, float]) -> bool:
        told.append(step)
        return True

    run = Counted()
    run_loop(run, share_of=lambda step: step / 10, save_s=-1, told=tell, losses_every=4)
    assert told == [4, 8]
    assert run.saved == [*((step, True) for step in range(1, 11)), (10, True)]


def test_time_may_bound_a_run_too() -> None:
    clock = itertools.count()
    run = Counted()
    run_loop(run, share_of=lambda step: next(clock) / 3, save_s=60, told=lambda step, losses: True)
    assert run.step == 3


def test_training_of_users_voices_imports_no_recipe() -> None:
    for path in TRAINING.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert "recipe" not in str(node.module), path
    code = "import sys, zelitrio.training; print([name for name in sys.modules if '.recipe' in name])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_recipes_have_one_command_line() -> None:
    command = [sys.executable, "-m", "zelitrio.training.recipe"]
    told = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True).stdout
    assert all(name in told for name in ("natural", "teacher", "letter-to-sound"))
    for name, flag in (
        ("natural", "--refine-steps"),
        ("teacher", "--seconds"),
        ("letter-to-sound", "--order"),
    ):
        told = subprocess.run([*command, name, "--help"], capture_output=True, text=True, check=True).stdout
        assert flag in told
