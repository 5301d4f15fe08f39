/*
The oldest date of each period in kpi_value. The dates are told apart by the unique key (date_id, period, …), without reading all rows.
*/
SELECT
  period,
  MIN(date_id) AS oldest
FROM (
  SELECT DISTINCT
    date_id,
    period
  FROM kpi_value
) AS dated
GROUP BY period
