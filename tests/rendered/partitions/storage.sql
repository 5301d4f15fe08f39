SELECT
  table_name,
  create_options LIKE '%partitioned%' AS is_partitioned
FROM information_schema.tables
WHERE
  table_schema = DATABASE()
  AND table_name IN ('kpi_value', 'kpi_state_count', 'kpi_percentiles', 'kpi_plan_gap')
