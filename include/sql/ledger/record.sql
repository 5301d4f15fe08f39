{# One row of the ledger: what was written for some dates of a table, by whom, and when. -#}
INSERT INTO kpi_run (
  table_name, period, date_from, date_to, scopes, dag_id, run_id, task_id, try_number, state, rows_inserted,
  rows_updated, rows_deleted, rows_unchanged, rows_rejected, rows_reopened, watermark, message, reason, started_at,
  finished_at
) VALUES (
  %(table_name)s, %(period)s, %(date_from)s, %(date_to)s, %(scopes)s, %(dag_id)s, %(run_id)s, %(task_id)s,
  %(try_number)s, %(state)s, %(rows_inserted)s, %(rows_updated)s, %(rows_deleted)s, %(rows_unchanged)s,
  %(rows_rejected)s, %(rows_reopened)s, %(watermark)s, %(message)s, %(reason)s, %(started_at)s, %(finished_at)s
)
