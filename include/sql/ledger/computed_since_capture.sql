{# Whether the facts of %(day)s were computed whole, all of them, after the last capture of all learners had ended. -#}
SELECT COUNT(DISTINCT computed.table_name, computed.period) = {{ daily_tables | length }}
FROM kpi_run AS computed
WHERE
  computed.table_name IN ('{{ daily_tables | join("', '") }}')
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
