"""Fixtures of the tests that compare the SQL with the reference."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.warehouse import Warehouse


@pytest.fixture(scope="module")
def quiet_warehouse(module_warehouse: Warehouse) -> Iterator[Warehouse]:
    """One warehouse for all examples of a property, each of which empties it first; all may change at once."""
    never = {"capture_max_vanished_percent": 100, "capture_max_changed_percent": 100}
    module_warehouse.settings = module_warehouse.settings.model_copy(update=never)
    logger = logging.getLogger("kpi")
    level = logger.level
    logger.setLevel(logging.WARNING)
    yield module_warehouse
    logger.setLevel(level)
