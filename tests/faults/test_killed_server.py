"""MySQL killed in a night, a backfill, a refresh: once it is back, a retry ends as if nothing had been."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest
from kpi.core.settings import Settings
from kpi.operators.dimensions import DimensionsOperator
from mysql_server import PrivateServer

from tests.faults.power_cuts import killed_and_back, killed_and_gone, mortal_server
from tests.faults.processes import statements_of
from tests.faults.under_fire import CHANGES
from tests.golden import school
from tests.golden.reading import COMPUTED, Rows, contents
from tests.sql.schemas import bare_databases
from tests.warehouse import HISTORY, Warehouse

pytestmark = pytest.mark.long

FIRST, SECOND, TODAY = school.day_of(0), school.day_of(1), school.day_of(2)
MORNING = datetime(2026, 2, 15, 9)
DIMENSIONS = ("kpi_scope", "kpi_target", "kpi_target_closure")
ALL = (
    *HISTORY,
    "kpi_src_scope",
    "kpi_src_target",
    "kpi_src_learner",
    "kpi_reject",
    *DIMENSIONS,
    *COMPUTED,
    "kpi_day_sum",
)


class Part(NamedTuple):
    """Something to do, what happens before it, whether it is one transaction, and sends less when it was done."""

    work: Callable[[Warehouse], object]
    before: Callable[[Warehouse], object] = lambda _: None
    at_once: bool = True
    finds_it_done: bool = False


def second_day(made: Warehouse) -> None:
    made.load_source(school.source(1))
    for relation in ("scope", "target"):
        made.source(f"UPDATE {relation} SET label = CONCAT(label, ' renamed') WHERE ref_id = 1")


def dimensions(made: Warehouse) -> None:
    sql = made.render("dimensions/dimensions.sql")
    DimensionsOperator(task_id="dimensions", sql=sql).execute({})


def corrected(made: Warehouse) -> None:
    for change in CHANGES:
        made.execute(change)


def work_of_the_day(made: Warehouse) -> None:
    made.source(
        "UPDATE realisation SET progress_pct = 33, changed_at = %s WHERE learner_id IN (1, 2, 3)",
        [MORNING - timedelta(minutes=1)],
    )


def refreshed(made: Warehouse) -> None:
    made.changed(1, 2, 3)
    made.refresh(MORNING)


# In order: each begins with what the ones before it left.
PARTS = {
    "capture": Part(lambda made: made.capture(SECOND), second_day),
    "dimensions": Part(dimensions),
    "kpi_value": Part(lambda made: made.facts(SECOND, ["kpi_value"])),
    "kpi_state_count": Part(lambda made: made.facts(SECOND, ["kpi_state_count"])),
    "kpi_percentiles": Part(lambda made: made.facts(SECOND, ["kpi_percentiles"])),
    "rollup": Part(lambda made: made.rollup(SECOND), at_once=False),
    "the day is opened": Part(lambda made: made.open_day(TODAY), at_once=False),
    "refresh": Part(refreshed, work_of_the_day, finds_it_done=True),
    "a chunk of a backfill": Part(
        lambda made: made.fact_range(FIRST, SECOND), corrected, at_once=False
    ),
    "the backfill's rollups": Part(lambda made: made.rollup(FIRST, SECOND), at_once=False),
}


@dataclass
class Undisturbed:
    """What a part sends, and all that is stored after it; no ids, no instants of writing."""

    sent: list[str]
    stored: dict[str, Rows]


@dataclass
class Batch:
    """A warehouse on its way through the parts, on a server that may be killed."""

    server: PrivateServer
    made: Warehouse
    undisturbed: dict[str, Undisturbed]
    done: list[str] = field(default_factory=list)

    def begin(self, name: str) -> None:
        """Do what comes before a part, as far as it is not done."""
        for earlier in PARTS:
            if earlier not in self.done:
                PARTS[earlier].before(self.made)
                self.done.append(earlier)
                if earlier == name:
                    return
                PARTS[earlier].work(self.made)


@pytest.fixture(scope="module")
def batch(contract_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    with (
        mortal_server(tmp_path_factory.mktemp("mortal")) as server,
        bare_databases(server.root_uri, contract_settings) as bare,
    ):
        model = first_night(bare("model"))
        undisturbed = {}
        for name, part in PARTS.items():
            part.before(model)
            sent = statements_of(lambda part=part: part.work(model))  # type: ignore[misc]
            undisturbed[name] = Undisturbed(sent, contents(model, ALL))
        yield Batch(server, first_night(bare("mortal")), undisturbed)


def first_night(made: Warehouse) -> Warehouse:
    made.create_contract_source()
    made.bootstrap(school.FIRST_DAY.replace(day=1), school.FIRST_DAY.replace(month=4))
    made.load_source(school.source(0))
    made.night(FIRST)
    made.rollup(FIRST)
    return made


@pytest.mark.parametrize("name", PARTS)
def test_killed_and_tried_again(batch: Batch, name: str) -> None:
    """First it is gone, twice, and the task is run again; then it is back at once, and the task goes on by itself."""
    batch.made.use()
    batch.begin(name)
    part, sent = PARTS[name], batch.undisturbed[name].sent
    old, new = contents(batch.made, ALL), batch.undisturbed[name].stored
    assert old != new, "there is something to do"
    commits = [number for number, text in enumerate(sent, start=1) if text == "COMMIT"]

    def work() -> Any:
        return part.work(batch.made)

    killed_and_gone(batch.server, work, len(sent) // 2)
    assert not part.at_once or contents(batch.made, ALL) in (old, new)
    # What is done already is not deleted again: a part of several transactions sends less the second time.
    killed_and_gone(batch.server, work, commits[-1] if part.at_once else len(sent) * 3 // 4)
    assert not part.at_once or contents(batch.made, ALL) in (old, new)
    killed_and_back(batch.server, work, 1 if part.finds_it_done else len(commits) // 2 + 1)
    assert contents(batch.made, ALL) == new
    work()
    assert contents(batch.made, ALL) == new, "a run more changes nothing"


def test_no_table_was_harmed(batch: Batch) -> None:
    """The ledger has no run of the dead, and each table is sound."""
    batch.made.use()
    batch.begin(list(PARTS)[-1])
    assert batch.made.rows("SELECT DISTINCT state FROM kpi_run") == [("DONE",)]
    checked = batch.made.rows(f"CHECK TABLE {', '.join([*ALL, 'kpi_run'])}")
    assert {text for *_, text in checked} == {"OK"}
