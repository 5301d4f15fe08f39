{# What holds at the end of a day, or of some days of a range: conditions that the sets share. #}

{# The versions in force at the end of `day`: valid_from < end of the day <= valid_to. #}
{% macro at_end(versions) -%}
{{ versions }}.valid_to >= day.utc_end
    AND {{ versions }}.valid_from < day.utc_end
{%- endmacro %}

{# A session's memberships are active on its days only, others from when the source says they began. #}
{% macro active(membership) -%}
({{ membership }}.active_from IS NULL OR {{ membership }}.active_from < day.utc_end)
    AND ({{ membership }}.active_to IS NULL OR {{ membership }}.active_to >= day.utc_end)
{%- endmacro %}

{# In force at the end of at least one day of a range, perhaps. #}
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

{# The learners asked for, %(learners)s, as a table `wanted`, … #}
{% macro wanted(learners='%(learners)s') -%}
JSON_TABLE({{ learners }}, '$[*]' COLUMNS (learner_id BIGINT PATH '$')) AS wanted
{%- endmacro %}

{# … and what of theirs is touched. The linter's grammar knows no collation in JSON_TABLE. #}
{% macro touched() -%}
JSON_TABLE(
    %(touched)s,
    '$[*]' COLUMNS ( -- noqa: CP02
      learner_id BIGINT PATH '$[0]', -- noqa: PRS
      domain {{ enum(domains) }} COLLATE utf8mb4_0900_ai_ci PATH '$[1]',
      ref_id BIGINT PATH '$[2]'
    )
  ) AS touched
{%- endmacro %}

{# The columns of the history that a figure may read. #}
{% macro realisation_columns() -%}
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
    history.origin = 'RECONSTRUCTED' AS reconstructed
{%- endmacro %}

{# The same of an answered submission; an event in it counts on all days. #}
{% macro feedback_columns() -%}
history.learner_id,
    history.kind,
    history.submission_id,
    history.target_type,
    history.target_ref_id,
    history.submitted_at,
    history.feedback_at,
    history.captured_at,
    0 AS reconstructed,
    DATE '1900-01-01' AS first_day,
    DATE '9999-12-31' AS last_day
{%- endmacro %}

{# One row per scope and learner in it at the end of a day: `versions` says which are in force, `scopes` where scopes are looked for, `only` which of them. #}
{% macro members_of_a_day(versions, scopes='kpi_scope', only=none) -%}
member AS (
  SELECT
    kpi_scope.id AS scope_id,
    kpi_scope.scope_type,
    membership.learner_id,
    day.date_id AS first_day,
    day.date_id AS last_day
  FROM kpi_time AS day
  INNER JOIN kpi_src_membership AS membership
    ON {{ versions }}
    AND {{ active('membership') }}
  INNER JOIN {{ scopes }}
    ON kpi_scope.scope_type = membership.scope_type
    AND kpi_scope.ref_key = membership.scope_ref_id
    {{- '\n    AND ' ~ only if only }}
  WHERE day.date_id = %(as_of)s
)
{%- endmacro %}

{# One row per (learner, UA) that is planned or begun. Planned and begun are grouped together, which needs no join, whose plan could go
   wrong. A learner's plan is that of the groups he is in. #}
{% macro pairs_of_a_day() -%}
pair AS (
  SELECT
    learner_id,
    ref_id,
    MAX(is_planned) AS is_planned,
    MAX(is_due) AS is_due,
    MAX(is_final) AS is_final,
    MAX(reconstructed) AS reconstructed,
    MAX(first_day) AS first_day,
    MAX(last_day) AS last_day
  FROM (
    SELECT
      learner_id,
      ref_id,
      1 AS is_planned,
      due_on <= last_day AS is_due,
      0 AS is_final,
      0 AS reconstructed,
      first_day,
      last_day
    FROM planned
    UNION ALL
    SELECT
      learner_id,
      ref_id,
      0,
      0,
      is_final,
      reconstructed,
      first_day,
      last_day
    FROM realisation
  ) AS side
  GROUP BY learner_id, ref_id
)
{%- endmacro %}
