/*
The delays of everybody on everything on the last days that have any: median, 75th and 90th percentiles.
*/
SELECT
  p.measure_code,
  p.date_id,
  p.p50,
  p.p75,
  p.p90,
  p.sample_size
FROM kpi_percentiles AS p
INNER JOIN kpi_scope AS s
  ON s.id = p.scope_id
  AND s.scope_type = 'GLOBAL'
INNER JOIN kpi_target AS t
  ON t.id = p.target_id
  AND t.target_type = 'GLOBAL'
WHERE
  p.period = 'D'
  AND p.date_id = (
    SELECT MAX(latest.date_id)
    FROM kpi_percentiles AS latest
    WHERE
      latest.period = 'D'
      AND latest.scope_id = p.scope_id
      AND latest.target_id = p.target_id
      AND latest.measure_code = p.measure_code
  )
ORDER BY p.measure_code
