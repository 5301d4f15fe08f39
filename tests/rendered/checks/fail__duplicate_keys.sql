/*
No cell of the day has two rows, in any of the fact tables.
*/
SELECT
  SUM(cells) > 0 OR NOT EXISTS (
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
  COALESCE(MAX(most), 1) = 1 AS no_cell_twice
FROM (
  SELECT
    COUNT(*) AS cells,
    MAX(n) AS most
  FROM (
    SELECT COUNT(*) AS n
    FROM kpi_value
    WHERE
      date_id = %(date_id)s
      AND period = 'D'
    GROUP BY scope_id, target_id, metric_id
  ) AS cell_of_kpi_value
  UNION ALL
  SELECT
    COUNT(*) AS cells,
    MAX(n) AS most
  FROM (
    SELECT COUNT(*) AS n
    FROM kpi_state_count
    WHERE
      date_id = %(date_id)s
      AND period = 'D'
    GROUP BY scope_id, target_id, domain, state_code
  ) AS cell_of_kpi_state_count
  UNION ALL
  SELECT
    COUNT(*) AS cells,
    MAX(n) AS most
  FROM (
    SELECT COUNT(*) AS n
    FROM kpi_percentiles
    WHERE
      date_id = %(date_id)s
      AND period = 'D'
    GROUP BY scope_id, target_id, measure_code
  ) AS cell_of_kpi_percentiles
) AS counted
