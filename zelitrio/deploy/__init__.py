"""Render operators' files (systemd, containers, Kubernetes, HAProxy, Prometheus) from the settings."""

from zelitrio.deploy.render import (
    Target,
    render,
)

__all__ = [
    "Target",
    "render",
]
