{#
What a change of the open day's rows has a part in: the row of the day itself, of the week and month that hold it, and the windows that end with it.
#}
{% import 'roads/periods.sql' as periods with context %}

{# The periods that hold today, with the date_id and the first day of each. #}
{% set TODAY = 'CAST(%(as_of)s AS DATE)' %}
{% set TO_DATE = [{'period': 'D', 'date_id': TODAY, 'since': TODAY}] %}
{% for period in calendar_periods %}
{% set name = period_words[period].name %}
{% set _ = TO_DATE.append({
  'period': period,
  'date_id': 'CAST(%(' ~ name ~ '_last)s AS DATE)',
  'since': 'CAST(%(' ~ name ~ '_first)s AS DATE)'
}) %}
{% endfor %}

{# Those of them that a table has, as rows. #}
{% macro to_date(has) -%}
{% for part in TO_DATE if part.period in has %}
  SELECT
    '{{ part.period }}' AS period,
    {{ part.date_id }} AS date_id,
    {{ part.since }} AS since
  {{- '\n  UNION ALL' if not loop.last }}
{%- endfor %}
{%- endmacro %}

{# A figure's own row of each period, … #}
{% macro add_own(parts, figure, has) %}
{% for part in TO_DATE if part.period in has %}
{% set _ = parts.append(dict(part, figure=figure, code=figure.code, rule=figure.rollup)) %}
{% endfor %}
{% endmacro %}

{# … and its windows'. #}
{% macro add_windows(parts, figure) %}
{% for window in (figure.rolling.days if figure.rolling else ()) %}
{% set part = {'period': 'R', 'date_id': TODAY, 'since': TODAY ~ ' - INTERVAL ' ~ (window - 1) ~ ' DAY'} %}
{% set _ = parts.append(dict(part, figure=figure, code=figure.rolling_code(window), rule=figure.rolling.rule)) %}
{% endfor %}
{% endmacro %}

{# Some parts as rows. #}
{% macro listed(parts) -%}
{%- for part in parts %}
  SELECT
    '{{ part.figure.code }}' AS figure,
    '{{ part.code }}' AS code,
    '{{ part.rule }}' AS rule,
    {{ part.figure.factor }} AS factor,
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

{# What is added up from D rows, by SUM, RATIO_OF_SUMS or WEIGHTED_MEAN. Every part is summed by the columns of all rules. #}
{% macro added_up(parts) -%}
-- step: W, M, R: figures that add up
INSERT INTO fresh_kpi_value (period, date_id, metric_id, scope_id, target_id, value_num, numerator, denominator, sample_size, extra_json)
WITH part AS ({{ listed(parts) }}
),

{{ periods.done_days('(SELECT MIN(part.since) FROM part)', '%(as_of)s') }},

span AS (
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
    span.code,
    span.rule,
    span.factor,
    span.period,
    span.date_id,
    span.days,
    span.is_complete,
    fact.scope_id,
    fact.target_id
{%- for name, value in (dict(dict(periods.ADDED['SUM'], **periods.ADDED['WEIGHTED_MEAN']), **periods.SAMPLE)).items() %},
    SUM({{ value }}) AS {{ name }}
{%- endfor %}
  FROM stage_total
  INNER JOIN span
    ON span.figure = stage_total.figure
  INNER JOIN kpi_metric
    ON kpi_metric.code = stage_total.figure
  INNER JOIN kpi_time AS calendar
    ON calendar.date_id >= span.since
    AND calendar.date_id <= %(as_of)s
  INNER JOIN kpi_value AS fact
    ON fact.date_id = calendar.date_id
    AND fact.period = 'D'
    AND fact.scope_id = stage_total.scope_id
    AND fact.target_id = stage_total.target_id
    AND fact.metric_id = kpi_metric.id
  GROUP BY
    span.code, span.rule, span.factor, span.period, span.date_id, span.days, span.is_complete, fact.scope_id, fact.target_id
)

SELECT
  added.period,
  added.date_id,
  kpi_metric.id,
  added.scope_id,
  added.target_id,
{%- for column in ('value_num', 'numerator', 'denominator') %}
  CASE added.rule
{%- for rule in periods.ADDED %}
    WHEN '{{ rule }}' THEN {{ periods.added(rule, column, 'added.factor') }}
{%- endfor %}
  END,
{%- endfor %}
  added.whole,
  {{ periods.told_of_added('%(as_of)s', 'added.days', 'added.is_complete') }}
FROM added
INNER JOIN kpi_metric
  ON kpi_metric.code = added.code;
{%- endmacro %}
