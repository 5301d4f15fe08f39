{#
The frame of a slice's script (docs/slices.md). What is computed lands in stage_<table>, whose primary key refuses a figure
that gives one cell twice; then, date by date, only what is new or differs is written, and what vanished is deleted.
In mode `day` a slice is all scopes; in the others those asked for.
#}
{% import 'macros/as_of.sql' as as_of with context %}
{% set days = mode | default('day') %}

{% set DOMAIN = "ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE')" %}
{% set MEASURE = "ENUM('DELAI_ACQUIS_MICRO', 'DELAI_ACQUIS_COMP', 'DELAI_FEEDBACK')" %}
{# What a cell of each table is, besides date_id and period, and what it holds. #}
{% set KEYS = {
  'kpi_value': {'scope_id': 'BIGINT', 'target_id': 'BIGINT', 'metric_id': 'BIGINT'},
  'kpi_state_count': {'scope_id': 'BIGINT', 'target_id': 'BIGINT', 'domain': DOMAIN, 'state_code': 'VARCHAR(32)'},
  'kpi_percentiles': {'scope_id': 'BIGINT', 'target_id': 'BIGINT', 'measure_code': MEASURE},
  'kpi_plan_gap': {'scope_id': 'BIGINT', 'target_id': 'BIGINT'},
  'kpi_tile_cache': {'scope_id': 'BIGINT', 'target_id': 'BIGINT'}
} %}
{% set VALUES = {
  'kpi_value': {'value_num': 'DECIMAL(12, 4)', 'numerator': 'BIGINT', 'denominator': 'BIGINT', 'sample_size': 'INT', 'extra_json': 'JSON'},
  'kpi_state_count': {'state_ordre': 'INT', 'count': 'INT'},
  'kpi_percentiles': {'p50': 'DECIMAL(12, 4)', 'p75': 'DECIMAL(12, 4)', 'p90': 'DECIMAL(12, 4)', 'sample_size': 'INT'},
  'kpi_plan_gap': {'expected_count': 'INT', 'done_count': 'INT'},
  'kpi_tile_cache': {'day_on': 'DATE', 'day_figures': 'JSON', 'week_on': 'DATE', 'week_figures': 'JSON', 'month_on': 'DATE',
    'month_figures': 'JSON', 'rolling_on': 'DATE', 'rolling_figures': 'JSON'}
} %}
{# When a row last changed, where a table says so. #}
{% set STAMPS = {'kpi_value': 'computed_at', 'kpi_tile_cache': 'computed_at'} %}
{# The column that tells how large a change is. #}
{% set MEASURED = {'kpi_value': 'value_num', 'kpi_state_count': 'count', 'kpi_percentiles': 'p50', 'kpi_plan_gap': 'done_count'} %}

{# -- step: create stage; `dated` tables have a row for each date_id and period. #}
{% macro create_stage(table, dated=true) -%}
{% set key, values = KEYS[table], VALUES[table] -%}
-- step: create stage
CREATE TEMPORARY TABLE IF NOT EXISTS stage_{{ table }} (
{%- if dated %}
  date_id DATE NOT NULL,
{%- endif %}
{%- for column, type in key.items() %}
  {{ column }} {{ type }} NOT NULL,
{%- endfor %}
{%- for column, type in values.items() %}
  {{ column }} {{ type }},
{%- endfor %}
  PRIMARY KEY ({{ 'date_id, ' if dated }}{{ key | join(', ') }})
) COLLATE utf8mb4_0900_ai_ci;
{%- endmacro %}

{# `compare` adds the steps of a dry run. #}
{% macro write(table, dated=true, compare=false) -%}
{% set key, values, stamp = KEYS[table], VALUES[table], STAMPS.get(table) -%}
-- step: count staged
SELECT COUNT(*)
FROM stage_{{ table }}
{{- '\nWHERE date_id = %(date_id)s' if dated }};

-- step: count stored
SELECT COUNT(*)
FROM {{ table }} AS existing
{{- of_scopes() }}
{{- '\nWHERE\n  ' ~ of_date() if dated }};

-- step: write differences
INSERT INTO {{ table }} ({{ 'date_id, period, ' if dated }}{{ key | join(', ') }}, {{ values | join(', ') }}{{ ', ' ~ stamp if stamp }})
SELECT
{%- if dated %}
  new.date_id,
  new.period,
{%- endif %}
{%- for column in key %}
  new.{{ column }},
{%- endfor %}
{%- for column in values %}
  new.{{ column }}{{ ',' if stamp or not loop.last }}
{%- endfor %}
{%- if stamp %}
  new.{{ stamp }}
{%- endif %}
FROM (
  SELECT
{%- if dated %}
    stage.date_id,
    %(period)s AS period,
{%- endif %}
{%- for column in key %}
    stage.{{ column }},
{%- endfor %}
{%- for column in values %}
    stage.{{ column }}{{ ',' if stamp or not loop.last }}
{%- endfor %}
{%- if stamp %}
    UTC_TIMESTAMP() AS {{ stamp }}
{%- endif %}
  {{ staged_and_stored(table, key, dated) }}
  WHERE
    {{ 'stage.date_id = %(date_id)s\n    AND ' if dated }}(
      existing.{{ key | first }} IS NULL
{%- for column in values %}
      OR NOT (existing.{{ column }} <=> stage.{{ column }})
{%- endfor %}
    )
) AS new
ON DUPLICATE KEY UPDATE
{%- for column in values %}
  {{ column }} = new.{{ column }}{{ ',' if stamp or not loop.last }}
{%- endfor %}
{%- if stamp %}
  {{ stamp }} = new.{{ stamp }}
{%- endif %};

-- step: delete vanished
DELETE existing
{{ vanished(table, key, dated) }};
{%- if compare %}

-- step: dry run: count new and changed
SELECT
  COALESCE(SUM(existing.scope_id IS NULL), 0) AS n_new,
  COALESCE(SUM(existing.scope_id IS NOT NULL AND NOT (
{%- for column in values %}
    existing.{{ column }} <=> stage.{{ column }}{{ '\n    AND ' if not loop.last }}
{%- endfor %}
  )), 0) AS n_changed
{{ staged_and_stored(table, key, dated) }}
WHERE stage.date_id = %(date_id)s;

-- step: dry run: count vanished
SELECT COUNT(*)
{{ vanished(table, key, dated) }};

-- step: dry run: largest changes
SELECT
  CONCAT_WS(' ', kpi_scope.scope_type, kpi_scope.ref_id) AS scope,
  CONCAT_WS(' ', kpi_target.target_type, kpi_target.ref_id) AS target,
{%- for column in key if column not in ('scope_id', 'target_id') %}
  {{ '(SELECT code FROM kpi_metric WHERE kpi_metric.id = stage.metric_id) AS metric' if column == 'metric_id' else 'stage.' ~ column }},
{%- endfor %}
  existing.{{ MEASURED[table] }} AS was,
  stage.{{ MEASURED[table] }} AS becomes
{{ staged_and_stored(table, key, dated) }}
INNER JOIN kpi_scope
  ON kpi_scope.id = stage.scope_id
INNER JOIN kpi_target
  ON kpi_target.id = stage.target_id
WHERE
  stage.date_id = %(date_id)s
  AND NOT (existing.{{ MEASURED[table] }} <=> stage.{{ MEASURED[table] }})
  AND existing.scope_id IS NOT NULL
ORDER BY ABS(stage.{{ MEASURED[table] }} - existing.{{ MEASURED[table] }}) DESC, stage.scope_id ASC, stage.target_id ASC
LIMIT 5;
{%- endif %}
{%- endmacro %}

{# A run of some scopes counts and deletes rows of those alone. #}
{% macro of_scopes() -%}
{% if days != 'day' %}
INNER JOIN kpi_scope
  ON kpi_scope.id = existing.scope_id
  AND {{ as_of.requested('kpi_scope') }}
{%- endif %}
{%- endmacro %}

{% macro of_date() -%}
existing.date_id = %(date_id)s
  AND existing.period = %(period)s
{%- endmacro %}

{% macro staged_and_stored(table, key, dated) -%}
FROM stage_{{ table }} AS stage
  LEFT JOIN {{ table }} AS existing
    ON {{ 'existing.date_id = %(date_id)s\n    AND existing.period = %(period)s\n    AND ' if dated }}
{%- for column in key -%}
existing.{{ column }} = stage.{{ column }}{{ '\n    AND ' if not loop.last }}
{%- endfor %}
{%- endmacro %}

{% macro vanished(table, key, dated) -%}
FROM {{ table }} AS existing
{{- of_scopes() }}
LEFT JOIN stage_{{ table }} AS stage
  ON {{ 'stage.date_id = %(date_id)s\n  AND ' if dated }}
{%- for column in key -%}
stage.{{ column }} = existing.{{ column }}{{ '\n  AND ' if not loop.last }}
{%- endfor %}
WHERE
  {{ of_date() ~ '\n  AND ' if dated }}stage.{{ key | first }} IS NULL
{%- endmacro %}
