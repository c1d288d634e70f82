"""The pronunciation dictionaries of a request."""

from __future__ import annotations

from collections.abc import Sequence

from zelitrio.errors import RemoteError
from zelitrio.protocol import PronunciationDictionary
from zelitrio.text import Dictionaries, FrontEnd


def choose_front_end(
    dictionaries: Dictionaries | None, wanted: Sequence[PronunciationDictionary]
) -> FrontEnd | None:
    """Return the front end with the requested dictionaries; None: the request names none.

    Raises:
        RemoteError: `pronunciation_dictionary_not_found`, for an id or a version that is not loaded.
    """
    if not wanted:
        return None
    found = []
    for one in wanted:
        dictionary = (
            dictionaries.find(one.dictionary_id, one.version_id) if dictionaries is not None else None
        )
        if dictionary is None:
            version = f" in version {one.version_id[:64]!r}" if one.version_id is not None else ""
            raise RemoteError(
                "pronunciation_dictionary_not_found",
                f"A pronunciation dictionary with id {one.dictionary_id[:64]!r}{version} does not exist.",
                param="pronunciation_dictionary_locators",
            )
        found.append(dictionary)
    assert dictionaries is not None
    return dictionaries.front_end_with(found)
