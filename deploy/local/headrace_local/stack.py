"""The life of a stack: started, left running or ended, found again."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from headrace_local import processes
from headrace_local.aws import SERVICES, StartedAws, start_aws
from headrace_local.environment import AwsClients
from headrace_local.errors import StackBusyError
from headrace_local.folder import FolderLock, StackFolder
from headrace_local.keeper import Keeper
from headrace_local.names import LOCAL, Names
from headrace_local.processes import Member
from headrace_local.resources import PIPELINE, Resources, create_resources
from headrace_local.state import Phase, StackState, clear_remains, end_stack, new_state, read_state, write_state
from headrace_local.warehouse import StartedWarehouse, start_warehouse

_OWNER_TIMEOUT_S = 90.0
_REAP_TIMEOUT_S = 10.0
_GLANCE_S = 1.0
"""`status` holds the lock for a moment, to look for remains."""


@dataclass(frozen=True, slots=True)
class StackPlan:
    """What a stack shall have in it."""

    pipeline: str = PIPELINE
    shards: int = 2
    environment: str = LOCAL
    """Whose names all has."""
    provide: Callable[[AwsClients, Resources], None] = create_resources
    """Makes it."""
    services: Sequence[str] = SERVICES
    """Of the local AWS."""


class OwnedStack:
    """A stack that ends with the command that started it, unless that says `leave_up`."""

    def __init__(
        self,
        folder: StackFolder,
        state: StackState,
        clients: AwsClients,
        resources: Resources,
        aws: StartedAws,
        *,
        warehouse: StartedWarehouse | None,
    ) -> None:
        self.folder = folder
        self.state = state
        self.clients = clients
        self.resources = resources
        self.sftp_port = aws.sftp_port
        self._warehouse = warehouse
        self._processes = [aws.process] + ([warehouse.process] if warehouse else [])

    @property
    def endpoint(self) -> str:
        return self.state.endpoint

    def await_warehouse(self) -> str:
        """The local Redshift's url, once it takes clients; empty where there is none. Raises StartError."""
        if self._warehouse and not self.state.warehouse_url:
            self.state = msgspec.structs.replace(self.state, warehouse_url=self._warehouse.wait())
            write_state(self.folder, self.state)
        return self.state.warehouse_url

    def leave_up(self) -> None:
        """From here on it runs until `down`, whatever becomes of this command. Raises StartError."""
        self.await_warehouse()
        self.state = msgspec.structs.replace(self.state, phase=Phase.UP)
        write_state(self.folder, self.state)

    def reap(self) -> None:
        """After its end: takes the dead child off the system's list."""
        if self.state.phase is Phase.BUSY:
            for process in self._processes:
                process.wait(_REAP_TIMEOUT_S)


@contextmanager
def owned_stack(folder: StackFolder, plan: StackPlan, *, warehouse: bool = False) -> Iterator[OwnedStack]:
    """Starts the local AWS with its resources, and the local Redshift where it is wanted, which may still be starting
    then. Left by whatever way, even SIGKILL, it leaves no process and no folder, unless the stack was left up. Raises
    StackBusyError, StartError."""
    keeper = Keeper(folder)
    try:
        lock = _lock_for_new(folder)
        stack = None
        try:
            stack = _start(lock, plan, warehouse=warehouse)
            yield stack
        finally:
            _let_go(lock)
            if stack is not None:
                stack.reap()
    finally:
        keeper.close()


def _let_go(lock: FolderLock) -> None:
    try:
        clear_remains(lock)
    finally:
        lock.release()


def _lock_for_new(folder: StackFolder) -> FolderLock:
    """The lock of an empty folder. What a dead command left behind is removed first, and its folder: hence the loop."""
    while True:
        lock = folder.lock() or folder.wait_for_lock(_GLANCE_S) or folder.lock()
        if lock is None:
            raise StackBusyError(
                f"another command works with stack {folder.name}; wait for it, or choose another --name"
            )
        if not any(folder.path.iterdir()):
            return lock
        cleared = clear_remains(lock)
        lock.release()
        if not cleared:
            raise StackBusyError(
                f"stack {folder.name} is up already; `headrace-local down --name {folder.name}` ends it, "
                "another --name starts one beside it"
            )


def _start(lock: FolderLock, plan: StackPlan, *, warehouse: bool) -> OwnedStack:
    folder = lock.folder
    state = new_state(folder)
    write_state(folder, state)
    aws = start_aws(folder, plan.services)
    started = start_warehouse(folder, aws.endpoint) if warehouse else None
    clients = AwsClients(aws.endpoint)
    resources = Resources.named(Names.found_by(clients, plan.environment), plan.pipeline, plan.shards)
    state = msgspec.structs.replace(state, endpoint=aws.endpoint, resources=resources)
    stack = OwnedStack(folder, state, clients, resources, aws, warehouse=started)
    plan.provide(clients, resources)
    write_state(folder, state)
    return stack


@dataclass(frozen=True, slots=True)
class StackStatus:
    """What `status` tells."""

    state: StackState
    members: list[Member]


def status(folder: StackFolder) -> StackStatus | None:
    """None where nothing runs; what a dead command left behind is removed on the way."""
    lock = folder.lock_existing()
    if lock is not None:
        cleared = clear_remains(lock)
        lock.release()
        if cleared:
            return None
    state = read_state(folder)
    return StackStatus(state, processes.members(folder)) if state else None


def down(folder: StackFolder) -> bool:
    """Ends the stack, whoever started it; a command that works with it is asked to stop first. False: there was none.
    Raises StackBusyError where that command does not stop."""
    if not folder.path.exists():
        return False
    lock = folder.lock_existing() or _lock_after_owner(folder)
    if lock is None:
        return True
    end_stack(lock)
    lock.release()
    return True


def _lock_after_owner(folder: StackFolder) -> FolderLock | None:
    """Asks the owner to stop and waits; None where it removed the folder itself, as it should."""
    state = read_state(folder)
    if state and state.owner_pid != os.getpid() and processes.is_running(state.owner_pid, state.owner_started):
        os.kill(state.owner_pid, signal.SIGTERM)
    lock = folder.wait_for_lock(_OWNER_TIMEOUT_S)
    if lock is None and folder.path.exists():
        raise StackBusyError(f"the command that works with stack {folder.name} does not stop; end it first")
    return lock
