from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from zelitrio.cli.app import app, run
from zelitrio.cli.configure import flag_name
from zelitrio.errors import LocalError
from zelitrio.settings import (
    EngineSettings,
    ServerSettings,
    SessionSettings,
    StartSettings,
    VoiceSettings,
    is_loopback,
    range_of,
)

ROOMS = {
    "server": ServerSettings,
    "session": SessionSettings,
    "engine": EngineSettings,
    "start": StartSettings,
}
FIELDS = [(room, field) for room, settings in ROOMS.items() for field in attrs.fields(settings)]
README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("ZELITRIO_")]:
        monkeypatch.delenv(name)
    yield


def parsed(*flags: str, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Read the settings of `zelitrio serve` like the command line, without serving."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in (environment or {}).items():
            monkeypatch.setenv(name, value)
        command, bound, _ = app.parse_args(["serve", *flags], exit_on_error=False, print_error=False)
    assert command.__name__ == "serve"
    bound.apply_defaults()
    return dict(bound.arguments)


def other_value(field: attrs.Attribute[Any], tmp_path: Path) -> tuple[list[str], object]:
    """Return a value that is not the default: as command-line words, and as the setting."""
    if field.name == "state_dir":
        return [str(tmp_path / "state")], tmp_path / "state"
    if field.name in ("tls_cert", "tls_key"):
        path = tmp_path / f"{field.name}.pem"
        path.touch()
        return [str(path)], path
    if field.name in ("voices", "lexicon"):
        return [str(tmp_path / "a"), str(tmp_path / "b")], (tmp_path / "a", tmp_path / "b")
    if field.name == "key_file":
        path = tmp_path / "keys"
        path.write_text("0" * 64)
        return [str(path)], path
    if field.name == "api_keys":
        return ["one", "two"], ("one", "two")
    if field.name == "api_key_hashes":
        digests = [hashlib.sha256(key).hexdigest() for key in (b"one", b"two")]
        return digests, frozenset(digests)
    if field.name == "cors_origins":
        return ["https://example.com", "null"], ("https://example.com", "null")
    if field.name == "host":
        return ["::1", "127.0.0.2"], ("::1", "127.0.0.2")
    if field.name == "trusted_proxies":
        return ["10.0.0.0/8", "::1"], ("10.0.0.0/8", "::1")
    if field.name == "trace_endpoint":
        return ["http://localhost:4318"], "http://localhost:4318"
    if field.name == "root_path":
        return ["/tts"], "/tts"
    if "choices" in field.metadata:
        return [field.metadata["choices"][-1]], field.metadata["choices"][-1]
    if isinstance(field.default, bool):
        return [str(not field.default).lower()], not field.default
    if "range" in field.metadata:
        value = field.metadata["range"][1]
        kind = type(field.default)
        return [str(kind(value))], kind(value)
    return ["cpu"], "cpu"


@pytest.mark.parametrize(("room", "field"), FIELDS, ids=[field.name for _, field in FIELDS])
@pytest.mark.parametrize("source", ["flag", "environment", "file"])
def test_every_setting_has_a_flag_an_environment_variable_and_a_name_in_the_file(
    source: str, room: str, field: attrs.Attribute[Any], tmp_path: Path
) -> None:
    words, expected = other_value(field, tmp_path)
    pair = {"tls_cert": "tls_key", "tls_key": "tls_cert"}.get(field.name)
    flags = [] if pair is None else [f"--{flag_name(pair)}", str(tmp_path / f"{field.name}.pem")]
    environment: dict[str, str] = {}
    if source == "flag":
        if isinstance(field.default, bool):
            flags += [f"--no-{flag_name(field.name)}" if field.default else f"--{flag_name(field.name)}"]
        else:
            flags += [part for word in words for part in (f"--{flag_name(field.name)}", word)]
    elif source == "environment":
        separator = os.pathsep if field.name in ("voices", "lexicon") else ","
        environment[f"ZELITRIO_{field.name.upper()}"] = separator.join(words)
    else:
        is_text = not isinstance(expected, bool | int | float)
        quoted = [f'"{word}"' if is_text else word for word in words]
        value = f"[{', '.join(quoted)}]" if len(words) > 1 else quoted[0]
        file = tmp_path / "zelitrio.toml"
        file.write_text(f"{field.name} = {value}\n")
        flags += ["--config", str(file)]
    found = parsed(*flags, environment=environment)
    assert getattr(found[room], field.name) == expected != field.default


@pytest.mark.parametrize("settings", [VoiceSettings, *ROOMS.values()])
def test_help_says_the_range_the_default_and_the_help_of_every_setting(
    settings: type, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    assert run(["speak" if settings is VoiceSettings else "serve", "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for field in attrs.fields(settings):
        (line,) = [line for line in lines if f" --{flag_name(field.name)} " in line]
        assert field.metadata["help"] in line
        if field.default not in (None, frozenset(), (), ""):
            default = ", ".join(field.default) if isinstance(field.default, tuple) else field.default
            assert f"[default: {default}]" in line


def test_readme_says_the_range_and_the_default_of_every_voice_setting() -> None:
    for field in attrs.fields(VoiceSettings):
        if "range" in field.metadata:
            low, high = range_of(VoiceSettings, field.name)
            assert f"| `{field.name}` | {low} to {high} | {field.default} |" in README
        else:
            assert f"| `{field.name}` | true, false | {str(field.default).lower()} |" in README


def test_no_two_settings_share_a_name() -> None:
    names = [field.name for _, field in FIELDS]
    assert len(names) == len(set(names))


def test_without_anything_the_defaults_hold() -> None:
    found = parsed()
    assert {name: found[name] for name in ROOMS} == {name: room() for name, room in ROOMS.items()}


def test_flags_win_over_environment_over_file(tmp_path: Path) -> None:
    file = tmp_path / "zelitrio.toml"
    file.write_text("port = 1\nmax_streams = 2\nmax_batch = 3\n")
    environment = {"ZELITRIO_PORT": "10", "ZELITRIO_MAX_STREAMS": "20", "ZELITRIO_CONFIG": str(file)}
    found = parsed("--port", "100", environment=environment)
    assert (found["server"].port, found["engine"].max_streams, found["engine"].max_batch) == (100, 20, 3)


def test_lexicons_come_as_flags_from_the_environment_and_from_a_file(tmp_path: Path) -> None:
    assert parsed("--lexicon", "a", "--lexicon", "b")["start"].lexicon == (Path("a"), Path("b"))
    found = parsed(environment={"ZELITRIO_LEXICON": f"a{os.pathsep}b"})
    assert found["start"].lexicon == (Path("a"), Path("b"))
    file = tmp_path / "zelitrio.toml"
    file.write_text('lexicon = ["a.txt", "/b.pls"]\nvoices = "mine"\n')
    found = parsed("--config", str(file))
    assert found["start"].lexicon == (tmp_path / "a.txt", Path("/b.pls"))
    assert found["start"].voices == (tmp_path / "mine",)


def test_keys_of_all_sources_are_valid_together(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(
        f"# of the office\n\n{hashlib.sha256(b'filed').hexdigest().upper()}  anna # since May\n"
    )
    file = tmp_path / "zelitrio.toml"
    file.write_text('api_keys = ["written"]\nkey_file = "keys"\n')
    found = parsed(
        "--config", str(file), "--api-key", "given", environment={"ZELITRIO_API_KEYS": "one, two,"}
    )
    keys = (b"filed", b"written", b"given", b"one", b"two")
    assert found["server"].api_key_hashes == {hashlib.sha256(key).hexdigest() for key in keys}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.com", "127.0.0.1.example.com"])
def test_the_network_is_not_served_without_a_key(host: str) -> None:
    server = parsed("--host", host)["server"]
    with pytest.raises(LocalError, match="without an API key"):
        server.check_exposure(server.host[0], has_key=False)
    server.check_exposure(server.host[0], has_key=True)


def test_serve_refuses_the_network_without_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--host", "0.0.0.0", "--port", "0", "--state-dir", "none"]) == 2
    assert "without an API key only loopback is served" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_this_machine_is_served_without_a_key(host: str) -> None:
    assert is_loopback(host)
    assert parsed("--host", host)["server"].host == (host,)


def test_an_empty_key_is_no_key() -> None:
    found = parsed("--api-key", "", environment={"ZELITRIO_API_KEYS": " , "})
    assert found["server"].api_key_hashes == frozenset()


@pytest.mark.parametrize(
    ("environment", "toml", "complaint"),
    [
        (
            {"ZELITRIO_MAX_STEAMS": "1"},
            "",
            "ZELITRIO_MAX_STEAMS: no such setting; did you mean ZELITRIO_MAX_STREAMS?",
        ),
        ({"ZELITRIO_SERVER": "1"}, "", "ZELITRIO_SERVER: no such setting"),
        ({}, "max_steams = 1", "zelitrio.toml: max_steams: no such setting; did you mean max_streams?"),
        ({}, "[server]\nport = 1", "zelitrio.toml: server: no such setting"),
        ({}, "[port]\nnumber = 1", "zelitrio.toml: port: expected text, a number or a list of text"),
        ({}, 'config = "other.toml"', "zelitrio.toml: config: no such setting"),
        ({"ZELITRIO_PORT": "http"}, "", 'ZELITRIO_PORT: unable to convert "http" into int.'),
        ({"ZELITRIO_PORT": "80.5"}, "", 'ZELITRIO_PORT: unable to convert "80.5" into int'),
        ({}, "port = 80.5", 'port from {file}: unable to convert "80.5" into int'),
        ({}, "port = true", 'unable to convert "True" into int'),
        ({}, "port = [1, 2]", "zelitrio.toml: port: expected one value, found 2"),
        ({}, "port = 70000", "zelitrio: port: expected 0 to 65535, found 70000"),
        ({"ZELITRIO_PORT": "70000"}, "", "zelitrio: ZELITRIO_PORT: expected 0 to 65535, found 70000"),
        ({"ZELITRIO_DRAIN_S": "nan"}, "", "ZELITRIO_DRAIN_S: expected 0 to 3600, found nan"),
        ({"ZELITRIO_DRAIN_S": "long"}, "", 'unable to convert "long" into float'),
        ({"ZELITRIO_GRAPHS": "maybe"}, "", 'unable to convert "maybe" into bool'),
        ({}, "host = 1979-05-27", "host: expected text, a number or a list of text"),
        ({"ZELITRIO_DTYPE": "int8"}, "", "ZELITRIO_DTYPE: expected one of float32"),
        ({}, "api_keys = [[1]]", "api_keys: expected text, a number or a list of text"),
        ({"ZELITRIO_API_KEY_HASHES": "sk-clear"}, "", "ZELITRIO_API_KEY_HASHES: expected 64 hex digits"),
        ({"ZELITRIO_CORS_ORIGINS": "example.com"}, "", "ZELITRIO_CORS_ORIGINS: expected an origin such as"),
        ({}, "port == 1", "not TOML"),
        ({}, "port = " + "[" * 2000, "not TOML"),
        (
            {"ZELITRIO_TLS_CERT": "pyproject.toml"},
            "",
            "ZELITRIO_TLS_CERT and --tls-key: expected both or neither",
        ),
        ({"ZELITRIO_TLS_CERT": "no.pem", "ZELITRIO_TLS_KEY": "no.pem"}, "", "no.pem: expected a file"),
        ({"ZELITRIO_KEY_FILE": "nowhere/keys"}, "", "nowhere/keys: expected a file of SHA-256 lines"),
        ({"ZELITRIO_CONFIG": "nowhere.toml"}, "", "nowhere.toml: expected a TOML file: No such file"),
        ({"ZELITRIO_CONFIG": "tests"}, "", "tests: expected a TOML file: Is a directory"),
        ({"ZELITRIO_CONFIG": sys.executable}, "", "not TOML"),
    ],
)
def test_an_error_names_the_wrong_setting_in_one_line(
    environment: dict[str, str],
    toml: str,
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "zelitrio.toml"
    file.write_text(toml)
    monkeypatch.chdir(Path(__file__).parents[2])
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert run(["serve", *(["--config", str(file)] if toml else [])]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("zelitrio: ") and printed.count("\n") == 1
    assert complaint.replace("{file}", str(file)) in printed
    assert "sk-clear" not in printed


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["serve", "--max-streams", "0"], "--max-streams: expected 1 to 100000, found 0"),
        (["serve", "--max-streams=0"], "--max-streams: expected 1 to 100000, found 0"),
        (["serve", "--dtype", "int8"], "--dtype: expected one of float32, bfloat16, float16, found 'int8'"),
        (["serve", "--trusted-proxy", "here"], "--trusted-proxy: expected an address or a network"),
        (["serve", "--port", "http"], 'Invalid value for --port: unable to convert "http" into int.'),
        (["serve", "--tls-cert", "pyproject.toml"], "--tls-cert and --tls-key: expected both or neither"),
        (["serve", "--host", "0.0.0.0", "--state-dir", "none"], "--host: without an API key only loopback"),
        (["serve", "--history", "--port", "0", "--state-dir", "none"], "--history: expected a state_dir"),
        (["speak", "Hi.", "--speed", "9"], "--speed: expected 0.7 to 1.2, found 9.0"),
        (["deploy", "systemd", "--port", "0"], "--port: expected a fixed port, found 0"),
        (["deploy", "container", "--voices", "mine"], "--voices: a container file cannot contain it"),
    ],
)
def test_an_error_names_the_flag_that_was_typed(
    flags: list[str],
    complaint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    monkeypatch.setenv("ZELITRIO_PORT", "1")
    assert run(flags) == 2
    printed = capsys.readouterr().err.splitlines()
    assert complaint in printed[-1]


@pytest.mark.parametrize("line", ["sk-secret-key", "0" * 63, "0" * 65, "g" * 64, "0" * 32 + " " + "0" * 32])
def test_a_key_file_of_anything_but_hashes_is_refused_and_not_shown(line: str, tmp_path: Path) -> None:
    key_file = tmp_path / "keys"
    key_file.write_text(f"{'0' * 64}\n{line}\n")
    with pytest.raises(LocalError, match="line 2: expected 64 hex digits") as caught:
        parsed("--key-file", str(key_file))
    assert line not in str(caught.value)


def test_a_key_file_without_keys_is_refused(tmp_path: Path) -> None:
    key_file = tmp_path / "keys"
    key_file.write_text("# none yet\n")
    with pytest.raises(LocalError, match="at least one key"):
        parsed("--key-file", str(key_file))


def numeric_flags() -> list[tuple[str, str]]:
    found = []
    for command in ("speak", "serve", "voices", "normalise", "train"):
        for argument in app[command].assemble_argument_collection():
            if argument.resolved_hint in (int, float):
                found.append((command, argument.name))
    return found


@pytest.mark.parametrize(("command", "flag"), numeric_flags())
@pytest.mark.parametrize("value", ["-1000000", "1e30", "nan", "one"])
def test_every_number_out_of_range_is_a_usage_error(
    command: str, flag: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = {"speak": ["Hi."], "train": [str(tmp_path), str(tmp_path / "out")]}.get(command, [])
    assert run([command, *words, f"{flag}={value}"]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("zelitrio: ") and printed.count("\n") == 1
    assert flag.lstrip("-").replace("-", "_") in printed.replace("-", "_")
