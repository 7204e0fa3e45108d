"""How good predictions turned out to be, how sure one can be of that, and how far a population has moved."""
