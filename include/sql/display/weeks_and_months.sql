/*
The progress of a scope on a target week by week and month by month (the design's query 5.3), and whether each period is complete.
*/
SELECT
  v.period,
  v.date_id,
  v.value_num AS progression_pct,
  v.sample_size,
  v.extra_json ->> '$.as_of' AS as_of,
  v.extra_json ->> '$.complete' AS complete
FROM kpi_value AS v
INNER JOIN kpi_metric AS m
  ON m.id = v.metric_id
  AND m.code = 'PROGRESSION_MOY'
WHERE
  v.scope_id = %(scope_id)s
  AND v.target_id = %(target_id)s
  AND v.period IN ('W', 'M')
ORDER BY v.period, v.date_id
