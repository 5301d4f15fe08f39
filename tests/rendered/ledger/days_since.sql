SELECT DISTINCT date_to
FROM kpi_run
WHERE
  table_name IN ('kpi_value', 'kpi_state_count', 'kpi_percentiles')
  AND period = 'D'
  AND state = 'DONE'
  AND id > %(run_id)s
ORDER BY date_to
