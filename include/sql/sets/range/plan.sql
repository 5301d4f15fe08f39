{% import 'sets/in_force.sql' as in_force -%}
{% import 'sums/range/differences.sql' as differences with context -%}
{% macro side(spans, is_planned=0, is_due=0, is_final=0, reconstructed=0) -%}
{{ differences.begins_and_ends(spans, ['learner_id', 'ref_id'],
  {'is_planned': is_planned, 'is_due': is_due, 'is_final': is_final, 'reconstructed': reconstructed}) }}
{%- endmacro %}
plan_interval AS (
  SELECT
    groupe.learner_id,
    plan.ua_ref_id AS ref_id,
    plan.due_on,
    GREATEST(plan.valid_from, groupe.valid_from, COALESCE(groupe.active_from, groupe.valid_from)) AS begins_at,
    LEAST(plan.valid_to, groupe.valid_to, COALESCE(groupe.active_to, groupe.valid_to)) AS ends_at
  FROM {{ in_force.range_bounds() }}
  INNER JOIN kpi_src_plan AS plan
    ON {{ in_force.in_range('plan') }}
  INNER JOIN kpi_src_membership AS groupe
    ON groupe.scope_type = plan.scope_type
    AND groupe.scope_ref_id = plan.scope_ref_id
    AND {{ in_force.in_range('groupe') }}
  WHERE opening.date_id = %(first)s
),

planned AS (
  SELECT
    learner_id,
    ref_id,
    due_on,
    {{ in_force.span('begins_at', 'ends_at') }}
  FROM {{ in_force.range_bounds() }}
  CROSS JOIN plan_interval
  WHERE opening.date_id = %(first)s
),

due AS (
  SELECT
    learner_id,
    ref_id,
    GREATEST(first_day, due_on) AS first_day,
    last_day
  FROM planned
),

pair_difference AS (
  SELECT
    learner_id,
    ref_id,
    day,
    SUM(is_planned) AS is_planned,
    SUM(is_due) AS is_due,
    SUM(is_final) AS is_final,
    SUM(reconstructed) AS reconstructed
  FROM (
  {{ side('planned', is_planned=1) }}
  UNION ALL
  {{ side('due', is_due=1) }}
  UNION ALL
  {{ side('realisation', is_final='is_final', reconstructed='reconstructed') }}
  ) AS side
  GROUP BY learner_id, ref_id, day
),

pair AS (
  SELECT
    learner_id,
    ref_id,
    SUM(is_planned) OVER sofar > 0 AS is_planned,
    SUM(is_due) OVER sofar > 0 AS is_due,
    SUM(is_final) OVER sofar > 0 AS is_final,
    SUM(reconstructed) OVER sofar > 0 AS reconstructed,
    day AS first_day,
    COALESCE(LEAD(day) OVER sofar - INTERVAL 1 DAY, CAST(%(last)s AS DATE)) AS last_day
  FROM pair_difference
  WINDOW sofar AS (PARTITION BY learner_id, ref_id ORDER BY day ROWS UNBOUNDED PRECEDING)
)
