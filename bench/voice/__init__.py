"""How the voices sound: what recognisers hear, what a listener model scores, what signals show."""
