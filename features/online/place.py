"""Where the online store of a business is: in PostgreSQL by one URL in the environment, else in a file."""

from __future__ import annotations

import os

from features.business import Business
from features.forgotten import forgotten
from features.online.forgetting import tell
from features.online.store import Store, open_store

URL = "WINBACK_STORE_URL"  # with a password in it, so it is no part of winback.toml
FILE = "history.sqlite"


def open_history(business: Business) -> Store:
    """The online store of this business.

    Raises InputProblem (bad_store_url, store_format, bad_store, missing_package), StoreUnavailable.
    """
    zone, kinds = business.events.time_zone, business.events.max_kinds
    url = os.environ.get(URL, "").strip()
    store = Store(url, zone, kinds) if url else open_store(business.state / FILE, zone, kinds)
    tell(store, forgotten(business))
    return store
