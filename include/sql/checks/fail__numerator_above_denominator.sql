{% import 'macros/measured.sql' as measured -%}
/*
Shares (agg PCT) have a numerator between 0 and their denominator, which is their sample and not 0.
*/
SELECT
  COUNT(*) > 0 OR {{ measured.nothing_to_measure() }} AS there_are_rows,
  COALESCE(SUM(
    fact.numerator IS NULL
    OR fact.denominator IS NULL
    OR fact.numerator < 0
    OR fact.numerator > fact.denominator
    OR NOT (fact.denominator <=> fact.sample_size)
  ), 0) = 0 AS all_sound
FROM kpi_value AS fact
INNER JOIN kpi_metric
  ON kpi_metric.id = fact.metric_id
  AND kpi_metric.agg = 'PCT'
WHERE
  fact.date_id = %(date_id)s
  AND fact.period = 'D'
