/*
Rows that the undo table holds are deleted from the fact table, at most %(most)s at a time; days computed since stay.
*/
-- step: last of the next rows
SELECT MAX(id)
FROM (
  SELECT id
  FROM kpi_undo_kpi_value_202601_20260501050000000000
  WHERE id > %(after)s
  ORDER BY id
  LIMIT %(most)s
) AS chunk;

-- step: delete
DELETE fact
FROM kpi_undo_kpi_value_202601_20260501050000000000 AS copied
INNER JOIN kpi_value AS fact
  ON fact.id = copied.id
  AND fact.date_id = copied.date_id
  AND fact.period = copied.period
WHERE
  copied.id > %(after)s
  AND copied.id <= %(upper)s
  AND copied.period IN ('D', 'W');
