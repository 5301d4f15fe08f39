/*
What the task `restore` may run, for each undo table that is asked for. In « » stands what is found when it runs.
*/
-- step: checksums of what was removed
SELECT
  CONCAT(period, '') AS part,
  COUNT(*) AS number_of_rows,
  BIT_XOR(CRC32(CONCAT_WS(',', QUOTE(`«column»`)))) AS all_xor,
  SUM(CRC32(CONCAT_WS(',', QUOTE(`«column»`)))) AS all_sum
FROM «undo table»
WHERE
  TRUE
  AND period IN ('«period»')
GROUP BY part;

/*
How rows come back from an undo table, in the place of what was computed since.
*/
-- step: delete what was computed since
DELETE FROM «fact table»
WHERE
  TRUE
  AND date_id >= %(first)s
  AND date_id <= %(last)s
  AND period IN ('«period»');

-- step: bring back
INSERT INTO «fact table» (`«column»`)
SELECT `«column»`
FROM «undo table»
WHERE
  TRUE
  AND period IN ('«period»');

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

-- step: drop the undo table
DROP TABLE IF EXISTS «undo table»;
