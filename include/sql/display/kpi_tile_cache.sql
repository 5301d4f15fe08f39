/*
kpi_tile_cache: the latest figures of each scope and target in one row, for pages that show tiles: the script of task kpi_tile_cache.
Latest is, for each period, the last date_id that kpi_value has, as in the design's query 5.1.
*/
{% set mode = 'range' %}
{% import 'macros/as_of.sql' as as_of with context %}
{% import 'macros/slice.sql' as slice with context %}
{% set PERIODS = {'D': 'day', 'W': 'week', 'M': 'month', 'R': 'rolling'} %}
{{ slice.create_stage('kpi_tile_cache', dated=false) }}

-- step: tiles
INSERT INTO stage_kpi_tile_cache (scope_id, target_id
{%- for name in PERIODS.values() %}, {{ name }}_on, {{ name }}_figures{% endfor %})
WITH latest AS (
{%- for period in PERIODS %}
  SELECT
    '{{ period }}' AS period,
    MAX(date_id) AS date_id
  FROM kpi_value
  WHERE period = '{{ period }}'
  {{- '\n  UNION ALL' if not loop.last }}
{%- endfor %}
),

tile AS (
  SELECT
    fact.scope_id,
    fact.target_id,
    fact.period,
    fact.date_id,
    JSON_OBJECTAGG(
      kpi_metric.code,
      JSON_OBJECT(
        'value', fact.value_num,
        'numerator', fact.numerator,
        'denominator', fact.denominator,
        'sample_size', fact.sample_size,
        'extra', fact.extra_json
      )
    ) AS figures
  FROM latest
  INNER JOIN kpi_value AS fact
    ON fact.date_id = latest.date_id
    AND fact.period = latest.period
  INNER JOIN kpi_metric
    ON kpi_metric.id = fact.metric_id
  INNER JOIN kpi_scope
    ON kpi_scope.id = fact.scope_id
    AND {{ as_of.requested('kpi_scope') }}
  GROUP BY fact.scope_id, fact.target_id, fact.period, fact.date_id
)

SELECT
  scope_id,
  target_id
{%- for period in PERIODS %},
  MAX(IF(period = '{{ period }}', CAST(date_id AS CHAR), NULL)),
  CAST(MAX(IF(period = '{{ period }}', CAST(figures AS CHAR), NULL)) AS JSON)
{%- endfor %}
FROM tile
GROUP BY scope_id, target_id;

{{ slice.write('kpi_tile_cache', dated=false) }}
