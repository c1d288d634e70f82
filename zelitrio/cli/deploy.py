"""`zelitrio deploy`: write files for operators."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from zelitrio.cli.configure import FLAT
from zelitrio.errors import LocalError
from zelitrio.settings import EngineSettings, ServerSettings, SessionSettings, StartSettings

_SERVER = Group.create_ordered("Settings of each server")


def deploy(
    kind: str,
    *,
    out: Path = Path(),
    cuda: bool = False,
    replicas: int = 1,
    image: str = "zelitrio:latest",
    domain: str | None = None,
    balancer_port: int = 80,
    force: bool = False,
    server: Annotated[ServerSettings, FLAT, Parameter(group=_SERVER)] = ServerSettings(),
    session: Annotated[SessionSettings, FLAT, Parameter(group=_SERVER)] = SessionSettings(),
    engine: Annotated[EngineSettings, FLAT, Parameter(group=_SERVER)] = EngineSettings(),
    start: Annotated[StartSettings, FLAT, Parameter(group=_SERVER)] = StartSettings(),
    config: Path | None = None,
) -> None:
    """Write the files of one kind for the current settings, and print their names.

    Settings come from flags, the environment and --config, as for `serve`. Keys are never written.

    Parameters
    ----------
    kind
        systemd, container, compose, kubernetes, haproxy, prometheus or grafana.
    out
        Folder to write to [default: the current one].
    cuda
        Reserve an NVIDIA GPU, and install torch with CUDA.
    replicas
        Servers that share a balancer, or pods.
    image
        Name of the container image.
    domain
        The clients' host name, also in the balancer's certificate [default: the balancer speaks plain text].
    balancer_port
        Port of the balancer for plain text.
    force
        Overwrite files.
    config
        A TOML file with settings.
    """
    from zelitrio.deploy import Target, render

    target = Target(
        server=server,
        session=session,
        engine=engine,
        start=start,
        cuda=cuda,
        replicas=replicas,
        image=image,
        domain=domain,
        balancer_port=balancer_port,
    )
    texts = render(kind, target)
    paths = {out / name: text for name, text in texts.items()}
    taken = [str(path) for path in paths if path.exists()]
    if taken and not force:
        raise LocalError(f"{', '.join(taken)}: expected no file of that name; give --force or another --out")
    _write(paths)
    for path in paths:
        print(path)


def _write(texts: Mapping[Path, str]) -> None:
    """Write all files or none: first each one under another name."""
    drafts = {path.with_name(f"{path.name}.new"): path for path in texts}
    try:
        for draft, path in drafts.items():
            draft.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(texts[path], encoding="utf-8")
        for draft, path in drafts.items():
            draft.replace(path)
    except OSError as error:
        for draft in drafts:
            with suppress(OSError):
                draft.unlink()
        raise LocalError(f"--out: cannot write {error.filename}: {error.strerror}") from error
