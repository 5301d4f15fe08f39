/*
The DAGs and days of which a run failed and was not mended since, oldest first.
*/
SELECT
  code,
  since_on
FROM kpi_alert
WHERE
  kind = 'FAILED'
  AND until_on IS NULL
ORDER BY
  since_on,
  code
