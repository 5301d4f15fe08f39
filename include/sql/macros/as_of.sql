{#
What was true at the end of local days, as CTEs to begin a figure with. The frame that a figure is put in says which days, by its `mode`:
  day      one day, %(as_of)s: the nightly batch
  closing  the same, for the scopes whose week or month closes on %(as_of)s
  range    all days from %(first)s to %(last)s at once, for the scopes asked for: backfills and windows
  learners one day, %(as_of)s, for the learners of %(learners)s (a JSON list of ids) alone, and of their rows those of %(touched)s (a JSON
           list of [learner_id, domain, ref_id]): what these add to their scopes' figures
  sums     the same as day, as far as the sums that mode `learners` adds to
  cells    one day, %(as_of)s, which is open, for the cells of stage_delay_cell alone and the members of their scopes, stage_delay_scope
           (macros/delays.sql)
Each row carries the days it counts on, first_day to last_day; with one day both are that day. So one SELECT serves all modes, as long
as it leaves the days to these columns and does not bind %(as_of)s itself (it is then computed day by day).
A day joins as a table of one constant row to the planner, so the versions in force are a range of the history's primary key, which
begins with valid_to.
#}
{% set days = mode | default('day') %}

{# The versions in force: valid_from < end of the day <= valid_to. At the end of the open day they are the open ones. #}
{% macro in_force(versions) -%}
{% if days == 'cells' -%}
{{ versions }}.valid_to = '9999-12-31'
{%- else -%}
  {{ versions }}.valid_to >= day.utc_end
    AND {{ versions }}.valid_from < day.utc_end
{%- endif %}
{%- endmacro %}

{# A session's memberships are active on its days only, others from when the source says they began. #}
{% macro active(membership) -%}
  ({{ membership }}.active_from IS NULL OR {{ membership }}.active_from < day.utc_end)
    AND ({{ membership }}.active_to IS NULL OR {{ membership }}.active_to >= day.utc_end)
{%- endmacro %}

{# The same for a range: at the end of at least one of its days, perhaps. #}
{% macro in_range(versions) -%}
  {{ versions }}.valid_to >= opening.utc_end
    AND {{ versions }}.valid_from < ending.utc_end
{%- endmacro %}

{# The local day that an instant lies in: the one of its UTC date, or the one before or after, as that one's instants say. One look-up by
   key, where the search for the last utc_start before it walks along the calendar. #}
{% macro local_day(instant) -%}
(
      SELECT local_day.date_id + INTERVAL ({{ instant }} >= local_day.utc_end) - ({{ instant }} < local_day.utc_start) DAY
      FROM kpi_time AS local_day
      WHERE local_day.date_id = DATE({{ instant }})
    )
{%- endmacro %}

{# Each day of a span, `calendar`, within the range. #}
{% macro each_day_of(first_day, last_day) -%}
kpi_time AS calendar
    ON calendar.date_id >= %(first)s
    AND calendar.date_id <= %(last)s
    AND calendar.date_id >= {{ first_day }}
    AND calendar.date_id <= {{ last_day }}
{%- endmacro %}

{# The days of the range at whose end an interval of instants [begin, end) is in force. Most begin before and end after it. #}
{% macro span(begin, end) -%}
IF({{ begin }} < opening.utc_end, opening.date_id, {{ local_day(begin) }}) AS first_day,
    IF({{ end }} >= ending.utc_end, ending.date_id, {{ local_day(end) }} - INTERVAL 1 DAY) AS last_day
{%- endmacro %}

{# The range's first and last day, to join what was in force on some of its days. #}
{% macro range_bounds() -%}
kpi_time AS opening
  INNER JOIN kpi_time AS ending
    ON ending.date_id = %(last)s
{%- endmacro %}

{# The scopes that a run asks for, by their types and ids; NULL asks for all. #}
{% macro requested(scope) -%}
(%(scope_types)s IS NULL OR FIND_IN_SET({{ scope }}.scope_type, %(scope_types)s) > 0)
    AND (%(scope_ids)s IS NULL OR FIND_IN_SET({{ scope }}.id, %(scope_ids)s) > 0)
{%- endmacro %}

{# The learners asked for, %(learners)s, as a table `wanted`. #}
{% macro wanted() -%}
JSON_TABLE(%(learners)s, '$[*]' COLUMNS (learner_id BIGINT PATH '$')) AS wanted
{%- endmacro %}

{# In mode `learners`, the learners asked for, … #}
{% macro of_wanted() -%}
{% if days == 'learners' %}
  CROSS JOIN {{ wanted() }}
{%- endif %}
{%- endmacro %}

{# … and what of theirs is touched. #}
{% macro of_touched() -%}
{% if days == 'learners' %}
  CROSS JOIN JSON_TABLE(
    %(touched)s,
    '$[*]' COLUMNS (
      learner_id BIGINT PATH '$[0]',
      domain ENUM('MODULE', 'COMPETENCE', 'MICRO_COMPETENCE', 'UA') PATH '$[1]',
      ref_id BIGINT PATH '$[2]'
    )
  ) AS touched
{%- endif %}
{%- endmacro %}

{# member: one row per (scope, learner in it); in a range per time he was in it. In mode `learners` they are looked up once, which is `anew`. #}
{% macro members(anew=false) -%}
{% if days == 'range' -%}
membership_interval AS (
  SELECT
    membership.scope_type,
    membership.scope_ref_id,
    membership.learner_id,
    GREATEST(membership.valid_from, COALESCE(membership.active_from, membership.valid_from)) AS begins_at,
    LEAST(membership.valid_to, COALESCE(membership.active_to, membership.valid_to)) AS ends_at
  FROM {{ range_bounds() }}
  INNER JOIN kpi_src_membership AS membership
    ON {{ in_range('membership') }}
  WHERE opening.date_id = %(first)s
),

membership_span AS (
  SELECT
    scope_type,
    scope_ref_id,
    learner_id,
    {{ span('begins_at', 'ends_at') }}
  FROM {{ range_bounds() }}
  CROSS JOIN membership_interval
  WHERE opening.date_id = %(first)s
),

member AS (
  SELECT
    kpi_scope.id AS scope_id,
    kpi_scope.scope_type,
    membership_span.learner_id,
    membership_span.first_day,
    membership_span.last_day
  FROM membership_span
  INNER JOIN kpi_scope
    ON kpi_scope.scope_type = membership_span.scope_type
    AND kpi_scope.ref_key = membership_span.scope_ref_id
    AND {{ requested('kpi_scope') }}
  WHERE membership_span.first_day <= membership_span.last_day
)
{%- elif days == 'learners' and not anew -%}
member AS (
  SELECT
    scope_id,
    learner_id
  FROM stage_member
  WHERE sign = %(sign)s
)
{%- else -%}
member AS (
  SELECT
    kpi_scope.id AS scope_id,
    kpi_scope.scope_type,
    membership.learner_id,
    day.date_id AS first_day,
    day.date_id AS last_day
  FROM kpi_time AS day
{{- of_wanted() if anew }}
  INNER JOIN kpi_src_membership AS membership
    ON {{ in_force('membership') }}
    {{- '\n    AND membership.learner_id = wanted.learner_id' if anew }}
    AND {{ active('membership') }}
  INNER JOIN {{ 'stage_delay_scope' if days == 'cells' else 'kpi_scope' }} AS kpi_scope
    ON kpi_scope.scope_type = membership.scope_type
    AND kpi_scope.ref_key = membership.scope_ref_id
{%- if days == 'closing' %}
    AND (%(closing_scopes)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(closing_scopes)s) > 0)
{%- endif %}
  WHERE day.date_id = %(as_of)s
)
{%- endif %}
{%- endmacro %}

{# cohort: each learner with the smallest learner who has the same scopes besides his own, on the same days. #}
{% macro cohorts() -%}
scope_set AS (
  SELECT
    learner_id,
{%- if days == 'range' %}
    GROUP_CONCAT(scope_id, ':', TO_DAYS(first_day), ':', TO_DAYS(last_day) ORDER BY scope_id, first_day) AS scope_ids
{%- else %}
    GROUP_CONCAT(scope_id ORDER BY scope_id) AS scope_ids
{%- endif %}
  FROM member
  WHERE scope_type <> 'APPRENANT'
  GROUP BY learner_id
),

cohort AS (
  SELECT
    learner_id,
    MIN(learner_id) OVER (PARTITION BY scope_ids) AS cohort_id
  FROM scope_set
)
{%- endmacro %}

{# realisation: one row per (learner, target) of the domains, in a range per version; read in one range of the primary key, when the cells of
   delays are taken anew as the hint `index` says. #}
{% macro realisations(domains, index=none) -%}
realisation AS (
  SELECT
    history.learner_id,
    history.domain,
    history.ref_id,
    history.state_code,
    history.state_order,
    history.is_final,
    history.progress_pct,
    history.score,
    history.score_max,
    history.started_at,
    history.finished_at,
    history.last_activity_at,
    history.origin = 'RECONSTRUCTED' AS reconstructed,
{%- if days == 'range' %}
    {{ span('history.valid_from', 'history.valid_to') }}
  FROM {{ range_bounds() }}
  INNER JOIN kpi_src_realisation AS history IGNORE INDEX (uq_realisation)
    ON {{ in_range('history') }}
  WHERE
    opening.date_id = %(first)s
{%- else %}
    day.date_id AS first_day,
    day.date_id AS last_day
  FROM kpi_time AS day
{{- of_touched() }}
  INNER JOIN kpi_src_realisation AS history{{ ' ' ~ index if index else ' IGNORE INDEX (uq_realisation)' if days != 'learners' }}
    ON {{ in_force('history') }}
{%- if days == 'learners' %}
    AND history.learner_id = touched.learner_id
    AND history.domain = touched.domain
    AND history.ref_id = touched.ref_id
{%- endif %}
  WHERE
    day.date_id = %(as_of)s
{%- endif %}
    AND history.domain IN ('{{ domains | join("', '") }}')
)
{%- endmacro %}

{# planned: one row per (learner, UA, group of his that plans it), with the due date. #}
{% macro planned() -%}
{% if days == 'range' -%}
plan_interval AS (
  SELECT
    groupe.learner_id,
    plan.ua_ref_id AS ref_id,
    plan.due_on,
    GREATEST(plan.valid_from, groupe.valid_from, COALESCE(groupe.active_from, groupe.valid_from)) AS begins_at,
    LEAST(plan.valid_to, groupe.valid_to, COALESCE(groupe.active_to, groupe.valid_to)) AS ends_at
  FROM {{ range_bounds() }}
  INNER JOIN kpi_src_plan AS plan
    ON {{ in_range('plan') }}
  INNER JOIN kpi_src_membership AS groupe
    ON groupe.scope_type = plan.scope_type
    AND groupe.scope_ref_id = plan.scope_ref_id
    AND {{ in_range('groupe') }}
  WHERE opening.date_id = %(first)s
),

planned AS (
  SELECT
    learner_id,
    ref_id,
    due_on,
    {{ span('begins_at', 'ends_at') }}
  FROM {{ range_bounds() }}
  CROSS JOIN plan_interval
  WHERE opening.date_id = %(first)s
)
{%- else -%}
planned AS (
  SELECT
    groupe.learner_id,
    plan.ua_ref_id AS ref_id,
    plan.due_on,
    day.date_id AS first_day,
    day.date_id AS last_day
  FROM kpi_time AS day
{{- of_touched() }}
  INNER JOIN kpi_src_plan AS plan
    ON {{ in_force('plan') }}
  INNER JOIN kpi_src_membership AS groupe
    ON groupe.scope_type = plan.scope_type
    AND groupe.scope_ref_id = plan.scope_ref_id
    AND {{ in_force('groupe') }}
    AND {{ active('groupe') }}
{%- if days == 'learners' %}
    AND groupe.learner_id = touched.learner_id
    AND touched.domain = 'UA'
    AND plan.ua_ref_id = touched.ref_id
{%- endif %}
  WHERE day.date_id = %(as_of)s
)
{%- endif %}
{%- endmacro %}

{# The first day at whose end n local days, that day among them, have passed since the instant; what never happened is long ago. #}
{% macro day_after(instant, n) -%}
{% if days == 'range' -%}
COALESCE({{ local_day(instant) }} + INTERVAL {{ n }} DAY, DATE '1900-01-01')
{%- else -%}
IF(
      {{ instant }} >= (SELECT since.utc_start FROM kpi_time AS since WHERE since.date_id = %(as_of)s - INTERVAL {{ n - 1 }} DAY),
      DATE '9999-12-31',
      DATE '1900-01-01'
    )
{%- endif %}
{%- endmacro %}
