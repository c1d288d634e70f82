"""`zelitrio speak`: speak a text into a file, by an engine in this process or by a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter
from cyclopts.validators import Number

from zelitrio.cli.configure import FLAT, LIST
from zelitrio.settings import MAX_SEED, VoiceSettings

_HOW = Group.create_ordered("How to speak")
_SERVER = Group.create_ordered("Through a server")


def speak(
    text: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"], allow_leading_hyphen=True)] = Path("speech.wav"),
    voice: str | None = None,
    language: str | None = None,
    format_name: Annotated[str | None, Parameter(name="--format")] = None,
    settings: Annotated[VoiceSettings, FLAT, Parameter(group=_HOW)] = VoiceSettings(),
    seed: Annotated[int | None, Parameter(group=_HOW, validator=Number(gte=0, lte=MAX_SEED))] = None,
    device: str = "auto",
    voices: Annotated[list[Path] | None, LIST, Parameter(env_var="ZELITRIO_VOICES")] = None,
    lexicon: Annotated[list[Path] | None, LIST] = None,
    quiet: Annotated[bool, Parameter(negative=())] = False,
    url: Annotated[str | None, Parameter(group=_SERVER, env_var="ZELITRIO_URL")] = None,
    api_key: Annotated[str | None, Parameter(group=_SERVER, env_var="ZELITRIO_API_KEY")] = None,
) -> None:
    """Speak a text into a file.

    Prints the time to first audio and the computing time per second of speech. Text from stdin is spoken as
    it arrives.

    Parameters
    ----------
    text
        The text, the name of a file with it, or - for stdin.
    out
        The output file; - is stdout.
    voice
        The voice; `zelitrio voices` lists them [default: the first].
    language
        Language, such as de or en-GB [default: the voice's own]; en-US-x-espeak is English by espeak.
    format_name
        Audio format, such as mp3_44100_128 or pcm_16000 [default: by the file's ending].
    seed
        Makes the speech repeatable (0 to 4294967295).
    device
        auto, cpu, cuda or cuda:N.
    voices
        A folder with more voices; repeat for more.
    lexicon
        A file of pronunciations (a table or PLS); repeat for more, in order of precedence.
    quiet
        Print only errors.
    url
        A server, such as http://localhost:8020; without it this process speaks.
    api_key
        The key for that server.
    """
    from zelitrio.cli.loop import run_loop
    from zelitrio.cli.outputs import STDOUT, choose_format
    from zelitrio.cli.speaking import Job, run_job
    from zelitrio.cli.texts import STDIN, read_text
    from zelitrio.settings import EngineSettings

    job = Job(
        text=None if text == STDIN else read_text(text),
        out=out,
        audio_format=choose_format(format_name, out),
        voice=voice,
        language=language,
        settings=settings,
        seed=seed,
        engine=EngineSettings(device=device, max_streams=1, max_batch=1),
        voices=tuple(voices or ()),
        lexicon=tuple(lexicon or ()),
        url=url,
        api_key=api_key,
        report_to=None if quiet else "stderr" if out == STDOUT else "stdout",
    )
    run_loop(run_job, job)
