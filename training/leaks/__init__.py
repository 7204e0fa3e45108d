"""Detectors of leaks, run in every training: what nobody could have known, and rows that are not what they say."""
