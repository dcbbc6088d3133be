"""Which transforms ever ran, noted in the log before the first byte: what a killed one left can be found."""

from __future__ import annotations

from headrace_batch.place import Place

_MARK = "transform "


def note_transform(place: Place, name: str) -> None:
    place.log.mark(place.pipeline.name, f"{_MARK}{name}", name)


def known_transforms(place: Place) -> tuple[str, ...]:
    """Their tables in the curated zone."""
    marks = place.log.marks(place.pipeline.name)
    return tuple(sorted(value for mark, value in marks.items() if mark.startswith(_MARK)))
