/*
Percentiles rise (p50 ≤ p75 ≤ p90) and rest on a sample, and everybody's row on everything has all the events of the day that the measure's
file finds in the history. A day without any has no rows, which is right: so there is no count of rows to begin with, but one compared
with the history.
*/
{% import 'sets/day/instants.sql' as instants -%}
WITH learner AS (
  SELECT
    membership.learner_id,
    day.utc_start,
    day.utc_end
  FROM kpi_time AS day
  INNER JOIN kpi_src_membership AS membership
    ON membership.scope_type = 'GLOBAL'
    AND membership.valid_to >= day.utc_end
    AND membership.valid_from < day.utc_end
    AND (membership.active_from IS NULL OR membership.active_from < day.utc_end)
    AND (membership.active_to IS NULL OR membership.active_to >= day.utc_end)
  WHERE day.date_id = %(date_id)s
),

expected AS (
{%- for figure in figures('kpi_percentiles') if figure.kind == 'delays' and 'GLOBAL' in figure.target_levels %}
  SELECT
    '{{ figure.code }}' AS measure_code,
    COUNT(DISTINCT event.event_id) AS n
  FROM learner
  INNER JOIN (
{% filter indent(4, true) -%}
WITH {% for set in figure.reads %}{% include 'sets/day/' ~ set ~ '.sql' %}{{ ',\n\n' if not loop.last }}{% endfor %}

{% include figure.template %}
{% endfilter %}
  ) AS event
    ON event.learner_id = learner.learner_id
    AND event.happened_at >= learner.utc_start
    AND event.happened_at < learner.utc_end
  {{- '\n  UNION ALL' if not loop.last }}
{%- else %}
  SELECT
    '' AS measure_code,
    0 AS n
{%- endfor %}
),

fact AS (
  SELECT
    figure.measure_code,
    figure.p50,
    figure.p75,
    figure.p90,
    figure.sample_size,
    kpi_scope.scope_type = 'GLOBAL' AND kpi_target.target_type = 'GLOBAL' AS is_everything
  FROM kpi_percentiles AS figure
  LEFT JOIN kpi_scope
    ON kpi_scope.id = figure.scope_id
  LEFT JOIN kpi_target
    ON kpi_target.id = figure.target_id
  WHERE
    figure.date_id = %(date_id)s
    AND figure.period = 'D'
)

SELECT
  (
    SELECT SUM(COALESCE(fact.sample_size, 0) <> expected.n) = 0
    FROM expected
    LEFT JOIN fact
      ON fact.measure_code = expected.measure_code
      AND fact.is_everything = 1
  ) AS all_delays_counted,
  (
    SELECT COALESCE(SUM(COALESCE(fact.p50 > fact.p75 OR fact.p75 > fact.p90 OR fact.sample_size < 1, 1)), 0) = 0
    FROM fact
  ) AS all_rise
