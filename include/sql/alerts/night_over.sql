/*
Ends the alerts of a kind and DAG about the days up to %(last)s: a good night ends those of earlier ones, whose days the history tells of.
*/
UPDATE kpi_alert
SET
  until_on = %(until_on)s,
  closed_at = UTC_TIMESTAMP(6)
WHERE
  kind = %(kind)s
  AND code = %(code)s
  AND until_on IS NULL
  AND since_on <= %(last)s
