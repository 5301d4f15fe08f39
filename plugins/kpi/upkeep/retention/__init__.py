"""Retention: what is old leaves the tables, nothing that is not rolled up, and not at once for good.

`limits`, `planner` and `guards` decide and are pure; `reading` asks the database; `removal`, `restoring` and
`ledgers` execute; `dropped` tells the writers which days are gone.
"""
