"""Files that an operator needs, rendered from the settings of a server."""

from zelitrio.deploy.render import (
    Target,
    render,
)

__all__ = [
    "Target",
    "render",
]
