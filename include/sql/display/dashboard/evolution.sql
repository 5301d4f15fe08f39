/*
A metric of a scope on a target over time: a row for each date that the period has in a range, with NULLs where there is no figure.
*/
{% import 'macros/dashboard.sql' as dashboard %}
WITH {{ dashboard.expected() }}

SELECT
  expected.date_id AS date,
  v.value_num AS value,
  v.sample_size,
  v.numerator,
  v.denominator,
  {{ dashboard.complete('v') }} AS complete,
  {{ dashboard.reconstructed('v') }} AS reconstructed
FROM expected
LEFT JOIN kpi_value AS v
  ON v.date_id = expected.date_id
  AND v.period = %(period)s
  AND v.scope_id = %(scope)s
  AND v.target_id = %(target)s
  AND v.metric_id = %(metric)s
ORDER BY expected.date_id
