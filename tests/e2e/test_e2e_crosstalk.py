"""Twenty contexts on four sockets, most cancelled at random: each gets only its own audio."""

from __future__ import annotations

from conftest import KEY, VOICE, Server
from crosstalk import run

CONTEXTS = 40
"""`python tests/e2e/crosstalk.py URL KEY 1250` cancels a thousand."""


async def test_every_context_hears_only_itself(server: Server) -> None:
    findings = await run(server.ws_url, KEY, VOICE, CONTEXTS, seed=7)
    assert not findings.wrong
    assert findings.cancelled > CONTEXTS / 2 and findings.finished > 5
    assert findings.heard_s > CONTEXTS / 4
