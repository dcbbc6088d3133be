"""One harbour for all tests of files, schemas and windows; what each commits and loads is its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.consumers.load.harbour import Harbour, local_harbour
from tests.consumers.load.quay import Quay


@pytest.fixture(scope="session")
def quays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harbour]:
    """Where quays are made."""
    with local_harbour(tmp_path_factory.mktemp("quays")) as made:
        yield made


@pytest.fixture
def quay(quays: Harbour) -> Iterator[Quay]:
    """With a pipeline and tables of its own."""
    yield Quay(quays)
    quays.close()
