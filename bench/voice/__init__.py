"""The quality of the voices: word error, predicted listener scores, signal measurements."""
