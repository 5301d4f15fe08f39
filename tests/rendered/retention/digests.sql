SELECT
  CONCAT(period, '') AS part,
  COUNT(*) AS number_of_rows,
  BIT_XOR(CRC32(CONCAT_WS(',', QUOTE(`id`), QUOTE(`value_num`)))) AS all_xor,
  SUM(CRC32(CONCAT_WS(',', QUOTE(`id`), QUOTE(`value_num`)))) AS all_sum
FROM kpi_value PARTITION (p202601)
WHERE
  TRUE
  AND date_id >= %(first)s
  AND date_id <= %(last)s
  AND period IN ('D', 'W')
GROUP BY part
