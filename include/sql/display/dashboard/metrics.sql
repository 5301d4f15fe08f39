/*
The metric dictionary, in the order in which the metrics were registered.
*/
SELECT
  id,
  code,
  label,
  unit,
  category,
  higher_is_better,
  target_levels
FROM kpi_metric
ORDER BY id
