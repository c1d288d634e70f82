"""The languages of a voice, and the front end of each."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from importlib.util import find_spec

import attrs

from zelitrio.errors import LocalError
from zelitrio.text import FrontEnd, primary_code

Reader = Callable[[FrontEnd], FrontEnd]
"""Makes a language's front end from the English one with the user's dictionaries."""


def own_rules(english: FrontEnd) -> FrontEnd:
    """The reader of English: our own front end."""
    return english


@attrs.frozen(kw_only=True, eq=False)
class Language:
    """One language of a voice.

    Attributes:
        code: by BCP 47: `en-GB`, `pt-BR`.
        reader: makes its front end.
        packages: Python packages that the reader needs.
        extra: the extra of zelitrio with these packages.
        prepare: loads the reader's tables, which would block the event loop at the first text; blocks.
    """

    code: str
    reader: Reader = own_rules
    packages: tuple[str, ...] = ()
    extra: str = ""
    prepare: Callable[[], object] = lambda: None

    @property
    def missing(self) -> str:
        """Why this language cannot be read, and what to install; empty if it can be read."""
        if all(map(_is_installed, self.packages)):
            return ""
        return f"{self.code} is read by the extra {self.extra}: pip install 'zelitrio[{self.extra}]'"


ENGLISH = (Language(code="en"),)
"""The default languages of a voice."""


def choose_language(languages: Sequence[Language], code: str | None) -> Language:
    """Find the language of a code such as `de`, `en-GB` or `en_gb`; None or empty: the first language.

    If the region is unknown, another region of the language is used.

    Raises:
        LocalError: the language is unknown, or its reader is not installed.
    """
    found = _fitting(languages, code.replace("_", "-").lower()) if code else languages[0]
    if found is None:
        known = ", ".join(one.code for one in languages)
        raise LocalError(f"language_code: expected one of {known}, found {str(code)[:32]!r}")
    if found.missing:
        raise LocalError(found.missing)
    return found


@functools.cache
def _is_installed(package: str) -> bool:
    return find_spec(package) is not None


def _fitting(languages: Sequence[Language], wanted: str) -> Language | None:
    exact = [one for one in languages if one.code.lower() == wanted]
    near = [one for one in languages if primary_code(one.code) == primary_code(wanted)]
    return next(iter([*exact, *near]), None)
