{# The last capture of all learners that stands: its business day and its instant; no row before the first. -#}
SELECT
  date_to,
  watermark
FROM kpi_run
WHERE
  table_name = 'kpi_src_realisation'
  AND state = 'DONE'
  AND scopes IS NULL
ORDER BY
  watermark DESC,
  date_to DESC
LIMIT 1
