/*
What the account must be allowed to write. EXPLAIN needs the rights of the statement that it explains, and executes nothing.
*/

-- step: delete from kpi_run
EXPLAIN DELETE FROM kpi_run
WHERE FALSE;

-- step: insert into kpi_run
EXPLAIN INSERT INTO kpi_run (table_name)
SELECT table_name
FROM kpi_run
WHERE FALSE;

-- step: delete from kpi_reject
EXPLAIN DELETE FROM kpi_reject
WHERE FALSE;

-- step: insert into kpi_reject
EXPLAIN INSERT INTO kpi_reject (relation)
SELECT relation
FROM kpi_reject
WHERE FALSE;
