"""Get the phonemes of other languages from espeak-ng, in its own process.

espeak-ng is GPL, and this package is not.  So it is an extra that is never loaded into this process; only
text passes through pipes.  This also separates its global state from our threads.  An answer takes less than
a millisecond.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import attrs

from zelitrio.errors import LocalError


def is_espeak_installed() -> bool:
    """Whether the extra `espeak` is installed."""
    return find_spec("espeakng_loader") is not None


@attrs.define(eq=False)
class Espeak:
    """A child process, started when first needed, and shared by all threads."""

    _child: subprocess.Popen[str] | None = attrs.field(default=None, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def phonemes(self, voice: str, texts: Sequence[str], *, ties: bool) -> list[str]:
        """The IPA of each text.

        Raises:
            LocalError: the extra is not installed, espeak lacks the voice, or the process has ended.
        """
        if not is_espeak_installed():
            raise LocalError("this voice is read by espeak: pip install 'zelitrio[espeak]'")
        request = json.dumps({"voice": voice, "texts": list(texts), "ties": ties})
        with self._lock:
            line = self._ask(request) or self._ask(request)  # once more, with a new process
        if not line:
            raise LocalError(f"espeak: expected phonemes of {voice}, found a process that ended")
        answer = json.loads(line)
        if "error" in answer:
            raise LocalError(str(answer["error"]))
        return [str(text) for text in answer["said"]]

    def close(self) -> None:
        """End the process, if it runs."""
        with self._lock:
            self._end()

    def _ask(self, request: str) -> str:
        if self._child is None:
            path = Path(__file__).with_name("espeak_child.py")
            self._child = subprocess.Popen(
                [sys.executable, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
            )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        try:
            self._child.stdin.write(request + "\n")
            self._child.stdin.flush()
            line = self._child.stdout.readline()
        except OSError:
            line = ""
        if not line:
            self._end()
        return line

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.communicate()


SHARED = Espeak()
"""The child of all readers in this process."""
