/*
The instant of the last capture of all learners, UTC: what figures can rest on, and what was set aside. The key of the ledger gives it
backwards by day.
*/
SELECT watermark AS captured_at
FROM kpi_run
WHERE
  table_name = 'kpi_src_realisation'
  AND state = 'DONE'
  AND scopes IS NULL
ORDER BY date_to DESC, id DESC
LIMIT 1
