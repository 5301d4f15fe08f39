/*
Freshness: a capture has looked at the source after the day ended (or on the day itself, when the day is not over), so the figures
rest on what the source says about it.
*/
SELECT
  COUNT(*) > 0 AS there_are_captures,
  MAX(kpi_run.watermark) >= LEAST(MAX(day.utc_end), UTC_TIMESTAMP())
  OR (MAX(day.utc_end) > UTC_TIMESTAMP() AND MAX(kpi_run.watermark) >= MAX(day.utc_start)) AS covers_the_day
FROM kpi_run
INNER JOIN kpi_time AS day
  ON day.date_id = %(date_id)s
WHERE
  kpi_run.table_name = 'kpi_src_realisation'
  AND kpi_run.state = 'DONE'
  AND kpi_run.scopes IS NULL
