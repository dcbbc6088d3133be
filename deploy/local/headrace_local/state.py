"""What a stack writes down of itself, and how a command finds it again."""

from __future__ import annotations

import os
from enum import StrEnum

import msgspec
import psutil

from headrace_local import processes
from headrace_local.folder import FolderLock, StackFolder
from headrace_local.resources import Resources


class Phase(StrEnum):
    BUSY = "busy"
    """A command starts it, uses it or stops it, and ends it when itself ends."""
    UP = "up"
    """It runs by itself until `down`."""


class StackState(msgspec.Struct, frozen=True, kw_only=True):
    """`state.json` in the stack's folder; replaced whole, so it is never read half written."""

    name: str
    phase: Phase
    owner_pid: int
    owner_started: float
    endpoint: str = ""
    resources: Resources | None = None
    """None while it starts."""
    warehouse_url: str = ""
    """Empty where there is none."""


def new_state(folder: StackFolder) -> StackState:
    """A stack that this process owns and that has nothing yet."""
    started = psutil.Process().create_time()
    return StackState(name=folder.name, phase=Phase.BUSY, owner_pid=os.getpid(), owner_started=started)


def write_state(folder: StackFolder, state: StackState) -> None:
    fresh = folder.state_path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(state))
    fresh.replace(folder.state_path)


def read_state(folder: StackFolder) -> StackState | None:
    """None where there is none, or an older Headrace wrote it."""
    try:
        return msgspec.json.decode(folder.state_path.read_bytes(), type=StackState)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def is_up(folder: StackFolder, state: StackState | None) -> bool:
    """Only true of a stack that was left running and whose local AWS still runs (a reboot ends that)."""
    if state is None or state.phase is not Phase.UP:
        return False
    return any(member.role == "aws" for member in processes.members(folder))


def end_stack(lock: FolderLock) -> None:
    """Kills what runs and removes the folder. Nothing of it is worth saving: it lives in memory."""
    processes.kill_members(lock.folder)
    lock.remove_folder()


def clear_remains(lock: FolderLock) -> bool:
    """Ends a stack that lost its owner; leaves one alone that is up. True where nothing is left."""
    if is_up(lock.folder, read_state(lock.folder)):
        return False
    end_stack(lock)
    return True
