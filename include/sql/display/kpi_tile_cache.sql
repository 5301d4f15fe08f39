/*
kpi_tile_cache: the latest figures of each scope and target in one row, for pages that show tiles: the script of task kpi_tile_cache.
Latest is, for each period, the last date_id that kpi_value has, as in the design's query 5.1.
*/
{% set mode = 'range' %}
{% import 'macros/as_of.sql' as as_of with context %}
{% import 'macros/slice.sql' as slice with context %}
{% import 'macros/tiles.sql' as tiles %}
{% set latest %}
{%- for period in tiles.PERIODS %}
  SELECT
    '{{ period }}' AS period,
    MAX(date_id) AS date_id
  FROM kpi_value
  WHERE period = '{{ period }}'
  {{- '\n  UNION ALL' if not loop.last }}
{%- endfor %}
{% endset %}
{% set facts %}
INNER JOIN kpi_value AS fact
  ON fact.date_id = latest.date_id
  AND fact.period = latest.period
INNER JOIN kpi_scope
  ON kpi_scope.id = fact.scope_id
  AND {{ as_of.requested('kpi_scope') | indent(-2) }}
{% endset %}
{{ slice.create_stage('kpi_tile_cache', dated=false) }}

{{ tiles.stage(latest | trim, facts) }}

{{ slice.write('kpi_tile_cache', dated=false) }}
