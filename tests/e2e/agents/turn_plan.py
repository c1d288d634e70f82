"""The turns of both agents: some whole turns, some with a barge-in, and one after those."""

LONG = (
    "This is a rather long sentence that an agent says before its listener interrupts it. "
    "And it goes on with another one, and with a third one after that, because agents like to talk. "
)
SHORT = "Sure, I can help you with that. It takes a moment."
USUAL, BARGE_INS, ROUNDS = 3, 8, 4
CUTS_S = (0.05, 0.2)
"""Seconds until each barge-in."""
