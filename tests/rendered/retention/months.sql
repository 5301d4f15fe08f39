SELECT
  CAST(DATE_FORMAT(date_id, '%Y-%m-01') AS DATE) AS month_first,
  period,
  COUNT(*) AS number_of_rows
FROM kpi_value
GROUP BY
  month_first,
  period
