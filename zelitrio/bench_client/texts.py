"""Ten sentences of our own, similar to LJSpeech's in length and kind (4 to 10 s)."""

from __future__ import annotations

SENTENCES = (
    "The first printed maps of the northern coast were drawn by men who had never seen the ice.",
    "By the spring of that year the company had laid forty miles of track and buried eleven of its workers.",
    "It was generally agreed that the new bridge would outlast every building in the town.",
    "The keeper of the records wrote down each name twice, once in ink and once in pencil, and locked the"
    " door behind him.",
    "No light was allowed in the lower rooms after nine, and few of the residents ever asked for one.",
    "In the opinion of the committee, the cost of repairing the old mill was greater than that of a new one.",
    "A narrow staircase led from the kitchen to a small room under the roof where the letters were kept.",
    "The harbour froze early, and for eleven weeks nothing reached the island except what the wind brought.",
    "He described the machine as a simple arrangement of wheels, weights and patience.",
    "When the inspectors returned in the autumn they found the walls painted, the windows mended and the"
    " garden full of children.",
)
LONG_TEXT = " ".join(SENTENCES)
"""More than a minute of speech."""
