SELECT DISTINCT
  object_name,
  processlist_id,
  processlist_user,
  processlist_time
FROM performance_schema.metadata_locks
INNER JOIN performance_schema.threads
  ON thread_id = owner_thread_id
WHERE
  object_type = 'TABLE'
  AND object_schema = DATABASE()
  AND object_name IN ('kpi_value', 'kpi_state_count', 'kpi_percentiles', 'kpi_plan_gap')
  AND processlist_id <> CONNECTION_ID()
  AND lock_status = 'GRANTED'
