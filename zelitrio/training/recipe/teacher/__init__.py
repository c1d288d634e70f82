"""The recipe of the built-in voices: a teacher's speech, a vocoder and an acoustic model that learn it.

`python -m zelitrio.training.recipe teacher` runs it whole.
"""

from __future__ import annotations
