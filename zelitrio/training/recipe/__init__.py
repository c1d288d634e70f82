"""How the voices and models inside the package were made.  `zelitrio train` needs nothing of it.

`python -m zelitrio.training.recipe` has a command for each: the natural voices from recordings, the built-in
voices from a teacher's speech, and the letter-to-sound model.
"""

from __future__ import annotations

from zelitrio.training.recipe.speakers import speaker_named

__all__ = ["speaker_named"]
