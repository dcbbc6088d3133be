"""A mistake that somebody could make in deploy/, and the check that must see it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path


class NothingToEditError(Exception):
    """The text that a mutant changes is not there, or not once: the mutant says nothing about the check."""


@dataclass(frozen=True)
class Edit:
    """In a file below deploy/; where `new` is None the file goes."""

    file: str
    old: str = ""
    new: str | None = None

    def apply(self, deploy: Path) -> None:
        path = deploy / self.file
        text = path.read_text(encoding="utf-8")
        if self.new is None:
            path.unlink()
            return
        if text.count(self.old) != 1:
            raise NothingToEditError(f"{self.file} has {text.count(self.old)} times, once is meant:\n{self.old}")
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


@dataclass(frozen=True)
class Mutant:
    name: str
    found_by: str
    edits: tuple[Edit, ...]
    where: str = ""
    """What is planned for it: an environment, or one unit of it. Nothing for what files alone tell."""

    def copy(self, deploy: Path, folder: Path) -> Path:
        """A copy of deploy/ with the mistake in it."""
        copied = folder / "deploy"
        for part in ("live", "modules"):
            shutil.copytree(deploy / part, copied / part, ignore=shutil.ignore_patterns(".terraform*"))
        for edit in self.edits:
            edit.apply(copied)
        return copied


def edited(name: str, found_by: str, file: str, old: str, new: str, *, where: str = "") -> Mutant:
    """A mutant of one edit."""
    return Mutant(name, found_by, (Edit(file, old, new),), where)
