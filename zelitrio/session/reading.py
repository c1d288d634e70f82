"""How one stream's text is read: by which front end, with which marks understood."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import attrs

from zelitrio.errors import RemoteError
from zelitrio.protocol import Chunk, PronunciationDictionary
from zelitrio.session.tags import restore_tags
from zelitrio.text import Dictionaries, FrontEnd, Utterance, find_sentence_end

PREVIOUS_CHARS = 200
"""More than the engine takes up of what was said before."""
FOLLOWING_CHARS = 60
"""Of the text behind a mark, enough to tell an abbreviation from a sentence's end."""


@attrs.frozen(kw_only=True)
class Reading:
    """What is done with a stream's chunks before they are spoken.

    Attributes:
        front_end: the service's own, if None.
        normalise: spell numbers and the like out.
        ssml: read `<break>` and `<phoneme>` tags.
        previous_text: what an earlier request said: if its last sentence is still open, the first chunk goes
            on in its melody and without a pause.
        goes_on: the sentence goes on in a later request: without a mark at its end, the text ends on the
            level and not with a fall.
    """

    front_end: FrontEnd | None = None
    normalise: bool = True
    ssml: bool = False
    previous_text: str = ""
    goes_on: bool = False

    def utterance(self, chunk: Chunk, front_end: FrontEnd) -> Utterance:
        """The words of a chunk, read by `front_end` if this reading has none of its own."""
        read = partial((self.front_end or front_end).utterance, normalise=self.normalise, ssml=self.ssml)
        utterance = read(
            restore_tags(chunk.text) if self.ssml else chunk.text,
            # A mark in the text goes before what is said here, so only an end without one is left open.
            ends_sentence=chunk.ends_sentence and not (self.goes_on and chunk.flushed),
        )
        if chunk.start_char == 0 and (before := open_sentence(self.previous_text, chunk.text)):
            utterance = attrs.evolve(utterance, said_before=read(before).words)
        return utterance


def open_sentence(previous: str, text: str) -> str:
    """The end of `previous` that is of one sentence with the beginning of `text`; empty if nothing is.

    Looks at the last PREVIOUS_CHARS only.
    """
    before = previous[-PREVIOUS_CHARS:]
    if len(before) < len(previous):
        before = before.partition(" ")[2]  # the rest of a word that was cut
    if not before[-1:].isspace():
        before += " "
    joined = before + text.lstrip()[:FOLLOWING_CHARS]
    start = 0
    while (end := find_sentence_end(joined, start)) is not None and end <= len(before):
        start = end
    return before[start:].strip()


def choose_front_end(
    dictionaries: Dictionaries | None, wanted: Sequence[PronunciationDictionary]
) -> FrontEnd | None:
    """The front end with the dictionaries that a peer asks for; None: it asks for none in particular.

    Raises:
        RemoteError: `pronunciation_dictionary_not_found`, for an id or a version that is not loaded.
    """
    if not wanted:
        return None
    for one in wanted:
        if dictionaries is None or dictionaries.find(one.dictionary_id, one.version_id) is None:
            version = f" in version {one.version_id[:64]!r}" if one.version_id is not None else ""
            raise RemoteError(
                "pronunciation_dictionary_not_found",
                f"A pronunciation dictionary with id {one.dictionary_id[:64]!r}{version} does not exist.",
                param="pronunciation_dictionary_locators",
            )
    assert dictionaries is not None
    return dictionaries.front_end_with([one.dictionary_id for one in wanted])
