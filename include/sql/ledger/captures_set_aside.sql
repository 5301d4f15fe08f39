{# The business days whose captures were refused or taken back since the last one that stands. -#}
SELECT DISTINCT date_to
FROM kpi_run
WHERE
  table_name LIKE 'kpi\_src\_%'
  AND scopes IS NULL
  AND state IN ('FAILED', 'TAKEN_BACK')
  AND id > (
    SELECT COALESCE(MAX(captured.id), 0)
    FROM kpi_run AS captured
    WHERE
      captured.table_name = 'kpi_src_realisation'
      AND captured.state = 'DONE'
      AND captured.scopes IS NULL
  )
ORDER BY date_to
