/*
What could not be used, counted by relation, field and reason; `current` is what the last capture found too.
*/
WITH capture AS (
  SELECT MAX(watermark) AS captured_at
  FROM kpi_run
  WHERE
    table_name = 'kpi_src_realisation'
    AND state = 'DONE'
)

SELECT
  reject.relation,
  reject.field,
  reject.reason,
  COUNT(*) AS `rows`,
  SUM(COALESCE(reject.last_seen_at >= capture.captured_at, FALSE)) AS `current`,
  MAX(reject.last_seen_at) AS last_seen_at
FROM kpi_reject AS reject
INNER JOIN capture
  ON TRUE
GROUP BY reject.relation, reject.field, reject.reason
ORDER BY `rows` DESC, reject.relation, reject.field, reject.reason
