"""Who may speak: keys known by their SHA-256, and single-use tokens for browsers."""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable

import attrs

from zelitrio.session import Account
from zelitrio.settings import hash_key

TOKEN_LIFETIME_S = 15 * 60.0
MAX_TOKENS = 1000
"""Unused tokens kept for one key.  A new one replaces the oldest of the same key."""
ANONYMOUS = Account("anonymous")


class KeyRing:
    """The keys of this server.  Without any, it asks for none (and only loopback is served)."""

    def __init__(self, hashes: Iterable[str]) -> None:
        self._hashes = tuple(digest.lower() for digest in hashes)

    @property
    def is_open(self) -> bool:
        """Whether no key is asked for."""
        return not self._hashes

    def account(self, credential: str | None) -> Account | None:
        """Return the account of a key; None if the key is not valid."""
        if self.is_open:
            return ANONYMOUS
        if not credential:
            return None
        digest = hash_key(credential)
        found = None
        for known in self._hashes:  # compare with all of them, so that the time tells nothing
            if hmac.compare_digest(known, digest):
                found = Account(f"key-{known[:8]}")
        return found


@attrs.frozen
class _Token:
    account: Account
    until: float


class TokenStore:
    """Single-use tokens, in memory: minted with a key, good for one socket, soon stale.

    Args:
        clock: seconds on any steady clock.
    """

    def __init__(self, clock: Callable[[], float], lifetime_s: float = TOKEN_LIFETIME_S) -> None:
        self._clock = clock
        self._lifetime_s = lifetime_s
        self._tokens: dict[str, _Token] = {}
        self._of: dict[Account, OrderedDict[str, None]] = {}
        """The tokens of each key, the oldest first."""

    def mint(self, account: Account) -> str:
        """A new token for this account."""
        token = "sutkn_" + secrets.token_urlsafe(24)
        minted = self._of.setdefault(account, OrderedDict())
        while len(minted) >= MAX_TOKENS:
            oldest, _ = minted.popitem(last=False)
            del self._tokens[oldest]
        minted[token] = None
        self._tokens[token] = _Token(account, self._clock() + self._lifetime_s)
        return token

    def redeem(self, token: str | None) -> Account | None:
        """The account of a token that was not used before and is not stale; uses it up."""
        # A dictionary lookup leaks timing only about 24 random bytes that die at the first guess.
        found = self._tokens.pop(token, None) if token else None
        if token is None or found is None:
            return None
        del self._of[found.account][token]
        return found.account if self._clock() < found.until else None


def make_authenticate(
    keys: KeyRing, tokens: TokenStore
) -> Callable[[str | None, str | None], Account | None]:
    """The service's `authenticate`: a key if there is one, else a token."""

    def authenticate(credential: str | None, token: str | None) -> Account | None:
        account = keys.account(credential)
        if account is None and credential is None:
            account = tokens.redeem(token)
        return account

    return authenticate
