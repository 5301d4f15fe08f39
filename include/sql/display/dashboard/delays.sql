/*
The percentiles of a scope's delays on a target for a period.
*/
SELECT
  measure_code AS code,
  p50,
  p75,
  p90,
  sample_size
FROM kpi_percentiles
WHERE
  scope_id = %(scope)s
  AND target_id = %(target)s
  AND period = %(period)s
  AND date_id = %(date)s
ORDER BY measure_code
