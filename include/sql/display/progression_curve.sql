/*
The progress of a scope on a target, day by day (the design's query 5.3, by day).
*/
SELECT
  v.date_id,
  v.value_num AS progression_pct
FROM kpi_value AS v
INNER JOIN kpi_metric AS m
  ON m.id = v.metric_id
  AND m.code = 'PROGRESSION_MOY'
WHERE
  v.scope_id = %(scope_id)s
  AND v.target_id = %(target_id)s
  AND v.period = 'D'
ORDER BY v.date_id
