"""Monthly partitions of the fact tables.

`planner` and `monthly` decide and are pure; `layouts` reads what is there, `maintenance` executes.
"""

from kpi.upkeep.partitions.layouts import missing
from kpi.upkeep.partitions.monthly import months, months_around
from kpi.upkeep.partitions.planner import CATCH_ALL

__all__ = ["CATCH_ALL", "missing", "months", "months_around"]
