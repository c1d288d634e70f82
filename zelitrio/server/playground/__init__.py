"""The playground: a page that lets a person hear, see and measure this server, and copy the code."""

from zelitrio.server.playground.pages import Playground, page_files

__all__ = ["Playground", "page_files"]
