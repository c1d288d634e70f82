"""The recipe of the built-in voices: a teacher's speech, a vocoder and an acoustic model that learn it.

`python -m zelitrio.training.teacher` runs it whole.  `zelitrio train` needs nothing of it.
"""

from __future__ import annotations
