/*
What the task `facts` may run, for each month of a fact table that has expired. In « » stands what is found when it runs; its log names it.
*/
/*
The ranges of local days that nothing is removed from, whatever their age.
*/
-- step: in force
SELECT
  held_by,
  date_from,
  date_to,
  held_until
FROM kpi_hold
WHERE held_until > %(now)s
ORDER BY id;

-- step: hold what was restored
INSERT INTO kpi_hold (held_by, date_from, date_to, held_until)
VALUES ('kpi_retention (restored)', %(first)s, %(last)s, %(until)s);

/*
What ledger and tables say of the days from %(first)s to %(last)s, and of the weeks and months that hold them: what kpi.upkeep.retention.guards
decides by.
*/
-- step: when days were changed last
SELECT
  date_to,
  MAX(finished_at) AS changed_at
FROM kpi_run
WHERE
  table_name IN ('kpi_value', 'kpi_state_count', 'kpi_percentiles')
  AND state = 'DONE'
  AND period = 'D'
  AND date_to >= %(first)s
  AND date_to <= %(last)s
  AND rows_inserted + rows_updated + rows_deleted > 0
GROUP BY date_to;

-- step: days with rows
SELECT day.date_id
FROM kpi_time AS day
WHERE
  day.date_id >= %(first)s
  AND day.date_id <= %(last)s
  AND (
    EXISTS (SELECT 1 FROM kpi_value AS fact WHERE fact.date_id = day.date_id AND fact.period = 'D')
    OR EXISTS (SELECT 1 FROM kpi_state_count AS fact WHERE fact.date_id = day.date_id AND fact.period = 'D')
    OR EXISTS (SELECT 1 FROM kpi_percentiles AS fact WHERE fact.date_id = day.date_id AND fact.period = 'D')
  );

-- step: rolled up
SELECT
  table_name,
  period,
  date_to,
  scopes,
  started_at,
  rows_inserted + rows_updated + rows_unchanged AS there,
  rows_inserted - rows_deleted AS added
FROM kpi_run
WHERE
  table_name IN ('kpi_value', 'kpi_state_count', 'kpi_percentiles', 'kpi_plan_gap')
  AND state = 'DONE'
  AND period IN ('W', 'M')
  AND date_to >= %(first)s
  AND date_to <= %(last)s
ORDER BY id;

-- step: removed
SELECT DISTINCT
  table_name,
  period,
  date_from
FROM kpi_run
WHERE
  state = 'DROPPED'
  AND table_name IN ('kpi_value', 'kpi_state_count', 'kpi_percentiles', 'kpi_plan_gap')
  AND period IN ('W', 'M')
  AND date_from < date_to
  AND date_to >= %(first)s
  AND date_from <= %(last)s;

-- step: weeks and months in kpi_value
SELECT
  period,
  date_id,
  COUNT(*) AS number_of_rows
FROM kpi_value
WHERE
  date_id IN (%(date_0)s)
  AND period IN ('W', 'M')
GROUP BY
  period,
  date_id;

-- step: weeks and months in kpi_state_count
SELECT
  period,
  date_id,
  COUNT(*) AS number_of_rows
FROM kpi_state_count
WHERE
  date_id IN (%(date_0)s)
  AND period IN ('W', 'M')
GROUP BY
  period,
  date_id;

-- step: weeks and months in kpi_percentiles
SELECT
  period,
  date_id,
  COUNT(*) AS number_of_rows
FROM kpi_percentiles
WHERE
  date_id IN (%(date_0)s)
  AND period IN ('W', 'M')
GROUP BY
  period,
  date_id;

-- step: weeks and months in kpi_plan_gap
SELECT
  period,
  date_id,
  COUNT(*) AS number_of_rows
FROM kpi_plan_gap
WHERE
  date_id IN (%(date_0)s)
  AND period IN ('W', 'M')
GROUP BY
  period,
  date_id;

-- step: checksums of the month
SELECT
  CONCAT(period, '') AS part,
  COUNT(*) AS number_of_rows,
  BIT_XOR(CRC32(CONCAT_WS(',', QUOTE(`«column»`)))) AS all_xor,
  SUM(CRC32(CONCAT_WS(',', QUOTE(`«column»`)))) AS all_sum
FROM «fact table» PARTITION («partition»)
WHERE
  TRUE
GROUP BY part;

/*
The rows of kpi_undo, one for each undo table, and the ledger's marks of what they hold.
*/
-- step: begin
INSERT INTO kpi_undo (table_name, undo_table, month_first, periods, state, made_at, keep_until)
VALUES (%(table_name)s, %(undo_table)s, %(month_first)s, %(periods)s, 'COPYING', %(made_at)s, %(keep_until)s);

-- step: those in some states
SELECT
  id,
  table_name,
  undo_table,
  month_first,
  periods,
  state,
  rows_before,
  rows_removed,
  digest,
  keep_until
FROM kpi_undo
WHERE FIND_IN_SET(state, %(states)s)
ORDER BY id;

-- step: any
SELECT EXISTS (SELECT 1 FROM kpi_undo);

-- step: change the state
UPDATE kpi_undo
SET state = %(state)s
WHERE id = %(id)s;

-- step: forget
DELETE FROM kpi_undo
WHERE id = %(id)s;

-- step: say what goes
UPDATE kpi_undo
SET
  state = %(state)s,
  rows_before = %(rows_before)s,
  rows_removed = %(rows_removed)s,
  digest = %(digest)s
WHERE id = %(id)s;

-- step: days are dropped
UPDATE kpi_run
SET state = 'DROPPED'
WHERE
  table_name = %(table_name)s
  AND state = 'DONE'
  AND period = 'D'
  AND date_from = date_to
  AND date_to >= %(first)s
  AND date_to <= %(last)s;

-- step: earlier removal
SELECT COALESCE(MAX(id), 0)
FROM kpi_run
WHERE
  table_name = %(table_name)s
  AND state = 'DROPPED'
  AND period = 'D'
  AND date_to = %(last)s
  AND date_from = %(first)s
  AND message <> %(kept_as)s;

-- step: days are there
UPDATE kpi_run
SET state = 'DONE'
WHERE
  table_name = %(table_name)s
  AND state = 'DROPPED'
  AND period = 'D'
  AND date_from = date_to
  AND date_to >= %(first)s
  AND date_to <= %(last)s
  AND id > %(earlier)s;

-- step: removal is restored
UPDATE kpi_run
SET state = 'RESTORED'
WHERE
  table_name = %(table_name)s
  AND state = 'DROPPED'
  AND date_from = %(first)s
  AND date_to = %(last)s
  AND message = %(kept_as)s;

/*
How rows of a month leave a table: some are copied to the undo table beside. They are those that stay, and the table changes places with
the month's partition; or, where there are no partitions, those that go, which are then deleted, some at a time.
*/
-- step: make the undo table
CREATE TABLE «undo table» LIKE «fact table»;

-- step: its partitions
SELECT COUNT(*)
FROM information_schema.partitions
WHERE
  table_schema = DATABASE()
  AND table_name = %(name)s
  AND partition_name IS NOT NULL;

-- step: without partitions
ALTER TABLE «undo table» REMOVE PARTITIONING;

-- step: copy
INSERT INTO «undo table» (`«column»`)
SELECT `«column»`
FROM «fact table» PARTITION («partition»)
WHERE
  TRUE
  AND period IN ('«period that stays»');

/*
A partition and an undo table change places. The rows of both are the month's, so MySQL need not read them all again while everybody
waits. After an INSTANT column, or with another innodb_default_row_format than when it was made, the table lies otherwise than a new one,
and the exchange is refused: rebuilt, while others read and write it, it does not; a partition alone would.
*/
-- step: exchange
ALTER TABLE «fact table» EXCHANGE PARTITION «partition» WITH TABLE «undo table» WITHOUT VALIDATION;

-- step: rebuild
ALTER TABLE «fact table» FORCE, ALGORITHM = INPLACE, LOCK = NONE;

/*
Rows that the undo table holds are deleted from the fact table, at most %(most)s at a time; days computed since stay.
*/
-- step: last of the next rows
SELECT MAX(id)
FROM (
  SELECT id
  FROM «undo table»
  WHERE id > %(after)s
  ORDER BY id
  LIMIT %(most)s
) AS chunk;

-- step: delete
DELETE fact
FROM «undo table» AS copied
INNER JOIN «fact table» AS fact
  ON fact.id = copied.id
  AND fact.date_id = copied.date_id
  AND fact.period = copied.period
WHERE
  copied.id > %(after)s
  AND copied.id <= %(upper)s
  AND copied.period IN ('«period»');

-- step: when its time is over
DROP TABLE IF EXISTS «undo table»;

-- step: an empty partition
ALTER TABLE «fact table» DROP PARTITION «partition»;
