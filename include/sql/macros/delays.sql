{#
Delays and their percentiles. A delay CTE gives (learner_id, domain, ref_id, event_id, microseconds, reconstructed, first_day, last_day), one
row per event and target it was made on; `ranked` spreads it over scopes and the targets above, an event once per (scope, target).
An event counts in the window that ends with a day: in modes `day` and `closing` the local days %(since)s to %(as_of)s, in mode `range` the
last `window` days (1 unless the frame sets it) up to each day. Members are those at the end of the day.
In mode `learners` the sample is theirs alone, and the text goes on after SAMPLE_END; in mode `cells` it is that of the cells in
stage_delay_cell, of whichever learners, since the earliest day of a CTE `part`, and figures are given for each part's days: its rows are
(part_no, utc_start), and `figure` is what the cells are listed under (include/sql/incremental).
#}
{% import 'macros/as_of.sql' as as_of with context %}
{% set days = mode | default('day') %}
{% set window_days = window | default(1) %}
{% set SAMPLE_END = '/* the figure from its sample */' %}

{# The window's bounds as instants; in a range, those of all its windows together. One that begins before the calendar begins with it. #}
{% macro window_bounds() -%}
kpi_time AS window_start
  INNER JOIN kpi_time AS window_end
    ON window_end.date_id = {{ '%(last)s' if days == 'range' else '%(as_of)s' }}
{%- endmacro %}

{% macro of_window() -%}
window_start.date_id = (
      SELECT MIN(kpi_time.date_id)
      FROM kpi_time
      WHERE kpi_time.date_id >= {{ '%(first)s - INTERVAL ' ~ (window_days - 1) ~ ' DAY' if days == 'range' else '%(since)s' }}
    )
{%- endmacro %}

{# delay: the found events with their days; `within` are the days on which what they rest on was in force, if it can change. #}
{% macro counted(found, within) -%}
delay AS (
  SELECT
    learner_id,
    domain,
    ref_id,
    event_id,
    microseconds,
    reconstructed,
{%- if days == 'cells' %}
    happened_at,
{%- endif %}
{%- if days == 'range' %}
    GREATEST({{ 'first_day, ' if within }}happened_on, CAST(%(first)s AS DATE)) AS first_day,
    LEAST({{ 'last_day, ' if within }}happened_on + INTERVAL {{ window_days - 1 }} DAY, CAST(%(last)s AS DATE)) AS last_day
{%- else %}
    DATE '1900-01-01' AS first_day,
    DATE '9999-12-31' AS last_day
{%- endif %}
  FROM {{ found }}
)
{%- endmacro %}

{# In mode `cells`, a metric whose targets have few others under them reads what lies under the touched ones, by stage_delay_closure and the
   primary key; other figures read all that was finished in the window. #}
{% set narrow = metric is defined and metric.target_levels | select('in', ['GLOBAL', 'REFERENTIEL', 'MODULE']) | list == [] %}
{% set cells_index = ('FORCE INDEX (`PRIMARY`)' if narrow else 'FORCE INDEX (idx_finished)') if days == 'cells' else none %}

{# delay: from start to end of the realisations of a domain that were finished in the window and are final at its end. #}
{% macro acquisition(domain) -%}
{{ as_of.realisations([domain], cells_index) }},

acquired AS (
  SELECT
    realisation.learner_id,
    realisation.domain,
    realisation.ref_id,
    CONCAT(realisation.learner_id, ':', realisation.ref_id) AS event_id,
    TIMESTAMPDIFF(MICROSECOND, realisation.started_at, realisation.finished_at) AS microseconds,
    realisation.reconstructed,
{%- if days == 'range' %}
    {{ as_of.local_day('realisation.finished_at') }} AS happened_on,
{%- elif days == 'cells' %}
    realisation.finished_at AS happened_at,
{%- endif %}
    realisation.first_day,
    realisation.last_day
  FROM {{ window_bounds() }}
  INNER JOIN realisation
    ON realisation.finished_at >= window_start.utc_start
    AND realisation.finished_at < window_end.utc_end
  WHERE
    {{ of_window() }}
    AND realisation.is_final = 1
    AND realisation.started_at IS NOT NULL
),

{{ counted('acquired', within=true) }}
{%- endmacro %}

{# delay: from a submission to its first feedback, given in the window. #}
{% macro feedback() -%}
answered AS (
  SELECT
    feedback.learner_id,
    feedback.target_type AS domain,
    feedback.target_ref_id AS ref_id,
    CONCAT_WS(':', feedback.kind, feedback.submission_id, feedback.learner_id, feedback.captured_at) AS event_id,
    TIMESTAMPDIFF(MICROSECOND, feedback.submitted_at, feedback.feedback_at) AS microseconds,
    0 AS reconstructed
{%- if days == 'range' %},
    {{ as_of.local_day('feedback.feedback_at') }} AS happened_on
{%- elif days == 'cells' %},
    feedback.feedback_at AS happened_at
{%- endif %}
  FROM {{ window_bounds() }}
{{- as_of.of_wanted() }}
  INNER JOIN kpi_src_feedback AS feedback
    ON feedback.feedback_at >= window_start.utc_start
    AND feedback.feedback_at < window_end.utc_end
    {{- '\n    AND feedback.learner_id = wanted.learner_id' if days == 'learners' }}
  WHERE
    {{ of_window() }}
    AND feedback.submitted_at IS NOT NULL
),

{{ counted('answered', within=false) }}
{%- endmacro %}

{# ranked: each delay's place within its (scope, target), in a range within its (date_id, scope, target), counted from 0, and how many
   there are. An event that is `made_once`, on one target, is not sought again in the sample. #}
{% macro ranked(levels, made_once=false) -%}
{% if days == 'cells' -%}
{{ sample_of_cells(levels, made_once) }}
{%- else -%}
sample AS (
  SELECT{{ ' DISTINCT' if not made_once }}
{%- if days == 'range' %}
    calendar.date_id,
{%- endif %}
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
{%- if days == 'range' %}
    AND member.first_day <= delay.last_day
    AND member.last_day >= delay.first_day
  INNER JOIN {{ as_of.each_day_of('GREATEST(member.first_day, delay.first_day)', 'LEAST(member.last_day, delay.last_day)') }}
{%- endif %}
)
{{- '\n' ~ SAMPLE_END if days == 'learners' -}}
{%- endif %}
,

ranked AS (
  SELECT{{ ' /*+ NO_MERGE(sample) */' if days == 'cells' }}
    {{ cell() }},
    microseconds,
    reconstructed,
    ROW_NUMBER() OVER (PARTITION BY {{ cell() }} ORDER BY microseconds) - 1 AS place,
    COUNT(*) OVER (PARTITION BY {{ cell() }}) AS n
  FROM sample
{%- if days == 'cells' %}
  INNER JOIN part
    ON part.utc_start <= sample.happened_at
{%- endif %}
)
{%- endmacro %}

{# sample, in mode `cells`: first the events under the touched targets, of all learners, then those of the touched cells. In this order, by
   hints: the planner takes a scope for a few learners, and would read the history again for each. #}
{% macro sample_of_cells(levels, made_once) -%}
event AS (
  SELECT /*+ NO_INDEX(closure) */
    delay.learner_id,
    closure.ancestor_id AS target_id,
    delay.event_id,
    delay.happened_at,
    delay.microseconds,
    delay.reconstructed
  FROM delay
  INNER JOIN stage_delay_closure AS closure
    ON closure.target_type = delay.domain
    AND closure.ref_id = delay.ref_id
    AND closure.ancestor_type IN ('{{ levels | join("', '") }}')
    AND closure.figure = '{{ figure }}'
),

sample AS (
  SELECT /*+ NO_MERGE(event) NO_MERGE(member) JOIN_ORDER(event, member, cell) NO_INDEX(cell) */{{ ' DISTINCT' if not made_once }}
    member.scope_id,
    event.target_id,
    event.event_id,
    event.happened_at,
    event.microseconds,
    event.reconstructed
  FROM event
  INNER JOIN member
    ON member.learner_id = event.learner_id
  INNER JOIN stage_delay_cell AS cell
    ON cell.scope_id = member.scope_id
    AND cell.target_id = event.target_id
    AND cell.figure = '{{ figure }}'
)
{%- endmacro %}

{# What a figure is of: the columns that `ranked` is to be grouped by, and that it begins with. #}
{% macro cell() -%}
{{ {'range': 'date_id, ', 'cells': 'part_no, '}.get(days, '') }}scope_id, target_id
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

{# The end of a metric's SELECT: the median of `ranked` (agg MEDIAN). #}
{% macro median(unit_microseconds) -%}
SELECT
  {{ cell() }},
  {{ percentile(50, unit_microseconds) }} AS value_num,
  NULL AS numerator,
  NULL AS denominator,
  MAX(n) AS sample_size,
  CASE WHEN SUM(reconstructed) > 0 THEN JSON_OBJECT('reconstructed', CAST(SUM(reconstructed) AS SIGNED)) END AS extra_json
FROM ranked
GROUP BY {{ cell() }}
{%- endmacro %}

{# The end of a measure of kpi_percentiles. #}
{% macro percentiles(unit_microseconds) -%}
SELECT
  {{ cell() }},
  {{ percentile(50, unit_microseconds) }} AS p50,
  {{ percentile(75, unit_microseconds) }} AS p75,
  {{ percentile(90, unit_microseconds) }} AS p90,
  MAX(n) AS sample_size
FROM ranked
GROUP BY {{ cell() }}
{%- endmacro %}
