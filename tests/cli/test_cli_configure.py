from __future__ import annotations

import hashlib
import os
from pathlib import Path

import attrs
import pytest

from zelitrio.cli.configure import configure, is_loopback
from zelitrio.errors import LocalError
from zelitrio.settings import EngineSettings, ServerSettings, SessionSettings


def test_without_anything_the_defaults_hold() -> None:
    found = configure({}, {})
    assert found.server == ServerSettings()
    assert found.engine == EngineSettings()
    assert found.session == SessionSettings()
    assert found.voices is None


def test_flags_win_over_environment_over_file(tmp_path: Path) -> None:
    file = tmp_path / "zelitrio.toml"
    file.write_text("port = 1\nmax_streams = 2\nmax_batch = 3\n")
    environment = {"ZELITRIO_PORT": "10", "ZELITRIO_MAX_STREAMS": "20", "HOME": "/"}
    found = configure({"config": file, "port": 100, "max_batch": None}, environment)
    assert (found.server.port, found.engine.max_streams, found.engine.max_batch) == (100, 20, 3)


def test_lexicons_come_as_flags_from_the_environment_and_from_a_file(tmp_path: Path) -> None:
    assert configure({}, {}).lexicon == ()
    assert configure({"lexicon": [Path("a"), Path("b")]}, {}).lexicon == (Path("a"), Path("b"))
    assert configure({}, {"ZELITRIO_LEXICON": f"a{os.pathsep}b"}).lexicon == (Path("a"), Path("b"))
    file = tmp_path / "zelitrio.toml"
    file.write_text('lexicon = ["a.txt", "/b.pls"]\n')
    assert configure({"config": file}, {}).lexicon == (tmp_path / "a.txt", Path("/b.pls"))
    file.write_text("lexicon = 1\n")
    with pytest.raises(LocalError, match="lexicon: expected a list of files"):
        configure({"config": file}, {})


def test_the_environment_can_name_the_file(tmp_path: Path) -> None:
    file = tmp_path / "zelitrio.toml"
    file.write_text('dtype = "bfloat16"\n')
    assert configure({}, {"ZELITRIO_CONFIG": str(file)}).engine.dtype == "bfloat16"


@pytest.mark.parametrize("room", [EngineSettings, SessionSettings, ServerSettings])
def test_every_setting_can_come_from_the_environment(room: type) -> None:
    for field in attrs.fields(room):
        if field.name in ("api_key_hashes", "cors_origins", "tls_cert", "tls_key", "host"):
            continue
        text = str(field.default)
        found = configure({}, {f"ZELITRIO_{field.name.upper()}": text})
        assert (
            getattr(getattr(found, room.__name__.removesuffix("Settings").lower()), field.name)
            == field.default
        )


def test_no_two_settings_share_a_name() -> None:
    names = [
        field.name
        for room in (EngineSettings, SessionSettings, ServerSettings)
        for field in attrs.fields(room)
    ]
    assert len(names) == len(set(names))


def test_keys_of_all_sources_are_valid_together(tmp_path: Path) -> None:
    key_file = tmp_path / "keys"
    key_file.write_text(
        f"# of the office\n\n{hashlib.sha256(b'filed').hexdigest().upper()}  anna # since May\n"
    )
    file = tmp_path / "zelitrio.toml"
    file.write_text('api_keys = ["written"]\nkey_file = "keys"\n')
    found = configure({"config": file, "api_keys": ["given"]}, {"ZELITRIO_API_KEYS": "one, two,"})
    keys = (b"filed", b"written", b"given", b"one", b"two")
    assert found.server.api_key_hashes == {hashlib.sha256(key).hexdigest() for key in keys}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.com", "", "127.0.0.1.example.com"])
def test_the_network_is_not_served_without_a_key(host: str) -> None:
    with pytest.raises(LocalError, match="without an API key"):
        configure({"host": host}, {})
    assert configure({"host": host, "api_keys": ["k"]}, {}).server.host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_this_machine_is_served_without_a_key(host: str) -> None:
    assert is_loopback(host)
    assert configure({"host": host}, {}).server.host == host


def test_origins_come_as_flags_and_from_the_environment() -> None:
    assert configure({}, {}).server.cors_origins is None
    two = ("https://example.com", "null")
    assert configure({"cors_origins": list(two)}, {}).server.cors_origins == two
    assert configure({}, {"ZELITRIO_CORS_ORIGINS": "https://example.com, null"}).server.cors_origins == two


def test_an_empty_key_is_no_key() -> None:
    with pytest.raises(LocalError, match="without an API key"):
        configure({"host": "0.0.0.0", "api_keys": [""]}, {"ZELITRIO_API_KEYS": " , "})


@pytest.mark.parametrize(
    ("environment", "toml", "complaint"),
    [
        (
            {"ZELITRIO_PROT": "1"},
            "",
            r"environment: unknown setting ZELITRIO_PROT; did you mean ZELITRIO_PORT\?",
        ),
        ({}, "max_steams = 1", r"unknown setting max_steams; did you mean max_streams\?"),
        ({}, "[server]\nport = 1", "unknown setting server"),
        ({}, "api_key_hashes = []", "unknown setting api_key_hashes"),
        ({"ZELITRIO_PORT": "http"}, "", "port: expected a whole number, found 'http'"),
        ({"ZELITRIO_PORT": "80.5"}, "", "port: expected a whole number"),
        ({}, "port = 80.5", "port: expected a whole number"),
        ({}, "port = true", "port: expected a whole number"),
        ({}, "port = [1]", "port: expected a whole number"),
        ({}, "port = 70000", "port: expected 0 to 65535, found 70000"),
        ({"ZELITRIO_DRAIN_S": "nan"}, "", "drain_s: expected 0 to 3600, found nan"),
        ({"ZELITRIO_GRAPHS": "maybe"}, "", "graphs: expected true or false, found 'maybe'"),
        ({}, "graphs = 1", "graphs: expected true or false"),
        ({}, "host = 1", "host: expected text, found 1"),
        ({"ZELITRIO_DTYPE": "int8"}, "", "dtype: expected one of float32"),
        ({}, "api_keys = [1]", "api_keys: expected a list of keys"),
        ({"ZELITRIO_CORS_ORIGINS": "example.com"}, "", "cors_origins: expected an origin such as https"),
        ({}, "cors_origins = 1", "cors_origins: expected a list of origins"),
        ({}, "port == 1", "not TOML"),
        ({"ZELITRIO_TLS_CERT": "cert.pem"}, "", "tls_cert and tls_key: expected both or neither"),
        ({"ZELITRIO_TLS_CERT": "no.pem", "ZELITRIO_TLS_KEY": "no.pem"}, "", "no.pem: expected a file"),
        ({"ZELITRIO_KEY_FILE": "nowhere/keys"}, "", "nowhere/keys: expected a file of SHA-256 lines"),
        ({"ZELITRIO_CONFIG": "nowhere.toml"}, "", "nowhere.toml: No such file"),
    ],
)
def test_what_is_wrong_is_refused_by_name(
    environment: dict[str, str], toml: str, complaint: str, tmp_path: Path
) -> None:
    file = tmp_path / "zelitrio.toml"
    file.write_text(toml)
    with pytest.raises(LocalError, match=complaint):
        configure({"config": file} if toml else {}, environment)


@pytest.mark.parametrize("line", ["sk-secret-key", "0" * 63, "0" * 65, "g" * 64, "0" * 32 + " " + "0" * 32])
def test_a_key_file_of_anything_but_hashes_is_refused_and_not_shown(line: str, tmp_path: Path) -> None:
    key_file = tmp_path / "keys"
    key_file.write_text(f"{'0' * 64}\n{line}\n")
    with pytest.raises(LocalError, match="line 2: expected 64 hex digits") as caught:
        configure({"key_file": key_file}, {})
    assert line not in str(caught.value)


def test_a_key_file_without_keys_is_refused(tmp_path: Path) -> None:
    key_file = tmp_path / "keys"
    key_file.write_text("# none yet\n")
    with pytest.raises(LocalError, match="at least one key"):
        configure({"key_file": key_file}, {})
