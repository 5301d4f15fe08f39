/*
At most one row in a hundred of those captured last was set aside.
*/
SELECT
  SUM(rows_inserted + rows_updated + rows_unchanged) > 0 AS there_are_rows,
  SUM(rows_rejected) * 100 <= SUM(rows_inserted + rows_updated + rows_unchanged) AS few_rejects
FROM kpi_run
WHERE
  table_name LIKE 'kpi_src_%'
  AND state = 'DONE'
  AND watermark = (
    SELECT MAX(latest.watermark)
    FROM kpi_run AS latest
    WHERE
      latest.table_name = 'kpi_src_realisation'
      AND latest.state = 'DONE'
      AND latest.scopes IS NULL
  )
