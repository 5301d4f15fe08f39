/*
A night that failed (FAILED) or is late (LATE) as an alert: one for each DAG and day, however often it is found.
*/
INSERT INTO kpi_alert (
  kind, code, since_on, level, message, opened_at, until_on, closed_at, end_told_at
)
SELECT new.*
FROM (
  SELECT
    %(kind)s AS kind,
    %(code)s AS code,
    CAST(%(since_on)s AS DATE) AS since_on,
    %(level)s AS level,
    %(message)s AS message,
    UTC_TIMESTAMP(6) AS opened_at,
    NULL AS until_on,
    NULL AS closed_at,
    NULL AS end_told_at
) AS new
-- One that was over, and failed again, is told again.
ON DUPLICATE KEY UPDATE
level = new.level,
message = COALESCE(new.message, kpi_alert.message),
told_at = IF(kpi_alert.until_on IS NULL, kpi_alert.told_at, NULL),
end_told_at = new.end_told_at,
closed_at = new.closed_at,
until_on = new.until_on
