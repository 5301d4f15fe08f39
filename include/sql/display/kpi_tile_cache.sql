/*
kpi_tile_cache: the latest figures of each scope and target in one row, for pages that show tiles: the script of task kpi_tile_cache.
Latest is, for each period, the last date_id that kpi_value has, as in the design's query 5.1.
*/
{% import 'sets/in_force.sql' as in_force %}
{% import 'writer/stage.sql' as stage %}
{% import 'writer/write.sql' as writer %}
{% import 'macros/tiles.sql' as tiles with context %}
{% set written = written_tables['kpi_tile_cache'] %}
{% set latest %}
{%- for period in all_periods %}
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
  AND {{ in_force.requested('kpi_scope') }}
{% endset %}
{{ stage.create('stage_kpi_tile_cache', written, {}) }}

{{ tiles.stage(latest | trim, facts) }}

{{ writer.write(written, 'stage_kpi_tile_cache', {}, writer.rows_of_scopes(written, true)) }}
