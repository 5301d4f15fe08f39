/*
Every row's scope, target and metric exist: in storage mode `partitioned` no foreign key says so.
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
  COALESCE(SUM(kpi_scope.id IS NULL), 0) = 0 AS scopes_exist,
  COALESCE(SUM(kpi_target.id IS NULL), 0) = 0 AS targets_exist,
  COALESCE(SUM(fact.metric_id IS NOT NULL AND kpi_metric.id IS NULL), 0) = 0 AS metrics_exist
FROM (
  SELECT
    scope_id,
    target_id,
    metric_id
  FROM kpi_value
  WHERE
    date_id = %(date_id)s
    AND period = 'D'
  UNION ALL
  SELECT
    scope_id,
    target_id,
    NULL AS metric_id
  FROM kpi_state_count
  WHERE
    date_id = %(date_id)s
    AND period = 'D'
  UNION ALL
  SELECT
    scope_id,
    target_id,
    NULL AS metric_id
  FROM kpi_percentiles
  WHERE
    date_id = %(date_id)s
    AND period = 'D'
) AS fact
LEFT JOIN kpi_scope
  ON kpi_scope.id = fact.scope_id
LEFT JOIN kpi_target
  ON kpi_target.id = fact.target_id
LEFT JOIN kpi_metric
  ON kpi_metric.id = fact.metric_id
