"""`zelitrio normalise`: print how a text is read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from zelitrio.cli.configure import LIST
from zelitrio.cli.texts import read_text


def normalise(
    text: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    explain: Annotated[bool, Parameter(negative=())] = False,
    lexicon: Annotated[list[Path] | None, LIST] = None,
) -> None:
    """Print the spoken words of a text, and below them their phonemes.

    Parameters
    ----------
    text
        The text, the name of a file with it, or - for stdin.
    explain
        Print a line for each word: its characters, the rule, the phonemes and the break.
    lexicon
        Files of pronunciations and aliases, the most important first.
    """
    from zelitrio.text import Dictionaries, load_dictionary, load_front_end
    from zelitrio.text import explain as explain_text

    loaded = [load_dictionary(path) for path in lexicon or ()]
    front_end = Dictionaries(load_front_end(), loaded).front_end
    explanation = explain_text(front_end, read_text(text))
    if explain:
        print("\n".join(explanation.to_lines()))
        return
    print(" ".join(word.spoken for word in explanation.utterance.words))
    print(" ".join(explanation.utterance.phones))
