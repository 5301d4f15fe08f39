/*
The upper bounds of the fact tables' partitions, in day numbers (TO_DAYS): no rows in storage mode foreign_keys; MAXVALUE is the catch-all.
*/
SELECT
  table_name,
  partition_description
FROM information_schema.partitions
WHERE
  table_schema = DATABASE()
  AND table_name IN ('kpi_value', 'kpi_state_count', 'kpi_percentiles', 'kpi_plan_gap')
  AND partition_name IS NOT NULL
ORDER BY
  table_name,
  partition_ordinal_position
