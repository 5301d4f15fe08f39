/*
How rows come back from an undo table, in the place of what was computed since.
*/
-- step: delete what was computed since
DELETE FROM kpi_value PARTITION (p202601)
WHERE
  TRUE
  AND date_id >= %(first)s
  AND date_id <= %(last)s
  AND period IN ('D', 'W');

-- step: bring back
INSERT INTO kpi_value (`id`, `value_num`)
SELECT `id`, `value_num`
FROM kpi_value PARTITION (p202601)
WHERE
  TRUE
  AND date_id >= %(first)s
  AND date_id <= %(last)s
  AND period IN ('D', 'W');
