/*
How many pairs of a scope are in each state, by domain, for each of the targets of a JSON list of ids.
*/
SELECT
  fact.target_id,
  fact.domain,
  fact.state_code AS code,
  fact.state_ordre AS `order`,
  fact.count,
  SUM(fact.count) OVER (PARTITION BY fact.target_id, fact.domain) AS total
FROM JSON_TABLE(%(targets)s, '$[*]' COLUMNS (target_id BIGINT PATH '$')) AS asked
INNER JOIN kpi_state_count AS fact
  ON fact.target_id = asked.target_id
WHERE
  fact.scope_id = %(scope)s
  AND fact.period = %(period)s
  AND fact.date_id = %(date)s
ORDER BY
  fact.target_id,
  FIELD(fact.domain, 'MODULE', 'COMPETENCE', 'MICRO_COMPETENCE', 'UA'),
  fact.state_ordre,
  fact.state_code
