"""Make the voices and the model of this package.  `zelitrio train` does not use this.

`python -m zelitrio.training.recipe` has commands for the natural voices (from recordings), the built-in
voices (from a teacher's speech), and the letter-to-sound model.
"""

from __future__ import annotations

from zelitrio.training.recipe.speakers import speaker_named

__all__ = ["speaker_named"]
