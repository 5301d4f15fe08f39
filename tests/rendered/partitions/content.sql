SELECT
  period,
  COUNT(*) AS number_of_rows,
  MIN(date_id) AS oldest,
  MAX(date_id) AS newest
FROM kpi_value PARTITION (p202601)
WHERE
  TRUE
  AND date_id >= %(first)s
  AND date_id <= %(last)s
  AND period IN ('D', 'W')
GROUP BY period
ORDER BY period
