"""The overview as CloudWatch's dashboards have it, rendered by templatefile for each pipeline. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from headrace_consumers.telemetry.dashboard import Line, Panel, Row
from headrace_local.observability.placeholders import templated

WIDTH, TITLE_HEIGHT, PANEL_HEIGHT = 24, 1, 6
PERIOD_S = 300


def dashboard_json(rows: Iterable[Row]) -> str:
    return json.dumps({"widgets": list(_widgets(rows))}, indent=2) + "\n"


def _widgets(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    y = 0
    for row in rows:
        yield _place(0, y, WIDTH, TITLE_HEIGHT) | {"type": "text", "properties": {"markdown": f"## {row.title}"}}
        width = WIDTH // len(row.panels)
        for column, panel in enumerate(row.panels):
            yield _place(column * width, y + TITLE_HEIGHT, width, PANEL_HEIGHT) | _graph(panel)
        y += TITLE_HEIGHT + PANEL_HEIGHT


def _place(x: int, y: int, width: int, height: int) -> dict[str, Any]:
    return {"x": x, "y": y, "width": width, "height": height}


def _graph(panel: Panel) -> dict[str, Any]:
    return {
        "type": "metric",
        "properties": {
            "title": panel.title,
            "region": templated("{region}"),
            "view": "timeSeries",
            "stacked": panel.stacked,
            "period": PERIOD_S,
            "yAxis": {"left": {"min": 0}},
            "metrics": [_metric(line, number) for number, line in enumerate(panel.lines, 1)],
        },
    }


def _metric(line: Line, number: int) -> list[Any]:
    if line.series.by:
        return [{"expression": _search(line), "id": f"e{number}", "label": ""}]
    dimensions = [templated(text) for pair in line.series.dimensions.items() for text in pair]
    options = {"stat": line.series.statistic.value, "label": line.label}
    return [line.series.namespace, line.series.name, *dimensions, options]


def _search(line: Line) -> str:
    """All values of the label. The words in braces are the metric's dimensions, all of them."""
    series = line.series
    schema = ",".join([series.namespace, *sorted([*series.dimensions, series.by])])
    terms = [f'MetricName="{series.name}"', *(f'{name}="{templated(it)}"' for name, it in series.dimensions.items())]
    return f"SEARCH('{{{schema}}} {' '.join(terms)}', '{series.statistic.value}', {PERIOD_S})"
