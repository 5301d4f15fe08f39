{# The last local day that the history no longer covers, NULL when retention never cut it. -#}
SELECT MAX(date_to)
FROM kpi_run
WHERE
  table_name = 'kpi_src_realisation'
  AND state = 'DROPPED'
