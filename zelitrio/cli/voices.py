"""`zelitrio voices`: who can speak."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def voices(
    *, folder: Annotated[Path | None, Parameter(name="--voices", env_var="ZELITRIO_VOICES")] = None
) -> None:
    """List the voices, the default one first.

    Parameters
    ----------
    folder
        A folder with more voices.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from zelitrio.cli.catalogue import load_voices

    table = Table("voice", "name", "language", "rate", "description", box=box.SIMPLE_HEAD)
    for voice in load_voices(folder).voices.values():
        language = voice.labels.get("language", "")
        table.add_row(voice.voice_id, voice.name, language, f"{voice.sample_rate_hz} Hz", voice.description)
    Console().print(table)
