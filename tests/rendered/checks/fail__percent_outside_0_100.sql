/*
Percentages lie between 0 and 100.
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
  COALESCE(SUM(fact.value_num < 0 OR fact.value_num > 100 OR fact.value_num IS NULL), 0) = 0 AS all_within
FROM kpi_value AS fact
INNER JOIN kpi_metric
  ON kpi_metric.id = fact.metric_id
  AND kpi_metric.unit = '%'
WHERE
  fact.date_id = %(date_id)s
  AND fact.period = 'D'
