SELECT COUNT(*)
FROM kpi_value PARTITION (p202601)
WHERE
  TRUE
  AND date_id >= %(first)s
  AND date_id <= %(last)s
  AND period IN ('D', 'W')
