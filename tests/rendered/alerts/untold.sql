/*
The alerts that are to be told: begun or over since the notifier was last given them, with the names of what they are about.
*/
SELECT
  alert.kind,
  alert.code,
  alert.level,
  alert.since_on,
  alert.id,
  alert.rule,
  alert.until_on,
  alert.threshold,
  alert.value_num,
  alert.message,
  alert.told_at IS NOT NULL AS told,
  kpi_metric.label AS metric_label,
  kpi_metric.unit,
  kpi_scope.id AS scope_id,
  kpi_scope.scope_type,
  kpi_scope.ref_id AS scope_ref_id,
  kpi_scope.label AS scope_label,
  kpi_target.id AS target_id,
  kpi_target.target_type,
  kpi_target.ref_id AS target_ref_id,
  kpi_target.label AS target_label
FROM kpi_alert AS alert
LEFT JOIN kpi_metric
  ON kpi_metric.code = alert.code
LEFT JOIN kpi_scope
  ON kpi_scope.id = alert.scope_id
LEFT JOIN kpi_target
  ON kpi_target.id = alert.target_id

WHERE
  alert.told_at IS NULL
  OR (alert.until_on IS NOT NULL AND alert.end_told_at IS NULL)
ORDER BY alert.id
