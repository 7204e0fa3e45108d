"""Readers of event files, one file a format."""
