"""What a server is, by maker and version, and what every session on it is set to, whatever its own settings are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from kpi.core.errors import ConnectionProblem

CHARSET, COLLATION = "utf8mb4", "utf8mb4_0900_ai_ci"  # of all tables of the package
# Known to both makers: what connections begin with, and what an adapter turns the source's text into.
SHARED_COLLATION = "utf8mb4_unicode_ci"

Maker = Literal["MySQL", "MariaDB"]
# The first versions with row aliases in INSERT … ON DUPLICATE KEY UPDATE; with WITH and window functions; as tested.
_OLDEST_KPI, _OLDEST_SOURCE, _OLDEST_MARIADB = (8, 0, 19), (8, 0, 0), (10, 11, 0)

# The list of all that figures depend on, or whether they come at all. Values are SQL.
_OF_BOTH_MAKERS = {
    "time_zone": "'+00:00'",
    "sql_mode": "'STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO'",
    # Rows that come, and rows that may be written.
    "sql_select_limit": "18446744073709551615",
    "max_join_size": "18446744073709551615",
    "sql_big_selects": "1",  # after max_join_size, which sets it
    "sql_safe_updates": "0",
    "sql_auto_is_null": "0",
    "foreign_key_checks": "1",
    "unique_checks": "1",
    "completion_type": "'NO_CHAIN'",
    # What a value is.
    "div_precision_increment": "4",
    "default_week_format": "0",
    "lc_time_names": "'en_US'",
    "group_concat_max_len": "1048576",
    "max_sort_length": "1024",  # rows that agree so far are not told apart by a window's PARTITION BY
    # A session waits while another server works, or reads.
    "wait_timeout": "28800",
    "net_write_timeout": "600",
    # Speed only.
    "join_buffer_size": "67108864",
    "tmp_table_size": "536870912",
}
_OF_MYSQL = {
    "max_execution_time": "0",
    "cte_max_recursion_depth": "1000",
    "windowing_use_high_precision": "1",
    "default_tmp_storage_engine": "'InnoDB'",
    # Or each COUNT(*) without a condition, of an empty table too, starts threads for 9 ms.
    "innodb_parallel_read_threads": "1",
}
_OF_MARIADB = {
    "max_statement_time": "0",
    "max_recursive_iterations": "1000",
}


@dataclass(frozen=True)
class Server:
    """A server's maker and version."""

    maker: Maker
    version: tuple[int, ...]

    @classmethod
    def from_banner(cls, banner: str) -> Server:
        """Read what a server calls itself: `9.7.4`, `5.5.5-10.11.19-MariaDB-deb12u1`, `8.0.36-28`."""
        maker: Maker = "MariaDB" if "mariadb" in banner.lower() else "MySQL"
        # For the sake of old clients MariaDB said that it was MySQL 5.5.5.
        numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", banner.removeprefix("5.5.5-"))
        return cls(maker, tuple(map(int, numbers.groups())) if numbers else (0, 0, 0))

    def __str__(self) -> str:
        return f"{self.maker} {'.'.join(map(str, self.version))}"

    @property
    def setup(self) -> tuple[str, ...]:
        """The statements that a session begins with: only what the maker knows."""
        own = _OF_MYSQL if self.maker == "MySQL" else _OF_MARIADB
        collation = COLLATION if self.maker == "MySQL" else SHARED_COLLATION
        return (
            f"SET NAMES {CHARSET} COLLATE {collation}",
            # So that INSERT … SELECT neither locks what it reads in the source nor waits for it.
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            "SET SESSION "
            + ", ".join(f"{name} = {value}" for name, value in (_OF_BOTH_MAKERS | own).items()),
        )

    def require_fit(self, conn_id: str, *, is_source: bool) -> None:
        """Refuse a server that the package does not run on; raises ConnectionProblem."""
        oldest = _OLDEST_SOURCE if is_source else _OLDEST_KPI
        if self.maker == "MySQL" and self.version >= oldest:
            return
        if self.maker == "MariaDB" and is_source and self.version >= _OLDEST_MARIADB:
            return
        wanted = "MySQL 8.0 or MariaDB 10.11" if is_source else "MySQL 8.0.19"
        held = "the LMS's database" if is_source else "the kpi_* tables"
        raise ConnectionProblem(
            f"The server of connection {conn_id} is {self}; {held} must lie on {wanted} or later, so point the "
            "connection at such a server."
        )
