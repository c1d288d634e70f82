"""Make a voice from a user's recordings: check, measure and align them, train, export, evaluate.

Each step writes its result to the work folder and is not repeated, so a stopped run continues.
"""

from __future__ import annotations

import hashlib
import importlib
import warnings
from collections.abc import Sequence
from pathlib import Path

import attrs

from zelitrio.errors import LocalError
from zelitrio.training.acoustic_data import AcousticData
from zelitrio.training.adapt import begin_from, misfits, nearest_speaker, turns_to_pulses
from zelitrio.training.align import align_recordings, forget_alignments
from zelitrio.training.check import CheckedFolder, UsableRecording, check_recordings
from zelitrio.training.export import JITTER_CENTS, Casting, assemble
from zelitrio.training.loop import CHECKPOINT
from zelitrio.training.metadata import Problem
from zelitrio.training.order import BEGIN, SPEAKER, Onlooker, Order, Recipe, summary
from zelitrio.training.out_folder import CATEGORY, put_voice, refuse_taken
from zelitrio.training.prepare import prepare_recordings
from zelitrio.training.user_training import counted, runs_of, train_both
from zelitrio.training.verdict import Verdict, judge
from zelitrio.training.whole_file import whole_file
from zelitrio.training.work_plan import WorkPlan, fingerprint
from zelitrio.voices import Voice, load_builtin, zeli_model

_HELD_SHARE, _HELD_LEAST, _HELD_MOST = 0.05, 3, 40


@attrs.frozen(eq=False)
class MadeVoice:
    """A finished voice."""

    folder: Path
    size_bytes: int
    verdict: Verdict


def missing_packages() -> list[str]:
    """Packages of the extra `train` that are not installed or cannot be imported."""
    missing = []
    for name in ("matplotlib", "pocketsphinx", "pyworld"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pyworld's import warns about pkg_resources
            try:
                importlib.import_module(name)
            except ImportError as error:
                missing.append(error.name or name)
    return missing


def look_through(recordings: Path, recipe: Recipe, onlooker: Onlooker) -> CheckedFolder:
    """Check the recordings, show their problems, and require enough usable ones.

    Raises:
        LocalError: the table cannot be read, or too few recordings are usable.
    """
    onlooker.begin("checking", 1)

    def looked_at(done: int, of: int) -> None:
        if done == 1:
            onlooker.begin("checking", of)
        onlooker.reach(done)

    checked = check_recordings(recordings, looked_at)
    for problem in checked.problems:
        onlooker.say(str(problem))
    onlooker.say(summary(checked))
    recipe.require_enough(recordings, len(checked.usable), checked.speech_s)
    return checked


def make_voice(order: Order, onlooker: Onlooker) -> MadeVoice | None:
    """Make the voice, or continue a stopped run; blocks.  Return None if the onlooker stopped it.

    Raises:
        LocalError: too few recordings are usable, the work folder has other work, or OUT has other content.
    """
    refuse_taken(order.out, order.work)
    checked = look_through(order.recordings, order.recipe, onlooker)
    plan = WorkPlan.at(order.work / "plan.json", fingerprint(checked.usable), tuned=order.recipe.tuned)
    _measure(order, checked, onlooker)
    data = _aligned(order, checked, onlooker)
    builtin = load_builtin().default
    nearest = plan.nearest
    if nearest is None:
        nearest = nearest_speaker(zeli_model(builtin), data)
        data = _without_misfits(order, checked, data, attrs.evolve(builtin, speaker=nearest), onlooker)
        begin_from(zeli_model(builtin), nearest, SPEAKER, order.work / BEGIN)
        turned = turns_to_pulses(zeli_model(builtin), order.work) if plan.tuned else 0.0
        plan = plan.kept(nearest=nearest, turned=turned)
    checked = _fitting(checked, data)
    order = attrs.evolve(order, recipe=order.recipe.of_speech(checked.speech_s).turned(plan.turned))
    plan = counted(order, plan, onlooker)
    if onlooker.stopping or not train_both(order, plan, onlooker):
        return None
    onlooker.begin("exporting and measuring", 1)
    runs = runs_of(order)
    casting = Casting(
        voice_id=order.voice_id,
        name=order.name,
        speaker=SPEAKER,
        description=f"Made of {len(checked.usable)} recordings with zelitrio train.",
        labels={"language": "en"},
    )
    (voice,) = assemble(
        runs["acoustic"] / CHECKPOINT,
        runs["vocoder"] / CHECKPOINT,
        [casting],
        jitter_cents=zeli_model(builtin).vocoder.config.jitter_cents if plan.tuned else JITTER_CENTS,
    )
    voice = attrs.evolve(voice, category=CATEGORY)
    size = put_voice(order.out, voice, order.work)
    base = attrs.evolve(builtin, speaker=nearest)
    verdict = judge(voice, base, data, order.measure, order.listen)
    onlooker.reach(1)
    _write_card(order, plan, checked, verdict)
    return MadeVoice(order.out, size, verdict)


def _held_out(usable: Sequence[UsableRecording]) -> set[str]:
    """Names of the recordings to hold out; all takes of a text are on the same side."""
    wanted = min(_HELD_MOST, max(_HELD_LEAST, round(_HELD_SHARE * len(usable))))
    by_text: dict[str, list[str]] = {}
    for one in usable:
        by_text.setdefault(one.line.text, []).append(one.recording.name)
    held: set[str] = set()
    for text in sorted(by_text, key=lambda text: hashlib.sha256(text.encode()).digest()):
        if len(held) < wanted:
            held |= set(by_text[text])
    return held


def _measure(order: Order, checked: CheckedFolder, onlooker: Onlooker) -> None:
    recordings = [one.recording for one in checked.usable]
    onlooker.begin("measuring", len(recordings))
    prepare_recordings(
        recordings,
        order.work,
        checked.speaker(SPEAKER),
        held_out=_held_out(checked.usable),
        measure=order.measure,
        prepared=lambda done, of: onlooker.reach(done),
        report=lambda line: None,
    )


def _aligned(order: Order, checked: CheckedFolder, onlooker: Onlooker) -> AcousticData:
    """Align the recordings, and show those that do not say their text.

    Raises:
        LocalError: too few are left.
    """
    named = {one.recording.name: one.line for one in checked.usable}
    onlooker.begin("aligning", len(named))
    align_recordings(
        [one.recording for one in checked.usable],
        order.work,
        SPEAKER,
        lambda recording: onlooker.say(
            str(Problem(recording.line, named[recording.name].file, "its text is not what the speaker says"))
        ),
        lambda done, of: onlooker.reach(done),
    )

    def dropped(report: str) -> None:
        name, _, why = report.removeprefix(f"{SPEAKER}/").partition(": dropped: ")
        if why:
            line = named[name]
            onlooker.say(str(Problem(line.number, line.file, f"its text does not fit: {why}")))

    return _enough(order, checked, AcousticData(order.work, [SPEAKER], dropped))


def _without_misfits(
    order: Order, checked: CheckedFolder, data: AcousticData, nearest: Voice, onlooker: Onlooker
) -> AcousticData:
    """Leave out recordings that were aligned but do not say their text.

    Raises:
        LocalError: too few are left.
    """
    named = {one.recording.name: one.line for one in checked.usable}
    onlooker.begin("comparing with the texts", len(data.train[0]) + len(data.held[0]))
    wrong = misfits(zeli_model(nearest), nearest.speaker, data, onlooker.reach)
    for name, times in wrong:
        what = f"its text is not what the speaker says: {times:.1f} times as far from the text as the others"
        onlooker.say(str(Problem(named[name].number, named[name].file, what)))
    if not wrong:
        return data
    forget_alignments(order.work, SPEAKER, {name for name, _ in wrong})
    return _enough(order, checked, AcousticData(order.work, [SPEAKER], lambda line: None))


def _enough(order: Order, checked: CheckedFolder, data: AcousticData) -> AcousticData:
    left = _fitting(checked, data)
    order.recipe.require_enough(order.recordings, len(left.usable), left.speech_s)
    if not data.held[0]:
        raise LocalError(f"{order.recordings}: expected a held-out recording that fits its text, found none")
    return data


def _fitting(checked: CheckedFolder, data: AcousticData) -> CheckedFolder:
    names = {example.entry.name for example in (*data.train[0], *data.held[0])}
    usable = tuple(one for one in checked.usable if one.recording.name in names)
    return attrs.evolve(checked, usable=usable)


def _write_card(order: Order, plan: WorkPlan, checked: CheckedFolder, verdict: Verdict) -> None:
    begun = "the built-in model" if plan.tuned else "nothing"
    figures = "\n".join(f"- {line}" for line in verdict.lines())
    card = (
        f"# {order.name}\n\n"
        f"Made with `zelitrio train` of {len(checked.usable)} recordings "
        f"({checked.speech_s / 60:.1f} minutes of speech), begun from {begun}: "
        f"{plan.acoustic_steps} steps of the acoustic model, {plan.vocoder_steps} of the vocoder.\n"
        "What may be done with it is for those to say who were recorded, and who own the recordings.\n"
        f"{_BUILTIN_TERMS if plan.tuned else ''}\n"
        f"## Figures\n\n{figures}\n"
    )
    with whole_file(order.out / "MODEL_CARD.md") as partial:
        partial.write_text(card, encoding="utf-8")


_BUILTIN_TERMS = "The built-in model's own terms are in zelitrio's NOTICE.\n"
