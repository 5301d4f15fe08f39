{# What lies in each month of a table that is not partitioned: rows by period. -#}
SELECT
  CAST(DATE_FORMAT(date_id, '%Y-%m-01') AS DATE) AS month_first,
  period,
  COUNT(*) AS number_of_rows
FROM {{ table }}
GROUP BY
  month_first,
  period
