/*
What a conversion does with a table and its copy beside it, day by day: compare, copy again what differs.
*/

-- step: rows by day of kpi_value
SELECT
  TO_DAYS(date_id) AS day_number,
  COUNT(*) AS number_of_rows
FROM kpi_value
GROUP BY TO_DAYS(date_id);

-- step: checksums by day of kpi_value
SELECT
  TO_DAYS(date_id) AS day_number,
  COUNT(*) AS number_of_rows,
  BIT_XOR(CRC32(CONCAT_WS(',', QUOTE(`id`), QUOTE(`value_num`)))) AS all_xor,
  SUM(CRC32(CONCAT_WS(',', QUOTE(`id`), QUOTE(`value_num`)))) AS all_sum
FROM kpi_value
GROUP BY TO_DAYS(date_id);

-- step: rows by day of kpi_value_new
SELECT
  TO_DAYS(date_id) AS day_number,
  COUNT(*) AS number_of_rows
FROM kpi_value_new
GROUP BY TO_DAYS(date_id);

-- step: checksums by day of kpi_value_new
SELECT
  TO_DAYS(date_id) AS day_number,
  COUNT(*) AS number_of_rows,
  BIT_XOR(CRC32(CONCAT_WS(',', QUOTE(`id`), QUOTE(`value_num`)))) AS all_xor,
  SUM(CRC32(CONCAT_WS(',', QUOTE(`id`), QUOTE(`value_num`)))) AS all_sum
FROM kpi_value_new
GROUP BY TO_DAYS(date_id);

-- step: empty a day of the copy
DELETE FROM kpi_value_new
WHERE date_id = %(day)s;

-- step: copy a day
INSERT INTO kpi_value_new (`id`, `value_num`)
SELECT `id`, `value_num`
FROM kpi_value
WHERE date_id = %(day)s;

-- step: checksums of both
CHECKSUM TABLE kpi_value, kpi_value_new;
