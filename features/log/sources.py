"""A source that is named on the command line, read as winback.toml says."""

from __future__ import annotations

from pathlib import Path

from features.business import Business


def business_with(business: Business, source: str) -> Business:
    """The same business with another source; a relative path is relative to the current folder."""
    return business.model_copy(update={"events": business.events.reading(source, Path.cwd())})
