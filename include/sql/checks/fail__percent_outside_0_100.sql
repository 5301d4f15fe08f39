{% import 'macros/measured.sql' as measured -%}
/*
Percentages lie between 0 and 100.
*/
SELECT
  COUNT(*) > 0 OR {{ measured.nothing_to_measure() }} AS there_are_rows,
  COALESCE(SUM(fact.value_num < 0 OR fact.value_num > 100 OR fact.value_num IS NULL), 0) = 0 AS all_within
FROM kpi_value AS fact
INNER JOIN kpi_metric
  ON kpi_metric.id = fact.metric_id
  AND kpi_metric.unit = '%'
WHERE
  fact.date_id = %(date_id)s
  AND fact.period = 'D'
