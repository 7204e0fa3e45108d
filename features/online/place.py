"""The online store of a business: where it is, and bringing it up to the event log."""

from __future__ import annotations

import os

from features.business import Business
from features.forgotten import forgotten
from features.online.fold import Folding
from features.online.forgetting import tell
from features.online.store import Store, open_store
from features.past import Past, mark_of, open_past
from features.progress import Progress

URL = "WINBACK_STORE_URL"  # with a password in it, so it is no part of winback.toml
FILE = "history.sqlite"


def open_history(business: Business) -> Store:
    """The online store of this business.

    Raises InputProblem (bad_store_url, store_format, bad_store, missing_package), StoreUnavailable.
    """
    zone, kinds = business.events.time_zone, business.events.max_kinds
    url, folding = os.environ.get(URL, "").strip(), Folding(days=max(business.features.windows_days))
    store = (
        Store(url, zone, kinds, folding) if url else open_store(business.state / FILE, zone, kinds, folding)
    )
    tell(store, forgotten(business))
    return store


def warm(business: Business, store: Store, now: int, progress: Progress) -> tuple[Past, bool]:
    """Bring the store up to the event log, and keep what was posted; returns the log, and whether there was work.

    A running service answers from what was there before until all is there.
    Raises what `open_past` raises, StoreUnavailable.
    """
    with store.database.alone():
        past, account = open_past(business, now, progress)
        return past, store.warm(past, account.event_ids(), mark_of(business, past), progress)
