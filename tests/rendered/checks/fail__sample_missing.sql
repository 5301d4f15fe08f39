/*
Every figure says how many observations it rests on: at least one.
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
  COALESCE(SUM(sample_size IS NULL OR sample_size < 1), 0) = 0 AS all_have_samples
FROM kpi_value
WHERE
  date_id = %(date_id)s
  AND period = 'D'
