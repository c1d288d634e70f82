"""Files that an operator needs, rendered from the settings of a server."""

from zelitrio.deploy.render import KINDS, Target, render

__all__ = ["KINDS", "Target", "render"]
