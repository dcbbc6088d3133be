"""Files below deploy/modules that are generated from the metrics catalogue, its alarms and the overview."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from headrace_consumers.telemetry.alarms import ALARMS, LOG_METRICS
from headrace_consumers.telemetry.dashboard import OVERVIEW
from headrace_local.errors import LocalError
from headrace_local.observability.alarms import alarms_json
from headrace_local.observability.cloudwatch import dashboard_json
from headrace_local.observability.collector import collector_yaml

MODULES = Path(__file__).resolve().parents[3] / "modules"


def generated_files() -> Mapping[str, str]:
    """Path below deploy/modules to text."""
    return {
        "observability/alarms.json": alarms_json(ALARMS, LOG_METRICS),
        "observability/dashboard.json": dashboard_json(OVERVIEW),
        "task/collector.yaml.tftpl": collector_yaml(ALARMS, OVERVIEW),
    }


def outdated(modules: Path = MODULES) -> list[Path]:
    """The files that are not as the code says. Raises LocalError where there is no checkout."""
    if not modules.is_dir():
        raise LocalError(f"{modules} is not there: run this in a checkout of the repository")
    files = {modules / path: text for path, text in generated_files().items()}
    return [path for path, text in files.items() if not path.is_file() or path.read_text() != text]


def write(modules: Path = MODULES) -> list[Path]:
    """Writes the outdated ones; which these were."""
    stale = outdated(modules)
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(generated_files()[path.relative_to(modules).as_posix()])
    return stale
