/*
How many pairs of a scope are in each state at or below a target, on the last day computed (the design's query 5.2).
*/
SELECT
  state_code,
  state_ordre,
  SUM(count) AS n
FROM kpi_state_count
WHERE
  scope_id = %(scope_id)s
  AND target_id = %(target_id)s
  AND period = 'D'
  AND date_id = (SELECT MAX(latest.date_id) FROM kpi_state_count AS latest WHERE latest.period = 'D')
GROUP BY state_code, state_ordre
ORDER BY state_ordre
