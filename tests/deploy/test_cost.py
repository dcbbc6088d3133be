"""docs/cost.md says what its formulas give, and these follow the product."""

from __future__ import annotations

from dataclasses import replace

from tests.deploy.cost.formulas import HEADRACE, SIZES, commit_write_units, log_write_units
from tests.deploy.cost.tables import BLOCK, PAGE, PRICES, rendered, total


def test_the_page_is_as_the_formulas_have_it() -> None:
    """Where this fails: `uv run python -m tests.deploy.cost`."""
    page = PAGE.read_text(encoding="utf-8")
    assert [name for _, name, _ in BLOCK.findall(page)] == ["month", "intervals", "compared", "prices"]
    assert page == rendered(page)


def test_every_price_is_used_and_says_where_it_was_read() -> None:
    for name, price in PRICES.items():
        assert str(price["aws"]).startswith("https://aws.amazon.com/"), name
        assert ("usd" in price) == ("read" in price) == ("as_of" in price), name
    assert {row.price for row in HEADRACE} <= PRICES.keys()


def test_a_commits_transaction_is_billed_as_dynamodb_bills_it() -> None:
    """Two units for each begun KB of each item: 7 files are 3.4 KB, a link is below one, the check is one more."""
    assert commit_write_units(files=7, links=4) == 2 * (4 + 4 + 1)


def test_commits_follow_time_until_batches_fill() -> None:
    """So a stream of a hundred times the load writes the same log."""
    small, large = (replace(SIZES[1], events_per_s=events) for events in (100, 5_000))
    assert log_write_units(small) == log_write_units(large)
    assert log_write_units(replace(SIZES[1], events_per_s=500_000)) > log_write_units(large)


def test_what_has_no_price_is_in_no_total() -> None:
    found = total(HEADRACE, SIZES[0])
    assert found.usd > 0
    assert any("alarm_metric_month" in each for each in found.open)
