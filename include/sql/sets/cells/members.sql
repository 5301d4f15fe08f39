{# At the end of the open day the versions in force are the open ones. -#}
{% import 'sets/in_force.sql' as in_force -%}
member AS (
  SELECT
    kpi_scope.id AS scope_id,
    kpi_scope.scope_type,
    membership.learner_id,
    day.date_id AS first_day,
    day.date_id AS last_day
  FROM kpi_time AS day
  INNER JOIN kpi_src_membership AS membership
    ON membership.valid_to = '9999-12-31'
    AND {{ in_force.active('membership') }}
  INNER JOIN stage_delay_scope AS kpi_scope
    ON kpi_scope.scope_type = membership.scope_type
    AND kpi_scope.ref_key = membership.scope_ref_id
  WHERE day.date_id = %(as_of)s
)
