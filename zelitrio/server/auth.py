"""Authentication: API keys, stored as SHA-256 hashes, and single-use tokens for browsers."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable

import attrs

from zelitrio.accounts import Accounts
from zelitrio.session import AccountLike

TOKEN_LIFETIME_S = 15 * 60.0
MAX_TOKENS = 1000
"""Unused tokens of one key; a new one replaces the oldest."""


class KeyRing:
    """The keys of this server.  Without keys all clients are accepted, and only loopback can be served."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    @property
    def is_open(self) -> bool:
        """Whether no key is needed."""
        return self._accounts.is_open

    def account(self, credential: str | None) -> AccountLike | None:
        """The account of a key, if the key is known.

        Raises:
            RemoteError: the key has expired.
        """
        if self.is_open:
            return self._accounts.holder(None)
        key = self._accounts.find(credential) if credential else None
        return None if key is None else self._accounts.holder(key)


@attrs.frozen
class _Token:
    account: AccountLike
    until: float


class TokenStore:
    """Single-use tokens, in memory.  A token is made with a key, opens one socket, and expires soon.

    Args:
        clock: returns seconds of any monotonic clock.
        lifetime_s: lifetime of an unused token.
    """

    def __init__(self, clock: Callable[[], float], lifetime_s: float = TOKEN_LIFETIME_S) -> None:
        self._clock = clock
        self._lifetime_s = lifetime_s
        self._tokens: dict[str, _Token] = {}
        self._of: dict[str, OrderedDict[str, None]] = {}
        """The tokens of each key, the oldest first."""

    def mint(self, account: AccountLike) -> str:
        """A new token for this account."""
        token = "sutkn_" + secrets.token_urlsafe(24)
        minted = self._of.setdefault(account.name, OrderedDict())
        while len(minted) >= MAX_TOKENS:
            oldest, _ = minted.popitem(last=False)
            del self._tokens[oldest]
        minted[token] = None
        self._tokens[token] = _Token(account, self._clock() + self._lifetime_s)
        return token

    def redeem(self, token: str | None) -> AccountLike | None:
        """Use up a token and return its account; None if it is unknown, used or expired."""
        # The timing of a dictionary lookup can reveal only tokens, which are 24 random bytes and used once.
        found = self._tokens.pop(token, None) if token else None
        if token is None or found is None:
            return None
        del self._of[found.account.name][token]
        return found.account if self._clock() < found.until else None


def make_authenticate(
    keys: KeyRing, tokens: TokenStore
) -> Callable[[str | None, str | None], AccountLike | None]:
    """Return the service's `authenticate`: it checks the key, or the token if there is no key."""

    def authenticate(credential: str | None, token: str | None) -> AccountLike | None:
        account = keys.account(credential)
        if account is None and credential is None:
            account = tokens.redeem(token)
        return account

    return authenticate
