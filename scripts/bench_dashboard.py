"""The benchmark of the dashboard: how long each route takes while ten people use it.

Usage: make bench-dashboard [ARGS='--learners 20000 --users 10 --requests 100 --plans docs/plans']. It makes a server of
its own with about 5 million rows of kpi_value (20,000 learners in 800 groups), starts Airflow's api-server on it, and
lets the users ask one route at a time, each for figures of his own choice, the next as soon as the last is answered.
Times are as a browser sees them, from the request to the answer's last byte: login, rights, query. The processor time
spent on a request, of Airflow, MySQL and the users' own program, tells more when the machine has other work. The
queries' plans go to the folder named.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import quote_plus

os.environ["SSL_CERT_FILE"] = os.devnull
sys.path.insert(0, str(Path(__file__).parent.parent))

from closed_loop import ask, connected
from kpi.core.connections import READ, session
from kpi.core.settings import PROJECT, Settings
from kpi.core.templates import renderer
from kpi.ui.selection import Figures
from mysql_server import PrivateServer
from rich.console import Console
from rich.table import Table

from tests.ui import api_server
from tests.warehouse import Warehouse

FIRST, LAST = date(2025, 9, 1), date(2026, 2, 15)  # a Sunday
GROUP_OF = 25  # learners
MODULES, COMPETENCES = 40, 3  # under each module
GIVEN_NAMES = ("Aya", "Youssef", "Salma", "Anas", "Inès", "Omar", "Zineb", "Bilal", "Noé", "Hind")
FAMILY_NAMES = ("Bénani", "El Idrissi", "Tazi", "Berrada", "Alaoui", "Chraïbi", "Fassi", "Naciri")

# Who has rows on which targets: a group on eight, a learner on four, everybody on all.
SCOPES_AND_TARGETS = """
SELECT s.id AS scope_id, t.id AS target_id
FROM kpi_scope AS s
INNER JOIN kpi_target AS t
  ON t.target_type IN ('MODULE', 'COMPETENCE')
  AND CASE s.scope_type
    WHEN 'GLOBAL' THEN TRUE
    WHEN 'GROUPE' THEN MOD(t.ref_id, {modules}) IN (MOD(s.ref_id, {modules}), MOD(s.ref_id + 1, {modules}))
    WHEN 'APPRENANT' THEN MOD(t.ref_id, {modules}) = MOD((s.ref_id + 24) DIV 25, {modules})
  END
WHERE s.scope_type IN ({types})
"""
VALUES = """
INSERT INTO kpi_value
  (date_id, period, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  d.date_id, '{period}', pair.scope_id, pair.target_id, m.id,
  MOD(pair.scope_id * 7 + pair.target_id * 3 + TO_DAYS(d.date_id) + m.id, 10000) / 100,
  IF(m.agg = 'PCT', 5, NULL), IF(m.agg = 'PCT', 20, NULL), MOD(pair.scope_id, 40),
  IF('{period}' = 'D', NULL, JSON_OBJECT('as_of', d.date_id, 'days', 7, 'complete', TRUE))
FROM ({pairs}) AS pair
INNER JOIN kpi_metric AS m
  ON m.code IN ({metrics})
INNER JOIN kpi_time AS d
  ON d.date_id BETWEEN '{first}' AND '{last}'
  AND CASE '{period}' WHEN 'W' THEN WEEKDAY(d.date_id) = 6 WHEN 'M' THEN d.date_id = LAST_DAY(d.date_id) ELSE TRUE END
"""
DAILY = "'PROGRESSION_MOY', 'SCORE_NORM', 'PCT_ACQUIS', 'INACTIVITE_7J'"
ROLLING = "'PROGRESSION_MOY_R7', 'PROGRESSION_MOY_R30', 'PCT_ACQUIS_R7', 'PCT_ACQUIS_R30'"
STATES = """
INSERT INTO kpi_state_count (date_id, period, scope_id, target_id, domain, state_code, state_ordre, count)
SELECT '{day}', 'D', pair.scope_id, pair.target_id, d.domain, s.code, s.place, MOD(pair.scope_id, 20) + s.place
FROM ({pairs}) AS pair
INNER JOIN JSON_TABLE(
  '["TODO", "IN_PROGRESS_CHAPITRE", "DONE", "PAUSED"]', '$[*]' COLUMNS (place FOR ORDINALITY, code CHAR(32) PATH '$')
) AS s
INNER JOIN JSON_TABLE('["COMPETENCE", "MICRO_COMPETENCE", "UA"]', '$[*]' COLUMNS (domain CHAR(32) PATH '$')) AS d
"""
PERCENTILES = """
INSERT INTO kpi_percentiles (date_id, period, scope_id, target_id, measure_code, p50, p75, p90, sample_size)
SELECT d.date_id, 'D', pair.scope_id, pair.target_id, 'DELAI_FEEDBACK', 10, 20, 30, MOD(pair.scope_id, 40)
FROM ({pairs}) AS pair
INNER JOIN kpi_time AS d ON d.date_id BETWEEN '{first}' AND '{last}'
"""
PLAN = """
INSERT INTO kpi_plan_gap (date_id, period, scope_id, target_id, expected_count, done_count)
SELECT d.date_id, 'W', pair.scope_id, pair.target_id, 20, MOD(pair.scope_id, 25)
FROM ({pairs}) AS pair
INNER JOIN kpi_time AS d ON d.date_id BETWEEN '{first}' AND '{last}' AND WEEKDAY(d.date_id) = 6
"""
LEDGER = """
INSERT INTO kpi_run (table_name, period, date_from, date_to, state, rows_inserted, watermark, started_at, finished_at)
SELECT t.name, p.period, d.date_id, d.date_id, 'DONE', 1000, d.utc_end, d.utc_end, d.utc_end
FROM kpi_time AS d
INNER JOIN JSON_TABLE(
  '["kpi_value", "kpi_state_count", "kpi_percentiles", "kpi_src_realisation"]', '$[*]' COLUMNS (name CHAR(64) PATH '$')
) AS t
INNER JOIN JSON_TABLE('["D", "W", "M"]', '$[*]' COLUMNS (period CHAR(1) PATH '$')) AS p
WHERE d.date_id <= '{last}'
"""
REJECTS = """
INSERT INTO kpi_reject (relation, source_key, field, reason, first_seen_at, last_seen_at)
SELECT 'realisation', CONCAT('UA:', MOD(id, 50), ':', id), 'score', ELT(MOD(id, 3) + 1, 'a', 'b', 'c'), NOW(), NOW()
FROM kpi_scope WHERE MOD(id, 4) = 0
"""


MEMBERSHIPS = """
INSERT INTO kpi_src_membership (valid_to, scope_type, scope_ref_id, learner_id, valid_from, origin)
SELECT '9999-12-31', 'GROUPE', (ref_id + 24) DIV 25, ref_id, '2025-09-01', 'CAPTURED'
FROM kpi_scope WHERE scope_type = 'APPRENANT'
"""


def fill(made: Warehouse, learners: int) -> None:
    """Fill dimensions, memberships, facts and ledger."""
    numbers = (
        "SET SESSION cte_max_recursion_depth = 1000000",
        "INSERT INTO kpi_scope (scope_type, ref_id, label) VALUES ('GLOBAL', NULL, 'Tous')",
        "INSERT INTO kpi_target (target_type, ref_id, label) VALUES ('GLOBAL', NULL, 'Tout')",
        _numbered("kpi_scope", "scope_type", "GROUPE", learners // GROUP_OF, "CONCAT('DM', n)"),
        _numbered("kpi_scope", "scope_type", "APPRENANT", learners, _name("n")),
        _numbered("kpi_target", "target_type", "MODULE", MODULES, "CONCAT('M', n)"),
        _numbered(
            "kpi_target", "target_type", "COMPETENCE", MODULES * COMPETENCES, "CONCAT('C', n)"
        ),
        "INSERT INTO kpi_src_target (target_type, ref_id, label, parent_type, parent_ref_id) SELECT target_type, "
        "ref_key, label, IF(target_type = 'COMPETENCE', 'MODULE', NULL), IF(target_type = 'COMPETENCE', "
        f"MOD(ref_id - 1, {MODULES}) + 1, NULL) FROM kpi_target",
    )
    for statement in numbers:
        made.execute(statement)
    wide, all_scopes = _pairs("'GLOBAL', 'GROUPE'"), _pairs("'GLOBAL', 'GROUPE', 'APPRENANT'")
    quarter, week = LAST - timedelta(days=89), LAST - timedelta(days=4)
    for period, pairs, first, metrics in (
        ("D", wide, quarter, DAILY),
        ("D", _pairs("'APPRENANT'"), week, DAILY),
        ("W", wide, FIRST, DAILY),
        ("M", wide, FIRST, DAILY),
        ("R", wide, LAST - timedelta(days=8), ROLLING),
    ):
        values = {"period": period, "pairs": pairs, "metrics": metrics}
        last = date(2026, 2, 28) if period == "M" else LAST
        made.execute(VALUES.format(**values, first=first, last=last))
    made.execute(STATES.format(pairs=all_scopes, day=LAST))
    made.execute(PERCENTILES.format(pairs=wide, first=week, last=LAST))
    made.execute(PLAN.format(pairs=wide, first=FIRST, last=LAST))
    made.execute(LEDGER.format(last=LAST))
    made.execute(REJECTS)
    made.execute(MEMBERSHIPS)
    for (table,) in made.rows("SHOW TABLES"):
        made.execute(f"ANALYZE TABLE {table}")


def _numbered(table: str, column: str, kind: str, count: int, label: str) -> str:
    return (
        f"INSERT INTO {table} ({column}, ref_id, label) WITH RECURSIVE number AS "
        f"(SELECT 1 AS n UNION ALL SELECT n + 1 FROM number WHERE n < {count}) "
        f"SELECT '{kind}', n, {label} FROM number"
    )


def _name(number: str) -> str:
    lists = (", ".join(f"'{name}'" for name in names) for names in (FAMILY_NAMES, GIVEN_NAMES))
    family, given = lists
    return (
        f"CONCAT(ELT(MOD({number}, {len(FAMILY_NAMES)}) + 1, {family}), ' ', "
        f"ELT(MOD({number} DIV 8, {len(GIVEN_NAMES)}) + 1, {given}), ' ', {number})"
    )


def _pairs(types: str) -> str:
    return SCOPES_AND_TARGETS.format(modules=MODULES, types=types)


class Choices:
    """What people choose: addresses of a route's questions, each about other figures."""

    def __init__(self, made: Warehouse) -> None:
        self.chance = random.Random(1)
        self.groups = made.rows(_pairs("'GROUPE'"))
        self.learners = made.rows(_pairs("'APPRENANT'") + " LIMIT 50000")

    def routes(self) -> dict[str, Callable[[], str]]:
        """Return for each kind of question a function that gives the address of the next one."""
        day, month = f"date={LAST}", "date=2026-02-28"
        return {
            "options": lambda: "options",
            "scopes, a group": lambda: f"scopes?type=GROUPE&q=dm{self.chance.randrange(90)}",
            "scopes, a learner": lambda: f"scopes?type=APPRENANT&q={self._searched()}",
            "scopes, no text": lambda: "scopes?type=APPRENANT",
            "targets": lambda: f"targets?id={self.chance.choice(self.groups)[1]}",
            "tiles D": lambda: f"tiles?{self._group()}&{day}",
            "tiles D, latest": lambda: f"tiles?{self._group()}",
            "tiles W": lambda: f"tiles?{self._group()}&period=W&{day}",
            "tiles M": lambda: f"tiles?{self._group()}&period=M&{month}",
            "tiles R": lambda: f"tiles?{self._group()}&period=R&{day}",
            "tiles of a learner": lambda: f"tiles?{self._learner()}&{day}",
            "states": lambda: f"states?{self._group()}&{day}",
            "evolution D": lambda: f"evolution?{self._group()}&metric=PROGRESSION_MOY",
            "evolution W": lambda: f"evolution?{self._group()}&metric=PCT_ACQUIS&period=W",
            "delays": lambda: f"delays?{self._group()}&{day}",
            "plan": lambda: f"plan?{self._group()}",
            "siblings, groups": lambda: f"siblings?{self._group()}&metric=PROGRESSION_MOY&{day}",
            "siblings, learners": lambda: f"siblings?{self._learner()}&metric=SCORE_NORM&{day}",
            "freshness": lambda: "freshness",
            "rejects": lambda: f"rejects?offset={self.chance.randrange(1000)}",
        }

    def _group(self) -> str:
        scope, target = self.chance.choice(self.groups)
        return f"scope={scope}&target={target}"

    def _learner(self) -> str:
        scope, target = self.chance.choice(self.learners)
        return f"scope={scope}&target={target}"

    def _searched(self) -> str:
        words = (self.chance.choice(FAMILY_NAMES)[:4], self.chance.choice(GIVEN_NAMES)[:3])
        return quote_plus(" ".join(words[: self.chance.randrange(1, 3)]))


def processor_seconds(leader: int) -> float:
    """Return the processor time that a process, and those of the group that it leads, have taken so far."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if leader in (int(path.parent.name), int(fields[2])):
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def write_plans(folder: Path, made: Warehouse) -> None:
    """Write MySQL's plan of each query of the dashboard, for a group, into a file of its own."""
    [(scope, target)] = made.rows(_pairs("'GROUPE'") + " LIMIT 1")
    [(metric,)] = made.rows("SELECT id FROM kpi_metric WHERE code = 'PROGRESSION_MOY'")
    values: dict[str, Any] = Figures(scope, target, "D", LAST).parameters()
    values |= {"first": LAST - timedelta(days=89), "last": LAST, "metric": metric}
    values |= {"most": 50, "skipped": 0, "word_0": "%Bén%", "targets": f"[{target}, {target + 1}]"}
    values |= {"type": "GROUPE", "higher_is_better": True, "captured_at": LAST}
    values |= {"today": LAST + timedelta(days=1)}  # the files are the same on any day
    other = {"scopes": {"type": "APPRENANT"}, "plan": {"period": "W"}}
    folder.mkdir(parents=True, exist_ok=True)
    render = renderer(Settings(), words=1, among_learners=False)
    with session(READ) as read:
        for path in sorted((PROJECT / "include/sql/display/dashboard").glob("*.sql")):
            sql = render(f"display/dashboard/{path.name}")
            plan = read.rows(f"EXPLAIN FORMAT=TREE {sql}", values | other.get(path.stem, {}))[0][0]
            text = re.sub(r" *\(cost=[^)]*\)", "", plan).replace(f"`{made.name}`.", "")
            (folder / f"dashboard.{path.stem}.txt").write_text(text.rstrip() + "\n", "utf-8")


async def measure(
    server: api_server.ApiServer, mysqld: int, choices: Choices, users: int, requests: int
) -> Table:
    """Let the users ask each route in turn; return what it took."""
    table = Table("route", "p50 ms", "p95 ms", "worst", "a second", "bytes")
    for name in ("Airflow", "MySQL", "client"):
        table.add_column(f"{name} CPU ms")
    headers = {
        "Cookie": f"_token={server.token(api_server.VIEWER)}",
        "Accept-Encoding": "gzip",
    }

    def spent() -> list[float]:
        return [*map(processor_seconds, (server.leader, mysqld)), time.process_time()]

    for name, path in choices.routes().items():
        paths = [[f"/kpi/api/{path()}" for _ in range(requests)] for _ in range(users)]
        people = await connected(server.address, headers, [f"/kpi/api/{path()}"] * users)
        begun, before = time.monotonic(), spent()
        answers = await ask(people, paths)
        rate = len(answers) / (time.monotonic() - begun)
        taken = [now - was for now, was in zip(spent(), before, strict=True)]
        for person in people:
            person.close()
        times = [1000 * answer.seconds for answer in answers]
        table.add_row(
            *(name, f"{median(times):.0f}", f"{quantiles(times, n=20)[-1]:.0f}"),
            *(
                f"{max(times):.0f}",
                f"{rate:.0f}",
                f"{median(answer.size for answer in answers):.0f}",
            ),
            *(f"{1000 * seconds / len(answers):.2f}" for seconds in taken),
        )
    return table


def main() -> None:
    """Run the benchmark and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learners", type=int, default=20000)
    parser.add_argument("--users", type=int, default=10)
    parser.add_argument("--requests", type=int, default=100, help="of each user and route")
    parser.add_argument("--workers", type=int, default=2, help="processes of the api-server")
    parser.add_argument("--plans", type=Path, help="write the queries' plans into this folder")
    arguments = parser.parse_args()
    for noisy in ("kpi", "mysql.connector"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    console = Console(width=125)
    options = {"innodb-buffer-pool-size": "2G"}
    with (
        PrivateServer(PROJECT / ".local" / "bench-dashboard", options=options, bound=True) as mysql,
        tempfile.TemporaryDirectory() as home,
    ):
        made = Warehouse(mysql.root_uri, "bench", Settings()).create()
        made.bootstrap(FIRST, date(2026, 12, 31))
        begun = time.monotonic()
        fill(made, arguments.learners)
        [(rows,)] = made.rows("SELECT COUNT(*) FROM kpi_value")
        console.print(f"{rows:,} rows of kpi_value in {time.monotonic() - begun:.0f} s")
        if arguments.plans:
            write_plans(arguments.plans, made)
        with api_server.running(Path(home), made.connections, arguments.workers) as server:
            mysqld = int((mysql.home / "mysqld.pid").read_text())
            work = measure(server, mysqld, Choices(made), arguments.users, arguments.requests)
            table = asyncio.run(work)
    console.print(table)


if __name__ == "__main__":
    main()
