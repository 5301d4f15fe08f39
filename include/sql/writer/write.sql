{#
How a slice is written (docs/slices.md): what is staged is compared with what is stored; only what differs is updated, only what is missing
inserted, and what vanished deleted. A slice is the dates of a period and some scopes, or a list of cells:

table      a table of the vocabulary
stage      the staged rows, `fresh`
bound      the columns of the key that are bound and not staged: {column: parameter}
rows       FROM …: the stored rows that the slice is about, as `existing`
where      conditions on those
of         a condition on the staged rows, or none
part       tells two writers of one table in a script apart
#}
{% macro write(table, stage, bound, rows, where=(), of=none, part=none) -%}
{% set key = (['date_id', 'period'] if table.periods else []) + table.key | list -%}
{% set about = 'table=' ~ table.name ~ (' part=' ~ part if part else '') -%}
{% set label = table.name ~ (' ' ~ part if part else '') -%}
-- step: {{ label }}: count | phase=write {{ about }} does=count
SELECT
  (
    SELECT COUNT(*)
    {{ rows | indent(4) }}
    {{- '\n    WHERE\n      ' ~ where | join('\n      AND ') if where }}
  ) AS n_stored,
  COUNT(*) AS n_staged,
  COUNT(same.{{ key | last }}) AS n_matched
FROM {{ stage }} AS fresh
LEFT JOIN {{ matching(table, key, bound, 'same') }}
{{- '\nWHERE ' ~ of if of }};

-- step: {{ label }}: update differences | phase=write {{ about }} does=update
UPDATE /*+ NO_MERGE(new) */ {{ table.name }} AS stale
INNER JOIN (
  SELECT
{%- for column in key if column not in bound %}
    fresh.{{ column }},
{%- endfor %}
{%- for column in table['values'] %}
    fresh.{{ column }}{{ ',' if not loop.last }}
{%- endfor %}
  FROM {{ stage }} AS fresh
  INNER JOIN {{ matching(table, key, bound) | indent(2) }}
  WHERE
    {{ of ~ '\n    AND ' if of }}NOT (
      {{- equal(table) | indent(2) }}
    )
) AS new
  ON {% for column in key %}stale.{{ column }} = {{ bound.get(column, 'new.' ~ column) }}{{ '\n  AND ' if not loop.last }}{% endfor %}
SET
{%- for column in table['values'] %}
  stale.{{ column }} = new.{{ column }}{{ ',' if table.stamp or not loop.last }}
{%- endfor %}
{%- if table.stamp %}
  stale.{{ table.stamp }} = UTC_TIMESTAMP()
{%- endif %};

-- step: {{ label }}: insert missing | phase=write {{ about }} does=insert
INSERT INTO {{ table.name }} ({{ (key + table['values'] | list + ([table.stamp] if table.stamp else [])) | join(', ') }})
SELECT
{%- for column in key %}
  {{ bound.get(column, 'fresh.' ~ column) }},
{%- endfor %}
{%- for column in table['values'] %}
  fresh.{{ column }}{{ ',' if table.stamp or not loop.last }}
{%- endfor %}
{%- if table.stamp %}
  UTC_TIMESTAMP()
{%- endif %}
FROM {{ stage }} AS fresh
LEFT JOIN {{ matching(table, key, bound) }}
WHERE
  {{ of ~ '\n  AND ' if of }}existing.{{ key | last }} IS NULL;

-- step: {{ label }}: delete vanished | phase=write {{ about }} does=delete
DELETE existing
{{ vanished(table, stage, key, bound, rows, where) }};
{%- endmacro %}

{# What a dry run asks instead: how many rows would be written, and the largest changes. #}
{% macro compare(table, stage, bound, rows, where, of) -%}
{% set key = ['date_id', 'period'] + table.key | list -%}
-- step: count new and changed | phase=compare gives=new_and_changed
SELECT
  COALESCE(SUM(existing.scope_id IS NULL), 0) AS n_new,
  COALESCE(SUM(existing.scope_id IS NOT NULL AND NOT (
    {{- equal(table) }}
  )), 0) AS n_changed
FROM {{ stage }} AS fresh
LEFT JOIN {{ matching(table, key, bound) }}
WHERE {{ of }};

-- step: count vanished | phase=compare gives=vanished
SELECT COUNT(*)
{{ vanished(table, stage, key, bound, rows, where) }};

-- step: largest changes | phase=compare gives=largest_changes
SELECT
  CONCAT_WS(' ', kpi_scope.scope_type, kpi_scope.ref_id) AS scope,
  CONCAT_WS(' ', kpi_target.target_type, kpi_target.ref_id) AS target,
{%- for column in table.key if column not in ('scope_id', 'target_id') %}
  {{ '(SELECT code FROM kpi_metric WHERE kpi_metric.id = fresh.metric_id) AS metric' if column == 'metric_id' else 'fresh.' ~ column }},
{%- endfor %}
  existing.{{ table.measured }} AS was,
  fresh.{{ table.measured }} AS becomes
FROM {{ stage }} AS fresh
INNER JOIN {{ matching(table, key, bound) }}
INNER JOIN kpi_scope
  ON kpi_scope.id = fresh.scope_id
INNER JOIN kpi_target
  ON kpi_target.id = fresh.target_id
WHERE
  {{ of }}
  AND NOT (existing.{{ table.measured }} <=> fresh.{{ table.measured }})
ORDER BY ABS(fresh.{{ table.measured }} - existing.{{ table.measured }}) DESC, fresh.scope_id ASC, fresh.target_id ASC
LIMIT 5;
{%- endmacro %}

{# The stored row of a fresh one. #}
{% macro matching(table, key, bound, alias='existing') -%}
{{ table.name }} AS {{ alias }}
  ON {% for column in key %}{{ alias }}.{{ column }} = {{ bound.get(column, 'fresh.' ~ column) }}{{ '\n  AND ' if not loop.last }}{% endfor %}
{%- endmacro %}

{% macro equal(table) -%}
{% for column in table['values'] %}
    {{ 'AND ' if not loop.first }}existing.{{ column }} <=> fresh.{{ column }}
{%- endfor %}
{%- endmacro %}

{# Stored rows of the slice that nothing is staged for. #}
{% macro vanished(table, stage, key, bound, rows, where) -%}
{{ rows }}
LEFT JOIN {{ stage }} AS fresh
  ON {% for column in key if column not in bound or (column == 'date_id' and table.periods) %}fresh.{{ column }} = {{ bound.get(column, 'existing.' ~ column) }}{{ '\n  AND ' if not loop.last }}{% endfor %}
WHERE
  {{ (where | join('\n  AND ')) ~ '\n  AND ' if where }}fresh.{{ table.key | last }} IS NULL
{%- endmacro %}

{# The rows of a slice of dates: of all scopes, or with `scoped` of those asked for. #}
{% macro rows_of_scopes(table, scoped) -%}
FROM {{ table.name }} AS existing
{%- if scoped %}
{% import 'sets/in_force.sql' as in_force %}
INNER JOIN kpi_scope
  ON kpi_scope.id = existing.scope_id
  AND {{ in_force.requested('kpi_scope') }}
{%- endif %}
{%- endmacro %}

{# The rows of a slice that is a list of cells, cell_<table>. #}
{% macro rows_of_cells(table) -%}
{% set key = (['period', 'date_id'] if table.periods else []) + table.key | list -%}
FROM cell_{{ table.name }} AS cell
INNER JOIN {{ table.name }} AS existing
  ON {% for column in key %}existing.{{ column }} = cell.{{ column }}{{ '\n  AND ' if not loop.last }}{% endfor %}
{%- endmacro %}

{# The writer of a slice of dates, one date at a time, with `compared` for dry runs too. #}
{% macro dates(table, scoped=false, compared=false) -%}
{% set stage = 'stage_' ~ table.name -%}
{% set bound = {'date_id': '%(date_id)s', 'period': '%(period)s'} -%}
{% set where = ['existing.date_id = %(date_id)s', 'existing.period = %(period)s'] -%}
{{ write(table, stage, bound, rows_of_scopes(table, scoped), where, 'fresh.date_id = %(date_id)s') }}
{%- if compared %}

{{ compare(table, stage, bound, rows_of_scopes(table, scoped), where, 'fresh.date_id = %(date_id)s') }}
{%- endif %}
{%- endmacro %}

{# The writer of a list of cells; with `period`, a condition, of those alone. #}
{% macro cells(table, period=none, part=none) -%}
{{ write(
  table, 'fresh_' ~ table.name, {}, rows_of_cells(table),
  ['cell.period ' ~ period] if period else (), 'fresh.period ' ~ period if period else none, part
) }}
{%- endmacro %}
