{#
How a figure is put into its table's stage, one step a figure. A figure gives the stage's columns but date_id, for one day (%(as_of)s); in
mode `range` it gives date_id as well, unless it binds %(as_of)s or %(since)s itself: then the frame renders it in mode `day`, and it is
computed day by day.
#}
{% import 'macros/as_of.sql' as as_of with context %}
{% set days = mode | default('day') %}

{# Whether a figure's SELECT is of one day only, where a range is to be computed: 'yes' or nothing. #}
{% macro day_by_day(figure) -%}
{{ 'yes' if days == 'range' and ('%(as_of)s' in figure or '%(since)s' in figure) }}
{%- endmacro %}

{# `figure` is the figure's SELECT as rendered, `columns` the stage's columns that it gives, or {column: expression over it}. #}
{% macro stage(table, code, figure, columns, fixed={}) -%}
{% set alone = day_by_day(figure) -%}
-- step: {{ 'each closing day: ' if days == 'closing' }}{{ 'each day: ' if alone }}{{ code }}
INSERT INTO stage_{{ table }} (date_id, {{ (fixed | list + columns | list) | join(', ') }})
SELECT
  {{ 'figure.date_id' if days == 'range' and not alone else '%(date_id)s' }},
{%- for value in fixed.values() %}
  {{ value }},
{%- endfor %}
{%- for column, value in columns.items() %}
  {{ value }}{{ ',' if not loop.last }}
{%- endfor %}
FROM (
{{ figure | trim }}
) AS figure
{%- if days == 'closing' %}
INNER JOIN stage_closing
  ON stage_closing.scope_id = figure.scope_id
  AND stage_closing.as_of = %(as_of)s
{%- elif alone %}
INNER JOIN kpi_scope
  ON kpi_scope.id = figure.scope_id
  AND {{ as_of.requested('kpi_scope') }}
{%- endif %};
{%- endmacro %}

{% macro value(code, figure, extra_json='figure.extra_json') -%}
{{ stage('kpi_value', code, figure, {
    'scope_id': 'figure.scope_id',
    'target_id': 'figure.target_id',
    'value_num': 'figure.value_num',
    'numerator': 'figure.numerator',
    'denominator': 'figure.denominator',
    'sample_size': 'figure.sample_size',
    'extra_json': extra_json
  }, {'metric_id': "(SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = '" ~ code ~ "')"}) }}
{%- endmacro %}

{% macro percentiles(code, figure) -%}
{{ stage('kpi_percentiles', code, figure, {
    'scope_id': 'figure.scope_id',
    'target_id': 'figure.target_id',
    'p50': 'figure.p50',
    'p75': 'figure.p75',
    'p90': 'figure.p90',
    'sample_size': 'figure.sample_size'
  }, {'measure_code': "'" ~ code ~ "'"}) }}
{%- endmacro %}
