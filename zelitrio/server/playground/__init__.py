"""The playground: a web page to try the voices, measure this server, and copy client code."""

from zelitrio.server.playground.pages import Playground

__all__ = ["Playground"]
