{#
How kpi_incremental writes the cells that a change touches (include/sql/incremental/refresh.sql). For each table, cell_<table> lists the touched
cells of all periods, and fresh_<table> what they hold now; a touched cell that has no such row is gone.
#}
{% import 'macros/slice.sql' as slice with context %}
{% import 'macros/rollup.sql' as rollup with context %}

{# The key of a table's row, period and date first. #}
{% macro key_of(table, dated) -%}
{{ ((['period', 'date_id'] if dated else []) + slice.KEYS[table] | list) | join(' ') }}
{%- endmacro %}

{# -- step: create … of the table's touched cells, and of what they hold. #}
{% macro create(table, dated=true) -%}
{% for name in ('cell', 'fresh') -%}
-- step: create {{ name }} {{ table }}
CREATE TEMPORARY TABLE IF NOT EXISTS {{ name }}_{{ table }} (
{%- if dated %}
  period ENUM('D', 'W', 'M', 'R') NOT NULL,
  date_id DATE NOT NULL,
{%- endif %}
{%- for column, type in slice.KEYS[table].items() %}
  {{ column }} {{ type }} NOT NULL,
{%- endfor %}
{%- if name == 'fresh' %}
{%- for column, type in slice.VALUES[table].items() %}
  {{ column }} {{ type }},
{%- endfor %}
{%- endif %}
  PRIMARY KEY ({{ key_of(table, dated) | replace(' ', ', ') }})
) COLLATE utf8mb4_0900_ai_ci;
{{ '\n' if not loop.last }}
{%- endfor %}
{%- endmacro %}

{# The steps that write a table; with `only`, a condition on the period, its rows alone. Most rows are there: an update costs half of an upsert,
   which first tries to insert. #}
{% macro write(table, only=none, dated=true) -%}
{% set key = key_of(table, dated).split(' ') -%}
{% set values, stamp = slice.VALUES[table], slice.STAMPS.get(table) -%}
{% set columns = key + values | list + ([stamp] if stamp else []) -%}
-- step: {{ table }}: count existing
SELECT
  (SELECT COUNT(*) FROM cell_{{ table }}{{ ' WHERE period ' ~ only if only }}) AS touched,
  COUNT(*) AS held,
  COUNT(existing.{{ key | last }}) AS existing
FROM fresh_{{ table }} AS fresh
LEFT JOIN {{ stored(table, key) }}
{{- '\nWHERE fresh.period ' ~ only if only }};

-- step: {{ table }}: update differences
UPDATE fresh_{{ table }} AS fresh
INNER JOIN {{ stored(table, key) }}
SET
{%- for column in values %}
  existing.{{ column }} = fresh.{{ column }}{{ ',' if stamp or not loop.last }}
{%- endfor %}
{%- if stamp %}
  existing.{{ stamp }} = UTC_TIMESTAMP()
{%- endif %}
WHERE
  {{ 'fresh.period ' ~ only ~ '\n  AND ' if only }}(
{%- for column in values %}
    {{ 'OR ' if not loop.first }}NOT (existing.{{ column }} <=> fresh.{{ column }})
{%- endfor %}
  );

-- step: {{ table }}: insert missing
INSERT INTO {{ table }} ({{ columns | join(', ') }})
SELECT
{%- for column in key + values | list %}
  fresh.{{ column }}{{ ',' if stamp or not loop.last }}
{%- endfor %}
{%- if stamp %}
  UTC_TIMESTAMP()
{%- endif %}
FROM fresh_{{ table }} AS fresh
LEFT JOIN {{ stored(table, key) }}
WHERE
  {{ 'fresh.period ' ~ only ~ '\n  AND ' if only }}existing.{{ key | last }} IS NULL;

-- step: {{ table }}: delete vanished
DELETE existing
FROM cell_{{ table }} AS cell
INNER JOIN {{ table }} AS existing
  ON {% for column in key %}existing.{{ column }} = cell.{{ column }}{{ '\n  AND ' if not loop.last }}{% endfor %}
LEFT JOIN fresh_{{ table }} AS fresh
  ON {% for column in key %}fresh.{{ column }} = cell.{{ column }}{{ '\n  AND ' if not loop.last }}{% endfor %}
WHERE
  {{ 'cell.period ' ~ only ~ '\n  AND ' if only }}fresh.{{ key | last }} IS NULL;
{%- endmacro %}

{% macro stored(table, key) -%}
{{ table }} AS existing
  ON {% for column in key %}existing.{{ column }} = fresh.{{ column }}{{ '\n  AND ' if not loop.last }}{% endfor %}
{%- endmacro %}

{# The periods that hold today, with the date_id and the first day of each. #}
{% set TODAY = 'CAST(%(as_of)s AS DATE)' %}
{% set TO_DATE = [
  {'period': 'D', 'date_id': TODAY, 'since': TODAY},
  {'period': 'W', 'date_id': 'CAST(%(week_last)s AS DATE)', 'since': 'CAST(%(week_first)s AS DATE)'},
  {'period': 'M', 'date_id': 'CAST(%(month_last)s AS DATE)', 'since': 'CAST(%(month_first)s AS DATE)'}
] %}

{# The same as rows; `day` leaves D out or in. #}
{% macro periods(day=true) -%}
{% for one in TO_DATE if day or one.period != 'D' %}
  SELECT
    '{{ one.period }}' AS period,
    {{ one.date_id }} AS date_id,
    {{ one.since }} AS since
  {{- '\n  UNION ALL' if not loop.last }}
{%- endfor %}
{%- endmacro %}

{# What a metric's rows of a day have a part in: the metric's own row of each period, and its windows'. #}
{% set PARTS = [] %}
{% for metric in metrics() %}
{% for one in TO_DATE %}
{% set _ = PARTS.append(dict(one, metric=metric, code=metric.code, rule=metric.rollup)) %}
{% endfor %}
{% for window in (metric.rolling.days if metric.rolling else ()) %}
{% set one = {'period': 'R', 'date_id': TODAY, 'since': TODAY ~ ' - INTERVAL ' ~ (window - 1) ~ ' DAY'} %}
{% set _ = PARTS.append(dict(one, metric=metric, code=metric.rolling_code(window), rule=metric.rolling.rule)) %}
{% endfor %}
{% endfor %}

{# Some of them as rows. #}
{% macro listed(parts) -%}
{%- for part in parts %}
  SELECT
    '{{ part.metric.code }}' AS figure,
    '{{ part.code }}' AS code,
    '{{ part.rule }}' AS rule,
    {{ part.metric.factor }} AS factor,
    '{{ part.period }}' AS period,
    {{ part.date_id }} AS date_id,
    {{ part.since }} AS since
  {{- '\n  UNION ALL' if not loop.last }}
{%- endfor %}
{%- endmacro %}

{# part: the parts of a figure of delays, numbered, since that groups faster than names, and the instant that each begins with; one that
   begins before the calendar begins with it. #}
{% macro begun(parts) -%}
part AS (
  SELECT
    ROW_NUMBER() OVER (ORDER BY listed.code, listed.period) AS part_no,
    listed.code,
    listed.period,
    listed.date_id,
    listed.since,
    calendar.utc_start
  FROM ({{ listed(parts) }}
  ) AS listed
  INNER JOIN kpi_time AS calendar
    ON calendar.date_id = GREATEST(listed.since, (SELECT MIN(kpi_time.date_id) FROM kpi_time))
)
{%- endmacro %}

{# A figure's SELECT over all of its parts: since the first day of the earliest. #}
{% macro since_earliest(select, parts) -%}
{{ select | trim | replace('%(since)s', 'LEAST(' ~ parts | map(attribute='since') | unique | join(', ') ~ ')') }}
{%- endmacro %}

{# What is added up from D rows, by SUM, RATIO_OF_SUMS or WEIGHTED_MEAN. Every part is summed by the columns of all rules. #}
{% macro added_up(parts) -%}
-- step: W, M, R: figures that add up
INSERT INTO fresh_kpi_value (period, date_id, metric_id, scope_id, target_id, value_num, numerator, denominator, sample_size, extra_json)
WITH part AS ({{ listed(parts) }}
),

{{ rollup.done_days('(SELECT MIN(part.since) FROM part)', '%(as_of)s') }},

told AS (
  SELECT
    part.figure,
    part.code,
    part.rule,
    part.factor,
    part.period,
    part.date_id,
    part.since,
    COUNT(done_day.date_id) AS days,
    part.date_id = %(as_of)s AND COUNT(done_day.date_id) = DATEDIFF(%(as_of)s, part.since) + 1 AS is_complete
  FROM part
  LEFT JOIN done_day
    ON done_day.date_id >= part.since
  GROUP BY part.figure, part.code, part.rule, part.factor, part.period, part.date_id, part.since
),

added AS (
  SELECT
    told.code,
    told.rule,
    told.factor,
    told.period,
    told.date_id,
    told.days,
    told.is_complete,
    fact.scope_id,
    fact.target_id
{%- for name, value in (dict(dict(rollup.ADDED['SUM'], **rollup.ADDED['WEIGHTED_MEAN']), **rollup.SAMPLE)).items() %},
    SUM({{ value }}) AS {{ name }}
{%- endfor %}
  FROM stage_total
  INNER JOIN told
    ON told.figure = stage_total.figure
  INNER JOIN kpi_metric
    ON kpi_metric.code = stage_total.figure
  INNER JOIN kpi_time AS calendar
    ON calendar.date_id >= told.since
    AND calendar.date_id <= %(as_of)s
  INNER JOIN kpi_value AS fact
    ON fact.date_id = calendar.date_id
    AND fact.period = 'D'
    AND fact.scope_id = stage_total.scope_id
    AND fact.target_id = stage_total.target_id
    AND fact.metric_id = kpi_metric.id
  GROUP BY
    told.code, told.rule, told.factor, told.period, told.date_id, told.days, told.is_complete, fact.scope_id, fact.target_id
)

SELECT
  added.period,
  added.date_id,
  kpi_metric.id,
  added.scope_id,
  added.target_id,
{%- for column in ('value_num', 'numerator', 'denominator') %}
  CASE added.rule
{%- for rule, gives in rollup.GIVES.items() %}
    WHEN '{{ rule }}' THEN {{ gives[column] | replace('%s', 'added.factor') }}
{%- endfor %}
  END,
{%- endfor %}
  added.whole,
  {{ rollup.told(
    "IF(added.reconstructed > 0, JSON_OBJECT('reconstructed', CAST(added.reconstructed AS SIGNED)), NULL)", '%(as_of)s', 'added.days',
    'added.is_complete'
  ) }}
FROM added
INNER JOIN kpi_metric
  ON kpi_metric.code = added.code;
{%- endmacro %}
