SELECT COUNT(DISTINCT computed.table_name, computed.period) = 3
FROM kpi_run AS computed
WHERE
  computed.table_name IN ('kpi_value', 'kpi_state_count', 'kpi_percentiles')
  AND computed.period = 'D'
  AND computed.date_to = %(day)s
  AND computed.state = 'DONE'
  AND computed.scopes IS NULL
  AND computed.started_at >= (
    SELECT MAX(captured.finished_at)
    FROM kpi_run AS captured
    WHERE
      captured.table_name = 'kpi_src_realisation'
      AND captured.state = 'DONE'
      AND captured.scopes IS NULL
  )
