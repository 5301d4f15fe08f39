/*
Plan against done of a scope on a target, a row for each week or month of a range, with NULLs where nothing is planned. A period is complete when it is over and its last day is written.
*/

WITH expected AS (
  SELECT date_id
  FROM kpi_time
  WHERE
    date_id BETWEEN %(first)s AND %(last)s
    AND (%(period)s NOT IN ('W', 'M') OR date_id = CASE %(period)s
    WHEN 'W' THEN date_id + INTERVAL 6 - WEEKDAY(date_id) DAY
    WHEN 'M' THEN LAST_DAY(date_id)
  END)
),

written AS (
  SELECT date_to AS last_on
  FROM kpi_run
  WHERE
    table_name = 'kpi_value'
    AND state = 'DONE'
    AND period = 'D'
    AND scopes IS NULL
    AND date_to < %(today)s
  ORDER BY date_to DESC
  LIMIT 1
)

SELECT
  expected.date_id AS date,
  plan.expected_count AS expected,
  plan.done_count AS done,
  plan.gap,
  plan.coverage_pct AS coverage,
  IF(plan.id IS NULL, NULL, COALESCE(plan.date_id <= written.last_on, FALSE)) AS complete
FROM expected
LEFT JOIN written
  ON TRUE
LEFT JOIN kpi_plan_gap AS plan
  ON plan.date_id = expected.date_id
  AND plan.period = %(period)s
  AND plan.scope_id = %(scope)s
  AND plan.target_id = %(target)s
ORDER BY expected.date_id
