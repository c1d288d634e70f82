"""`zelitrio normalise`: what would be said, and in which sounds."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from zelitrio.cli.texts import read_text


def normalise(text: Annotated[str, Parameter(allow_leading_hyphen=True)], /) -> None:
    """Print the words a text is spoken as, and below them their phonemes.

    Parameters
    ----------
    text
        The text, a file of it, or - for stdin.
    """
    from zelitrio.text import load_front_end

    utterance = load_front_end().utterance(read_text(text))
    print(" ".join(word.spoken for word in utterance.words))
    print(" ".join(utterance.phones))
