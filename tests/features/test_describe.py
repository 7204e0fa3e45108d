"""The catalogue as a table: every feature on a line of its own, in columns that line up."""

from __future__ import annotations

from features.describe import HEAD, describe
from tests.laws.strategies import CASES, OWN, RICH


def test_every_feature_has_its_line() -> None:
    for case in CASES:
        head, rule, *rows = describe(case.catalog)
        assert [row.split()[0] for row in rows] == list(case.names)
        assert tuple(cell.strip() for cell in head.split("  ") if cell.strip()) == HEAD
        starts = [0, *(n + 2 for n in range(len(rule)) if rule[n : n + 2] == "  ")]
        for row, feature in zip(rows, case.catalog.features, strict=True):
            cells = [row[a:b].strip() for a, b in zip(starts, [*starts[1:], None], strict=True)]
            assert cells[:3] == [feature.name, feature.says, feature.unit]
            assert cells[3] == (f"{feature.days} days" if feature.days else "whole history")
            assert cells[4]
            assert cells[5] == (feature.missing or "never missing")


def test_lines_that_a_person_reads() -> None:
    def line(case: str, name: str) -> str:
        catalog = {"rich": RICH, "own": OWN}[case].catalog
        return " | ".join(next(row for row in describe(catalog) if row.startswith(f"{name} ")).split("  ")).replace(" |  | ", "")

    assert "login, order" in line("rich", "activity_recency")
    assert "every kind" in line("rich", "any_count_30d")
    assert "login, order; refund" in line("rich", "activity_then_refund_next")
    assert "as its function chooses" in line("own", "custom_order_span")
    assert "fewer than 2 orders" in line("own", "custom_order_span")
