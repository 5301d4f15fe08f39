/*
The local days from %(first)s to %(last)s: how many of the three tables of facts each has, which, and whether retention removed the day.
*/
SELECT
  day.date_id,
  GROUP_CONCAT(DISTINCT CASE WHEN run.state = 'DONE' THEN run.table_name END) AS done_tables,
  COALESCE(MAX(run.state = 'DROPPED'), 0) AS dropped
FROM kpi_time AS day
LEFT JOIN kpi_run AS run
  ON run.table_name IN ('{{ daily_tables | join("', '") }}')
  AND run.state IN ('DONE', 'DROPPED')
  AND run.date_to = day.date_id
  AND run.date_from = day.date_id
  AND run.period = 'D'
  AND run.scopes IS NULL
WHERE
  day.date_id >= %(first)s
  AND day.date_id <= %(last)s
GROUP BY day.date_id
ORDER BY day.date_id
