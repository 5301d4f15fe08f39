/*
The instant of the last capture, UTC: what figures can rest on.
*/
SELECT MAX(watermark) AS captured_at
FROM kpi_run
WHERE
  table_name = 'kpi_src_realisation'
  AND state = 'DONE'
