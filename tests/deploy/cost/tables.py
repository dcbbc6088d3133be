"""The tables of docs/cost.md, made of formulas and prices."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.deploy.cost.formulas import FIREHOSE, FLINK, HEADRACE, SIZES, Row, Size

PAGE = Path(__file__).parents[3] / "docs" / "cost.md"
PRICES: Mapping[str, Mapping[str, object]] = tomllib.loads((Path(__file__).parent / "prices.toml").read_text())
BLOCK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class Total:
    usd: float
    open: tuple[str, ...]
    """Prices that are not known, with how many units there would be."""


def usd(row: Row, size: Size) -> float | None:
    """None where the price is not known."""
    price = PRICES[row.price].get("usd")
    return row.units(size) * price if isinstance(price, float) else None


def total(rows: Sequence[Row], size: Size) -> Total:
    known = [usd(row, size) for row in rows]
    unknown = tuple(
        f"{_count(row.units(size))} x {row.price}" for row in rows if usd(row, size) is None and row.units(size)
    )
    return Total(sum(one for one in known if one is not None), unknown)


def rendered(page: str) -> str:
    """The page with all its tables made anew."""
    tables = {"month": month, "compared": compared, "prices": prices, "intervals": intervals}
    return BLOCK.sub(lambda found: found[1] + "\n".join(tables[found[2]]()) + "\n" + found[3], page)


def month() -> Iterator[str]:
    yield "| a month, in dollars | " + " | ".join(f"{size.events_per_s:,} events/s" for size in SIZES) + " |"
    yield "|---|" + "--:|" * len(SIZES)
    for row in HEADRACE:
        if any(row.units(size) for size in SIZES):
            yield f"| {row.name} | " + " | ".join(_cell(row, size) for size in SIZES) + " |"
    totals = [total(HEADRACE, size) for size in SIZES]
    yield "| **all that has a price here** | " + " | ".join(f"**{one.usd:,.0f}**" for one in totals) + " |"
    per_million = [one.usd / (size.events_per_s * 730 * 3600 / 1e6) for one, size in zip(totals, SIZES, strict=True)]
    yield "| for a million events | " + " | ".join(f"{one:.2f}" for one in per_million) + " |"


def compared() -> Iterator[str]:
    yield "| a month, in dollars | " + " | ".join(f"{size.events_per_s:,} events/s" for size in SIZES) + " |"
    yield "|---|" + "--:|" * len(SIZES)
    ways = {"Headrace": HEADRACE, "Firehose and COPY": FIREHOSE, "Managed Flink and COPY": FLINK}
    for name, rows in ways.items():
        yield f"| {name} | " + " | ".join(_total(rows, size) for size in SIZES) + " |"
    shared = {row.price for row in HEADRACE} & {row.price for row in FIREHOSE} & {row.price for row in FLINK}
    for name, rows in ways.items():
        own = [row for row in rows if row.price not in shared]
        yield f"| only {name} | " + " | ".join(_total(own, size) for size in SIZES) + " |"
    even = " | ".join(f"{_even_kpu(size):.3f}" for size in SIZES)
    yield f"| a KPU's hour at which Managed Flink costs as much as Headrace | {even} |"


def _even_kpu(size: Size) -> float:
    [kpus] = (row for row in FLINK if row.price == "kpu_hour")
    return (total(HEADRACE, size).usd - total(FLINK, size).usd) / kpus.units(size)


def intervals() -> Iterator[str]:
    yield "| `load_interval_s` | RPUs are billed for | 8 RPUs, a month | 32 RPUs, a month |"
    yield "|--:|--:|--:|--:|"
    rpus = next(row for row in HEADRACE if row.price == "rpu_hour")
    for interval_s in (60, 300, 900, 3600):
        sizes = [replace(SIZES[1], load_interval_s=float(interval_s), base_rpus=base) for base in (8, 32)]
        share = rpus.units(sizes[0]) / (8 * 730)
        yield f"| {interval_s:,} | {share:.0%} of the time | " + " | ".join(_cell(rpus, size) for size in sizes) + " |"


def prices() -> Iterator[str]:
    yield "| price | $ | AWS's page | read at | as of |"
    yield "|---|--:|---|---|---|"
    for name, price in PRICES.items():
        value = f"{price['usd']:g}" if "usd" in price else "not found"
        yield f"| {name} | {value} | {price['aws']} | {price.get('read', '')} | {price.get('as_of', '')} |"


def _cell(row: Row, size: Size) -> str:
    if not row.units(size):
        return ""
    cost = usd(row, size)
    return f"{cost:,.2f}" if cost is not None else f"{_count(row.units(size))} x ?"


def _total(rows: Sequence[Row], size: Size) -> str:
    found = total(rows, size)
    missing = [each for each in found.open if "kpu" in each]
    return " + ".join([f"{found.usd:,.0f}", *missing])


def _count(units: float) -> str:
    return f"{units:,.0f}"
