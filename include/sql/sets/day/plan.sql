{% import 'sets/in_force.sql' as in_force -%}
planned AS (
  SELECT
    groupe.learner_id,
    plan.ua_ref_id AS ref_id,
    plan.due_on,
    day.date_id AS first_day,
    day.date_id AS last_day
  FROM kpi_time AS day
  INNER JOIN kpi_src_plan AS plan
    ON {{ in_force.at_end('plan') }}
  INNER JOIN kpi_src_membership AS groupe
    ON groupe.scope_type = plan.scope_type
    AND groupe.scope_ref_id = plan.scope_ref_id
    AND {{ in_force.at_end('groupe') }}
    AND {{ in_force.active('groupe') }}
  WHERE day.date_id = %(as_of)s
),

{{ in_force.pairs_of_a_day() }}
