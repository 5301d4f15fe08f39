/*
The states of everybody on everything sum up, in each domain, to the realisations of the learners there are.
*/
SELECT
  COUNT(*) > 0 OR NOT EXISTS (
    SELECT 1
    FROM kpi_time AS day
    INNER JOIN kpi_src_membership AS membership
      ON membership.scope_type = 'GLOBAL'
      AND membership.valid_to >= day.utc_end
      AND membership.valid_from < day.utc_end
      AND (membership.active_from IS NULL OR membership.active_from < day.utc_end)
      AND (membership.active_to IS NULL OR membership.active_to >= day.utc_end)
    INNER JOIN kpi_src_realisation AS realisation
      ON realisation.learner_id = membership.learner_id
      AND realisation.valid_to >= day.utc_end
      AND realisation.valid_from < day.utc_end
    WHERE day.date_id = %(date_id)s
  ) AS there_are_rows,
  COALESCE(SUM(NOT (counted.n <=> expected.n)), 0) = 0 AS all_sum_up
FROM (
  SELECT
    realisation.domain,
    COUNT(*) AS n
  FROM kpi_time AS day
  INNER JOIN kpi_src_realisation AS realisation
    ON realisation.valid_to >= day.utc_end
    AND realisation.valid_from < day.utc_end
  INNER JOIN kpi_src_membership AS membership
    ON membership.scope_type = 'GLOBAL'
    AND membership.learner_id = realisation.learner_id
    AND membership.valid_to >= day.utc_end
    AND membership.valid_from < day.utc_end
    AND (membership.active_from IS NULL OR membership.active_from < day.utc_end)
    AND (membership.active_to IS NULL OR membership.active_to >= day.utc_end)
  WHERE day.date_id = %(date_id)s
  GROUP BY realisation.domain
) AS expected
LEFT JOIN (
  SELECT
    fact.domain,
    SUM(fact.count) AS n
  FROM kpi_state_count AS fact
  INNER JOIN kpi_scope
    ON kpi_scope.id = fact.scope_id
    AND kpi_scope.scope_type = 'GLOBAL'
  INNER JOIN kpi_target
    ON kpi_target.id = fact.target_id
    AND kpi_target.target_type = 'GLOBAL'
  WHERE
    fact.date_id = %(date_id)s
    AND fact.period = 'D'
  GROUP BY fact.domain
) AS counted
  ON counted.domain = expected.domain
