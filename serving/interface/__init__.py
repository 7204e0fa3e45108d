"""What callers meet: every route, how it is asked and answered, who may ask, and how much at once."""
