{# The capture that can be taken back: its instant and day, the one before it, and the ledger's last row before it. -#}
SELECT
  captured_at,
  day,
  previous,
  run_id,
  made_at
FROM kpi_before_capture
