/*
The day has at least half the rows of the day before, where that day was computed: figures do not vanish in one night.
*/
SELECT
  SUM(date_id = %(date_id)s) > 0 AS there_are_rows,
  SUM(date_id = %(date_id)s) * 2 >= SUM(date_id < %(date_id)s) AS not_far_fewer
FROM kpi_value
WHERE
  date_id IN (%(date_id)s, %(date_id)s - INTERVAL 1 DAY)
  AND period = 'D'
