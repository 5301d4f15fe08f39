{# One row per time that a learner was in a scope. -#}
{% import 'sets/in_force.sql' as in_force -%}
membership_interval AS (
  SELECT
    membership.scope_type,
    membership.scope_ref_id,
    membership.learner_id,
    GREATEST(membership.valid_from, COALESCE(membership.active_from, membership.valid_from)) AS begins_at,
    LEAST(membership.valid_to, COALESCE(membership.active_to, membership.valid_to)) AS ends_at
  FROM {{ in_force.range_bounds() }}
  INNER JOIN kpi_src_membership AS membership
    ON {{ in_force.in_range('membership') }}
  WHERE opening.date_id = %(first)s
),

membership_span AS (
  SELECT
    scope_type,
    scope_ref_id,
    learner_id,
    {{ in_force.span('begins_at', 'ends_at') }}
  FROM {{ in_force.range_bounds() }}
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
    AND {{ in_force.requested('kpi_scope') }}
  WHERE membership_span.first_day <= membership_span.last_day
)
