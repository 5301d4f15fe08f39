/*
The days from %(first)s on and before %(run_day)s whose own capture was refused or taken back, and whose rows in %(fact_table)s were not
computed since the next capture that stands: what they hold is in the history since then.
*/
WITH set_aside AS (
  SELECT
    date_to AS date_id,
    MAX(id) AS last_id
  FROM kpi_run
  WHERE
    table_name LIKE 'kpi\_src\_%'
    AND state IN ('FAILED', 'TAKEN_BACK')
    AND scopes IS NULL
    AND date_to >= %(first)s
    AND date_to < %(run_day)s
  GROUP BY date_to
),

followed AS (
  SELECT
    set_aside.date_id,
    MIN(captured.finished_at) AS captured_at
  FROM set_aside
  INNER JOIN kpi_run AS captured
    ON captured.table_name = 'kpi_src_realisation'
    AND captured.state = 'DONE'
    AND captured.scopes IS NULL
    AND captured.id > set_aside.last_id
  GROUP BY set_aside.date_id
)

SELECT followed.date_id
FROM followed
LEFT JOIN kpi_run AS computed
  ON computed.table_name = %(fact_table)s
  AND computed.period = 'D'
  AND computed.state = 'DONE'
  AND computed.scopes IS NULL
  AND computed.date_to = followed.date_id
  AND computed.started_at >= followed.captured_at
WHERE computed.id IS NULL
ORDER BY followed.date_id
