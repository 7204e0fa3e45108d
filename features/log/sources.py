"""A source that is named on the command line, read as winback.toml says."""

from __future__ import annotations

import os

from features.business import Business


def business_with(business: Business, source: str) -> Business:
    """The same business with another source; a relative path is relative to the current folder."""
    events = business.events.model_copy(update={"source": os.path.abspath(source)})
    return business.model_copy(update={"events": events})
