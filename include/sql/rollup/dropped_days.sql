/*
The days from %(first)s to %(last)s whose rows retention removed, or that the history no longer covers, and that were not computed again:
what holds one of them is not rolled up, or its rows would go as well.
*/
{% import 'roads/periods.sql' as periods with context %}
WITH {{ periods.done_days('%(first)s', '%(last)s') }}

SELECT DISTINCT day.date_id
FROM kpi_run AS removed
INNER JOIN kpi_time AS day
  ON day.date_id >= removed.date_from
  AND day.date_id <= removed.date_to
LEFT JOIN done_day
  ON done_day.date_id = day.date_id
WHERE
  removed.table_name IN ('{{ daily_tables | join("', '") }}', 'kpi_src_realisation')
  AND removed.state = 'DROPPED'
  AND (removed.period IS NULL OR (removed.period = 'D' AND removed.date_from = removed.date_to))
  AND removed.date_to >= %(first)s
  AND removed.date_from <= %(last)s
  AND day.date_id >= %(first)s
  AND day.date_id <= %(last)s
  AND done_day.date_id IS NULL
ORDER BY day.date_id
