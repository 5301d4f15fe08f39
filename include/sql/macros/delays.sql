{#
Delays and their percentiles. A delay CTE gives (learner_id, domain, ref_id, event_id, microseconds, reconstructed), one row per
event and target it was made on; `ranked` spreads it over scopes and the targets above, an event once per (scope, target).
The window is the local days %(since)s to %(as_of)s; members are those at the end of %(as_of)s.
#}
{% import 'macros/as_of.sql' as as_of -%}

{# delay: from start to end of the realisations of a domain that were finished in the window and are final at its end. #}
{% macro acquisition(domain) -%}
{{ as_of.realisations([domain]) }},

delay AS (
  SELECT
    realisation.learner_id,
    realisation.domain,
    realisation.ref_id,
    CONCAT(realisation.learner_id, ':', realisation.ref_id) AS event_id,
    TIMESTAMPDIFF(MICROSECOND, realisation.started_at, realisation.finished_at) AS microseconds,
    realisation.reconstructed
  FROM kpi_time AS first_day
  INNER JOIN kpi_time AS last_day
    ON last_day.date_id = %(as_of)s
  INNER JOIN realisation
    ON realisation.finished_at >= first_day.utc_start
    AND realisation.finished_at < last_day.utc_end
  WHERE
    first_day.date_id = %(since)s
    AND realisation.is_final = 1
    AND realisation.started_at IS NOT NULL
)
{%- endmacro %}

{# delay: from a submission to its first feedback, given in the window. #}
{% macro feedback() -%}
delay AS (
  SELECT
    feedback.learner_id,
    feedback.target_type AS domain,
    feedback.target_ref_id AS ref_id,
    feedback.submission_id AS event_id,
    TIMESTAMPDIFF(MICROSECOND, feedback.submitted_at, feedback.feedback_at) AS microseconds,
    0 AS reconstructed
  FROM kpi_time AS first_day
  INNER JOIN kpi_time AS last_day
    ON last_day.date_id = %(as_of)s
  INNER JOIN kpi_src_feedback AS feedback
    ON feedback.feedback_at >= first_day.utc_start
    AND feedback.feedback_at < last_day.utc_end
  WHERE
    first_day.date_id = %(since)s
    AND feedback.submitted_at IS NOT NULL
)
{%- endmacro %}

{# ranked: each delay's place within its (scope, target), counted from 0, and how many there are. #}
{% macro ranked(levels) -%}
sample AS (
  SELECT DISTINCT
    member.scope_id,
    closure.ancestor_id AS target_id,
    delay.event_id,
    delay.microseconds,
    delay.reconstructed
  FROM delay
  INNER JOIN kpi_target_closure AS closure
    ON closure.target_type = delay.domain
    AND closure.ref_id = delay.ref_id
    AND closure.ancestor_type IN ('{{ levels | join("', '") }}')
  INNER JOIN member
    ON member.learner_id = delay.learner_id
),

ranked AS (
  SELECT
    scope_id,
    target_id,
    microseconds,
    reconstructed,
    ROW_NUMBER() OVER (PARTITION BY scope_id, target_id ORDER BY microseconds) - 1 AS place,
    COUNT(*) OVER (PARTITION BY scope_id, target_id) AS n
  FROM sample
)
{%- endmacro %}

{# The percentile of `ranked`, by linear interpolation between the two values around place (n - 1) * percent / 100,
   as PERCENTILE_CONT does; in whole microseconds until the last division by the unit's. #}
{% macro percentile(percent, unit_microseconds) -%}
ROUND(
    SUM(
      CASE
        WHEN place = (n - 1) * {{ percent }} DIV 100
          THEN microseconds * (100 - MOD((n - 1) * {{ percent }}, 100))
        WHEN place = (n - 1) * {{ percent }} DIV 100 + 1
          THEN microseconds * MOD((n - 1) * {{ percent }}, 100)
        ELSE 0
      END
    ) * 1.00000000 / ({{ unit_microseconds }} * 100),
    4
  )
{%- endmacro %}

{% set DAY = 86400000000 %}
{% set HOUR = 3600000000 %}
