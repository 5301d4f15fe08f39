SELECT
  fact.metric_id,
  COUNT(*) AS number_of_rows
FROM kpi_value AS fact
LEFT JOIN kpi_metric AS parent
  ON parent.id = fact.metric_id
WHERE parent.id IS NULL
GROUP BY fact.metric_id
ORDER BY fact.metric_id
