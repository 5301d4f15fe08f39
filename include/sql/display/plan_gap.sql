/*
Plan against done of a scope on a target, week by week and month by month: a positive gap is ahead of the plan.
*/
SELECT
  period,
  date_id,
  expected_count,
  done_count,
  gap,
  coverage_pct
FROM kpi_plan_gap
WHERE
  scope_id = %(scope_id)s
  AND target_id = %(target_id)s
ORDER BY period, date_id
