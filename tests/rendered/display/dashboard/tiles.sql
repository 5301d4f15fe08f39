/*
The tiles of a scope on a target for a period: each figure beside that of the period before. Before a window lies the window
that ends where it begins; the days of each are bound as JSON, by code, as `windows`.
*/

SELECT
  m.code,
  v.value_num AS value,
  earlier.value_num AS previous,
  earlier.date_id AS previous_on,
  v.value_num - earlier.value_num AS `change`,
  v.numerator,
  v.denominator,
  v.sample_size,
  COALESCE(CAST(v.extra_json ->> '$.reconstructed' AS SIGNED), 0) AS reconstructed,
  COALESCE((v.extra_json ->> '$.complete') = 'true', v.date_id < %(today)s) AS complete
FROM kpi_value AS v
INNER JOIN kpi_metric AS m
  ON m.id = v.metric_id
LEFT JOIN kpi_value AS earlier
  ON earlier.scope_id = v.scope_id
  AND earlier.target_id = v.target_id
  AND earlier.metric_id = v.metric_id
  AND earlier.period = v.period
  AND earlier.date_id = CASE v.period
    WHEN 'D' THEN v.date_id - INTERVAL 1 DAY
    WHEN 'W' THEN v.date_id - INTERVAL 7 DAY
    WHEN 'M' THEN LAST_DAY(v.date_id - INTERVAL 1 MONTH)
    WHEN 'R' THEN v.date_id - INTERVAL CAST(JSON_EXTRACT(%(windows)s, CONCAT('$.', m.code)) AS SIGNED) DAY
  END
WHERE
  v.scope_id = %(scope)s
  AND v.target_id = %(target)s
  AND v.period = %(period)s
  AND v.date_id = %(date)s
ORDER BY m.id
