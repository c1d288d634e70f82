"""Keys and single-use tokens."""

from __future__ import annotations

from zelitrio.accounts import Accounts
from zelitrio.server.auth import MAX_TOKENS, KeyRing, TokenStore, make_authenticate
from zelitrio.session.service import Account
from zelitrio.settings import hash_key


def ring_of(*keys: str) -> KeyRing:
    return KeyRing(Accounts(None, [hash_key(key).upper() for key in keys]))


def test_only_the_hash_of_a_key_is_needed():
    ring = ring_of("one", "two")
    assert ring.account("one") is not None and ring.account("two") is not None
    assert ring.account("one") != ring.account("two")
    for wrong in (None, "", "three", hash_key("one"), "\ud800", "é"):
        assert ring.account(wrong) is None


def test_a_server_without_keys_is_open():
    assert ring_of().is_open and ring_of().account(None) is not None


def test_a_token_works_once_and_not_after_its_time():
    now = 0.0
    store = TokenStore(lambda: now, lifetime_s=10)
    somebody = Account("somebody")
    first, second = store.mint(somebody), store.mint(somebody)
    assert first != second
    assert store.redeem(first) == somebody and store.redeem(first) is None
    now = 10.0
    assert store.redeem(second) is None
    assert store.redeem(None) is None and store.redeem("made up") is None


def test_the_number_of_unused_tokens_is_bounded():
    store = TokenStore(lambda: 0.0)
    first = store.mint(Account("x"))
    for _ in range(MAX_TOKENS):
        last = store.mint(Account("x"))
    assert store.redeem(first) is None and store.redeem(last) is not None


def test_the_tokens_of_one_key_never_replace_those_of_another():
    store = TokenStore(lambda: 0.0)
    first = store.mint(Account("y"))
    for _ in range(2 * MAX_TOKENS):
        store.mint(Account("x"))
    assert store.redeem(first) == Account("y")


def test_a_wrong_key_is_refused_even_with_a_valid_token():
    store = TokenStore(lambda: 0.0)
    authenticate = make_authenticate(ring_of("right"), store)
    token = store.mint(Account("x"))
    assert authenticate("wrong", token) is None
    assert authenticate("right", token) is not None
    assert authenticate(None, token) is not None
    assert authenticate(None, token) is None
