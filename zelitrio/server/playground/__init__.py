"""The playground: a web page to try the voices, measure this server, and copy client code."""

from zelitrio.server.playground.pages import Playground, page_files

__all__ = ["Playground", "page_files"]
