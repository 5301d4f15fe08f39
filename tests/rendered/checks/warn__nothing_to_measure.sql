/*
Some learner has work to measure at the end of the day. None has in the first days of a school; later it is worth a look at the source.
*/
SELECT
  COUNT(*) > 0 AS there_are_learners,
  NOT (NOT EXISTS (
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
  )) AS they_have_realisations
FROM kpi_time AS checked
INNER JOIN kpi_src_membership AS learner
  ON learner.scope_type = 'GLOBAL'
  AND learner.valid_to >= checked.utc_end
  AND learner.valid_from < checked.utc_end
WHERE checked.date_id = %(date_id)s
