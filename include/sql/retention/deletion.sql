/*
Rows that the undo table holds are deleted from the fact table, at most %(most)s at a time; days computed since stay.
*/
-- step: last of the next rows
SELECT MAX(id)
FROM (
  SELECT id
  FROM {{ undo_table }}
  WHERE id > %(after)s
  ORDER BY id
  LIMIT %(most)s
) AS chunk;

-- step: delete
DELETE fact
FROM {{ undo_table }} AS copied
INNER JOIN {{ table }} AS fact
  ON fact.id = copied.id
  AND fact.date_id = copied.date_id
  AND fact.period = copied.period
WHERE
  copied.id > %(after)s
  AND copied.id <= %(upper)s
  AND copied.period IN ('{{ periods | join("', '") }}');
