"""What the pieces of a source say together; that they were read in one way is checked, since nobody saw them all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from features.agreement import disagreement
from features.business import Business
from features.problems import InputProblem
from features.sources.amounts import one_currency
from features.spark.understanding import Account

_CURRENCY = re.compile(r"Amounts in '.*' are in (.*)\.")
_PLAIN_IDS = "User ids such as 123.0"


def agreed(accounts: Sequence[Account], business: Business) -> Account:
    """The accounts of all pieces as one.

    Raises InputProblem: the problem of a piece, all_rejected, several_currencies, and undecided_reading when two pieces
    of a column of text were read in two ways; the embedded driver, which sees the whole column, decides such things.
    """
    for account in accounts:
        if account.problem:
            raise InputProblem(*account.problem)
    full = [account for account in accounts if account.events]
    if not full:
        raise InputProblem(*next(account.nothing for account in accounts if account.nothing))
    if ways := disagreement([account.notes for account in full]):
        raise _undecided(ways)
    notes = [note for account in full for note in account.notes]
    one_currency(Counter(match[1] for note in notes if (match := _CURRENCY.fullmatch(note))), business.events.value)
    if any(note.startswith(_PLAIN_IDS) for note in notes) and not all(account.whole_numbers for account in full):
        raise _undecided(["the user as a whole number (123 for 123.0)", "the user as it is written"])
    return Account(
        sum(account.rows for account in accounts), sum(account.events for account in accounts),
        sum(account.rejected for account in accounts), tuple(dict.fromkeys(notes)),
        all(account.dates_only for account in full), max(account.complete_until for account in full),
    )  # fmt: skip


def _undecided(ways: Sequence[str]) -> InputProblem:
    return InputProblem(
        f"Parts of the source read differently: {'; '.join(ways[:3])}. Spark reads the parts apart and cannot tell "
        "which is meant. Set time_format under [events] for times, write the column as timestamps or numbers, or run "
        "`winback ingest` first, which Spark then reads.",
        "undecided_reading",
    )
