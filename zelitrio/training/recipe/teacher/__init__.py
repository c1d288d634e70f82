"""The recipe of the built-in voices: an acoustic model and a vocoder learn from a teacher's speech.

`python -m zelitrio.training.recipe teacher` runs all of it.
"""

from __future__ import annotations
