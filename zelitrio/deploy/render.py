"""Render the files of one kind, each from a template and the settings."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any

import attrs
import orjson
from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateNotFound

from zelitrio import __version__
from zelitrio.errors import LocalError, SettingError
from zelitrio.settings import EngineSettings, ServerSettings, SessionSettings, StartSettings, is_loopback

_FILES: Mapping[str, tuple[str, ...]] = {
    "systemd": ("zelitrio.service", "zelitrio.toml"),
    "container": ("Containerfile", "containerignore"),
    "compose": ("compose.yaml", "prometheus.yml", "datasource.yml", "dashboards.yml"),
    "kubernetes": ("zelitrio.yaml",),
    "haproxy": ("haproxy.cfg",),
    "prometheus": ("prometheus.yml", "zelitrio.rules.yml"),
    "grafana": ("zelitrio.dashboard.json",),
}
_FROM_OTHER_KINDS: Mapping[str, tuple[str, ...]] = {
    "compose": ("container", "grafana", "prometheus/zelitrio.rules.yml"),
}
KINDS = tuple(_FILES)
_IN_BOXES = ("container", "compose", "kubernetes")
"""Kinds in which the server has its own address, so it must listen on all addresses."""
_SECRET = ("api_keys", "key_file")
"""Settings that are never written; the server's keys are in its state folder."""
_ON_LOOPBACK = frozenset({"127.0.0.1", "0.0.0.0", "localhost", "::"})
"""Hosts that include 127.0.0.1."""
_TLS_PORT, _LAST_PORT = 443, 65535
_AFTER_DRAIN_S = 15
"""Time from the end of the drain to the end of the process, with a margin."""


@attrs.frozen(kw_only=True)
class Target:
    """The settings and options of the files.

    Attributes:
        server, session, engine, start: the settings of each server.
        cuda: whether to reserve an NVIDIA GPU and install torch with CUDA.
        replicas: servers that share a balancer, or pods.
        image: name of the container image.
        domain: the clients' host name, also in the balancer's certificate; None: plain text.
        balancer_port: the balancer's port for plain text.
    """

    server: ServerSettings = attrs.field(factory=ServerSettings)
    session: SessionSettings = attrs.field(factory=SessionSettings)
    engine: EngineSettings = attrs.field(factory=EngineSettings)
    start: StartSettings = attrs.field(factory=StartSettings)
    cuda: bool = False
    replicas: int = 1
    image: str = "zelitrio:latest"
    domain: str | None = None
    balancer_port: int = 80


def render(kind: str, target: Target) -> dict[PurePosixPath, str]:
    """Return the text of each file, by its path in the output folder.

    Raises:
        LocalError: the kind is unknown, or the settings contradict the kind or each other.
    """
    _check(kind, target)
    environment = Environment(
        loader=_PackageTemplates(),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        variable_start_string="<<",
        variable_end_string=">>",
        autoescape=False,
    )
    environment.filters["toml"] = environment.filters["json"] = _as_json
    values = _values(kind, target)
    names = [f"{kind}/{name}" for name in _FILES[kind]]
    for other in _FROM_OTHER_KINDS.get(kind, ()):
        names += [other] if "/" in other else [f"{other}/{name}" for name in _FILES[other]]
    return {
        PurePosixPath(name.partition("/")[2]): environment.get_template(name).render(values) for name in names
    }


class _PackageTemplates(BaseLoader):
    def get_source(self, environment: Environment, template: str) -> tuple[str, None, None]:
        path = files("zelitrio.deploy").joinpath("templates", *template.split("/"))
        if not path.is_file():
            raise TemplateNotFound(template)
        return path.read_text(encoding="utf-8"), None, None


def _check(kind: str, target: Target) -> None:
    if kind not in _FILES:
        raise LocalError(f"kind: expected one of {', '.join(KINDS)}, found {kind[:40]!r}")
    if not 1 <= target.replicas <= 1000:
        raise LocalError(f"replicas: expected 1 to 1000, found {target.replicas}")
    if target.cuda and target.engine.device == "cpu":
        raise LocalError("--cuda and device cpu contradict each other: expected one of them")
    if target.engine.device.startswith("cuda") and not target.cuda and kind in _IN_BOXES:
        message = f"a {kind} file reserves a GPU only with --cuda, found {target.engine.device}"
        raise SettingError(message, "device")
    if target.server.port == 0:
        raise SettingError("expected a fixed port, found 0", "port")
    if kind == "haproxy":
        _check_balancer(target)
    for name in ("voices", "lexicon"):
        if kind in _IN_BOXES and getattr(target.start, name):
            raise SettingError(f"a {kind} file cannot contain it; add it to the image", name)
    if kind in _IN_BOXES and target.server.tls_cert is not None:
        message = f"a {kind} file cannot contain a certificate; end TLS in a proxy"
        raise SettingError(message, "tls_cert")
    if kind == "kubernetes" and target.server.state_dir is not None and target.replicas > 1:
        message = f"one volume serves one pod; expected replicas 1, found {target.replicas}"
        raise SettingError(message, "state_dir")
    for name in ("image", "domain"):
        value = getattr(target, name)
        if value is None:
            continue
        if not value or any(character.isspace() or not character.isprintable() for character in value):
            raise LocalError(f"{name}: expected a name without spaces, found {value!r}")


def _check_balancer(target: Target) -> None:
    server = target.server
    if server.tls_cert is not None:
        raise SettingError("the balancer ends TLS; expected servers without TLS", "tls_cert")
    if not any(host in _ON_LOOPBACK for host in server.host):
        found = ", ".join(server.host)
        raise SettingError(f"the balancer reaches servers at 127.0.0.1; expected it, found {found}", "host")
    owners = {target.balancer_port: "balancer_port"}
    if target.domain is not None:
        owners.setdefault(_TLS_PORT, "the balancer's TLS port")
    for name, first in (("port", server.port), ("agent_port", server.agent_port)):
        for port in range(first, first + target.replicas) if first else ():
            if port > _LAST_PORT:
                count = target.replicas
                raise SettingError(f"expected {count} ports from {first} on, the last is {_LAST_PORT}", name)
            if port in owners:
                raise SettingError(f"expected an unused port, found {port}, taken by {owners[port]}", name)
            owners[port] = name


def _values(kind: str, target: Target) -> dict[str, Any]:
    changed = {
        field.name: value
        for settings in (target.server, target.session, target.engine, target.start)
        for field in attrs.fields(type(settings))
        if (value := getattr(settings, field.name)) != field.default and field.name not in _SECRET
    }
    if kind in _IN_BOXES:
        changed.pop("host", None)
    return {
        "settings": {name: _plain(value) for name, value in changed.items() if value is not None},
        "environment": {f"ZELITRIO_{name.upper()}": _in_one(value) for name, value in changed.items()},
        "port": target.server.port,
        "drain_s": round(target.server.drain_s),
        "stop_s": round(target.server.drain_s) + _AFTER_DRAIN_S,
        "max_connections": target.server.max_connections,
        "is_local": all(is_loopback(host) for host in target.server.host),
        "scheme": "https" if target.server.tls_cert else "http",
        "cuda": target.cuda,
        "root_path": target.server.root_path,
        "keeps_state": target.server.state_dir is not None,
        "state_dir": str(target.server.state_dir or "/var/lib/zelitrio"),
        "replicas": target.replicas,
        "image": target.image,
        "domain": target.domain,
        "balancer_port": target.balancer_port,
        "agent_port": target.server.agent_port,
        "version": __version__,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset | tuple):
        items = [str(item) for item in value]
        return items if isinstance(value, tuple) else sorted(items)
    return value if isinstance(value, bool | int | float | str) else str(value)


def _in_one(value: Any) -> str:
    value = _plain(value)
    return ",".join(value) if isinstance(value, list) else str(value)


def _as_json(value: Any) -> str:
    """A literal of JSON; for text, numbers, booleans and lists it is also valid TOML and YAML."""
    return orjson.dumps(value).decode()
