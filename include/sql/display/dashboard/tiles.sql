/*
The tiles of a scope on a target for a period: each figure beside that of the period before. Before a window lies the window
that ends where it begins; the days of each are bound as JSON, by code, as `windows`.
*/
{% import 'roads/calendar.sql' as calendar -%}
{% import 'macros/dashboard.sql' as dashboard %}
SELECT
  m.code,
  v.value_num AS value,
  earlier.value_num AS previous,
  earlier.date_id AS previous_on,
  v.value_num - earlier.value_num AS `change`,
  v.numerator,
  v.denominator,
  v.sample_size,
  {{ dashboard.reconstructed('v') }} AS reconstructed,
  {{ dashboard.complete('v') }} AS complete
FROM kpi_value AS v
INNER JOIN kpi_metric AS m
  ON m.id = v.metric_id
LEFT JOIN kpi_value AS earlier
  ON earlier.scope_id = v.scope_id
  AND earlier.target_id = v.target_id
  AND earlier.metric_id = v.metric_id
  AND earlier.period = v.period
  AND earlier.date_id = {{ calendar.before(
    'v.period', 'v.date_id', "CAST(JSON_EXTRACT(%(windows)s, CONCAT('$.', m.code)) AS SIGNED)"
  ) }}
WHERE
  v.scope_id = %(scope)s
  AND v.target_id = %(target)s
  AND v.period = %(period)s
  AND v.date_id = %(date)s
ORDER BY m.id
