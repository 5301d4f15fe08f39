{# A metric over the `window` days up to each day of the range, from its D rows, by SUM, RATIO_OF_SUMS or WEIGHTED_MEAN. -#}
{% import 'sums/range/differences.sql' as differences with context -%}
{% set added = dict(periods.ADDED[figure.rolling.rule], **periods.SAMPLE) -%}
WITH {% include 'sets/range/members.sql' %},

-- Members on a day keep a scope's windows; who has none has no window, whatever rows lie in it.
present AS (
  SELECT DISTINCT
    member.scope_id,
    calendar.date_id
  FROM member
  INNER JOIN {{ in_force.each_day_of('member.first_day', 'member.last_day') }}
),

{{ periods.done_days('%(first)s - INTERVAL ' ~ (window - 1) ~ ' DAY', '%(last)s') }},

done_in_window AS (
  SELECT
    calendar.date_id,
    COUNT(*) AS done_days
  FROM kpi_time AS calendar
  INNER JOIN done_day
    ON done_day.date_id > calendar.date_id - INTERVAL {{ window }} DAY
    AND done_day.date_id <= calendar.date_id
  WHERE
    calendar.date_id >= %(first)s
    AND calendar.date_id <= %(last)s
  GROUP BY calendar.date_id
),

fact_span AS (
  SELECT
    fact.scope_id,
    fact.target_id,
{%- for name, value in added.items() %}
    {{ value }} AS {{ name }},
{%- endfor %}
    GREATEST(fact.date_id, CAST(%(first)s AS DATE)) AS first_day,
    LEAST(fact.date_id + INTERVAL {{ window - 1 }} DAY, CAST(%(last)s AS DATE)) AS last_day
  FROM kpi_value AS fact
  INNER JOIN kpi_metric
    ON kpi_metric.id = fact.metric_id
    AND kpi_metric.code = '{{ figure.code }}'
  INNER JOIN kpi_scope
    ON kpi_scope.id = fact.scope_id
    AND {{ in_force.requested('kpi_scope') }}
  WHERE
    fact.date_id >= %(first)s - INTERVAL {{ window - 1 }} DAY
    AND fact.date_id <= %(last)s
    AND fact.period = 'D'
),

fact_difference AS (
  {{ differences.begins_and_ends('fact_span', ['scope_id', 'target_id'], added | list) }}
),

{{ differences.each_day('fact_difference', ['scope_id', 'target_id'], added) }}

SELECT
  added.date_id,
  added.scope_id,
  added.target_id,
{%- for column in ('value_num', 'numerator', 'denominator') %}
  {{ periods.added(figure.rolling.rule, column, figure.factor) }} AS {{ column }},
{%- endfor %}
  added.whole AS sample_size,
  {{ periods.told_of_added('added.date_id', 'done_in_window.done_days', 'done_in_window.done_days = ' ~ window) }} AS extra_json
FROM scope_sum AS added
INNER JOIN present
  ON present.scope_id = added.scope_id
  AND present.date_id = added.date_id
INNER JOIN done_in_window
  ON done_in_window.date_id = added.date_id
