{# Where a slice's cells are put before they are written: a temporary table, whose primary key refuses a figure that gives a cell twice. #}

{# The steps that create a table's stage; `before` are the columns of its key that come first, {column: type}. #}
{% macro create(name, table, before) -%}
{% set key = dict(before, **table.key) -%}
-- step: {{ name }} | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS {{ name }} (
{%- for column, type in key.items() %}
  {{ column }} {{ type }} NOT NULL,
{%- endfor %}
{%- for column, type in table['values'].items() %}
  {{ column }} {{ type }},
{%- endfor %}
  PRIMARY KEY ({{ key | join(', ') }})
) COLLATE utf8mb4_0900_ai_ci;
{%- endmacro %}

{# The beginning of an INSERT into a stage. #}
{% macro insert(name, table, before) -%}
INSERT INTO {{ name }} ({{ (before + table.key | list + table['values'] | list) | join(', ') }})
{%- endmacro %}

{# The expressions for it: of each column `other` names its own, what identifies the figure by its code, all others as the figure gives them. #}
{% macro columns(table, code, before, other={}) -%}
{% set given = dict({
  'metric_id': "(SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = '" ~ code ~ "')",
  'measure_code': "'" ~ code ~ "'"
}, **other) -%}
{% for column in before + table.key | list + table['values'] | list %}
  {{ given.get(column, 'figure.' ~ column) }}{{ ',' if not loop.last }}
{%- endfor %}
{%- endmacro %}
