"""How the voices sound: word error of recognisers, scores of a listener model, signal measurements."""
