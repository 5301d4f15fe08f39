{% import 'macros/measured.sql' as measured -%}
/*
Every row's scope, target and metric exist: in storage mode `partitioned` no foreign key says so.
*/
SELECT
  COUNT(*) > 0 OR {{ measured.nothing_to_measure() }} AS there_are_rows,
  COALESCE(SUM(kpi_scope.id IS NULL), 0) = 0 AS scopes_exist,
  COALESCE(SUM(kpi_target.id IS NULL), 0) = 0 AS targets_exist,
  COALESCE(SUM(fact.metric_id IS NOT NULL AND kpi_metric.id IS NULL), 0) = 0 AS metrics_exist
FROM (
{%- for table in daily_tables %}
  {{- '\n  UNION ALL' if not loop.first }}
  SELECT
    scope_id,
    target_id,
    {{ 'metric_id' if 'metric_id' in fact_tables[table].key else 'NULL AS metric_id' }}
  FROM {{ table }}
  WHERE
    date_id = %(date_id)s
    AND period = 'D'
{%- endfor %}
) AS fact
LEFT JOIN kpi_scope
  ON kpi_scope.id = fact.scope_id
LEFT JOIN kpi_target
  ON kpi_target.id = fact.target_id
LEFT JOIN kpi_metric
  ON kpi_metric.id = fact.metric_id
