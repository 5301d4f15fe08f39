"""Backfills, nights and rollups of a warehouse, each to be done in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from kpi.core.settings import Settings

from tests.warehouse import Warehouse


@dataclass(frozen=True)
class OfRange:
    """Something to do with a range of days, some seconds after the process began."""

    root_uri: str
    database: str
    settings: Settings
    connections: Mapping[str, dict[str, Any]]
    first: date
    last: date
    delay: float

    @classmethod
    def of(cls, warehouse: Warehouse, first: date, last: date, delay: float) -> OfRange:
        settings = warehouse.settings.model_copy(update={"lock_wait_seconds": 60})
        return cls(
            *(warehouse.root_uri, warehouse.name, settings, warehouse.connections),
            *(first, last, delay),
        )

    def do(self) -> None:
        warehouse = Warehouse(
            self.root_uri, self.database, self.settings, connections=dict(self.connections)
        )
        warehouse.use()
        time.sleep(self.delay)
        self.write(warehouse)

    def write(self, warehouse: Warehouse) -> None:
        raise NotImplementedError


class Backfill(OfRange):
    """All days at once, then their rollups, as kpi_backfill does."""

    def write(self, warehouse: Warehouse) -> None:
        warehouse.fact_range(self.first, self.last)
        warehouse.rollup(self.first, self.last)


class Nights(OfRange):
    """The facts of one day after another, as kpi_daily computes them."""

    def write(self, warehouse: Warehouse) -> None:
        for n in range((self.last - self.first).days + 1):
            warehouse.facts(date.fromordinal(self.first.toordinal() + n))


class Rollup(OfRange):
    """The range's rollups, as kpi_rollup does."""

    def write(self, warehouse: Warehouse) -> None:
        warehouse.rollup(self.first, self.last)
