/*
A metric of a scope on a target over time: a row for each date that the period has in a range, with NULLs where there is no figure.
*/

WITH expected AS (
  SELECT date_id
  FROM kpi_time
  WHERE
    date_id BETWEEN %(first)s AND %(last)s
    AND (%(period)s NOT IN ('W', 'M') OR date_id = CASE %(period)s
    WHEN 'W' THEN date_id + INTERVAL 6 - WEEKDAY(date_id) DAY
    WHEN 'M' THEN LAST_DAY(date_id)
  END)
)

SELECT
  expected.date_id AS date,
  v.value_num AS value,
  v.sample_size,
  v.numerator,
  v.denominator,
  COALESCE((v.extra_json ->> '$.complete') = 'true', v.date_id < %(today)s) AS complete,
  COALESCE(CAST(v.extra_json ->> '$.reconstructed' AS SIGNED), 0) AS reconstructed
FROM expected
LEFT JOIN kpi_value AS v
  ON v.date_id = expected.date_id
  AND v.period = %(period)s
  AND v.scope_id = %(scope)s
  AND v.target_id = %(target)s
  AND v.metric_id = %(metric)s
ORDER BY expected.date_id
