"""Candidate models, one a file, simplest first on the ladder."""
