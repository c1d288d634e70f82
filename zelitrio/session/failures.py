"""Getting the one error out of the exception group a nursery made of it."""

from __future__ import annotations

from zelitrio.errors import ZelitrioError


def first_error(group: BaseExceptionGroup[ZelitrioError]) -> ZelitrioError:
    """The first error in a group of our own errors, however deep it lies."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, ZelitrioError)
    return error
