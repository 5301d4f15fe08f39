/*
The tiles of a group and a module on the last day computed (the design's query 5.1, by day).
*/
SELECT
  t.label AS target,
  m.code,
  m.label,
  v.value_num,
  m.unit,
  v.sample_size
FROM kpi_value AS v
INNER JOIN kpi_metric AS m ON m.id = v.metric_id
INNER JOIN kpi_target AS t ON t.id = v.target_id
INNER JOIN kpi_scope AS s ON s.id = v.scope_id
WHERE
  s.scope_type = 'GROUPE'
  AND s.ref_id = %(groupe_id)s
  AND t.target_type = 'MODULE'
  AND t.ref_id = %(module_id)s
  AND v.period = 'D'
  AND v.date_id = (SELECT MAX(latest.date_id) FROM kpi_value AS latest WHERE latest.period = 'D')
ORDER BY m.code
