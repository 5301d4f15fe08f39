{# The days whose facts were computed after the ledger's row %(run_id)s. -#}
SELECT DISTINCT date_to
FROM kpi_run
WHERE
  table_name IN ('{{ daily_tables | join("', '") }}')
  AND period = 'D'
  AND state = 'DONE'
  AND id > %(run_id)s
ORDER BY date_to
