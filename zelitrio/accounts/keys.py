"""Make a new key."""

from __future__ import annotations

import secrets

_PREFIX = "zel_"


def new_key() -> str:
    """A new key: a prefix and 32 random bytes in URL-safe base64."""
    return _PREFIX + secrets.token_urlsafe(32)
