/*
The first day with source data: that of the earliest date on a realisation. Dates before 2000 are slips of the keyboard.
*/
{% set source = source_schema() %}
SELECT DATE(MIN(dated.instant))
FROM (
  SELECT
    LEAST(
      COALESCE(IF(created_at < '2000-01-01', NULL, created_at), '9999-12-31'),
      COALESCE(IF(started_at < '2000-01-01', NULL, started_at), '9999-12-31'),
      COALESCE(IF(finished_at < '2000-01-01', NULL, finished_at), '9999-12-31')
    ) AS instant
  FROM (
{% include 'source/' ~ adapter ~ '/realisation.sql' %}
  ) AS realisation
) AS dated
WHERE dated.instant < '9999-12-31'
