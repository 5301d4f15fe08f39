SELECT
  MIN(date_id) AS oldest,
  MAX(date_id) AS newest
FROM kpi_value
