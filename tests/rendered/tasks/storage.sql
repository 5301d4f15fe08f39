/*
What the task `storage` may run, beside the migrations' DDL for the tables of the other mode. In « » stands what is found when it runs; its
log has each DDL statement that ran.
*/
-- step: rows that name what is not there
SELECT
  fact.«column»,
  COUNT(*) AS number_of_rows
FROM «fact table» AS fact
LEFT JOIN «dimension» AS parent
  ON parent.«its key» = fact.«column»
WHERE parent.«its key» IS NULL
GROUP BY fact.«column»
ORDER BY fact.«column»;

/*
What a conversion does with a table and its copy beside it, day by day: compare, copy again what differs.
*/

-- step: rows by day of «fact table»
SELECT
  TO_DAYS(date_id) AS day_number,
  COUNT(*) AS number_of_rows
FROM «fact table»
GROUP BY TO_DAYS(date_id);

-- step: checksums by day of «fact table»
SELECT
  TO_DAYS(date_id) AS day_number,
  COUNT(*) AS number_of_rows,
  BIT_XOR(CRC32(CONCAT_WS(',', QUOTE(`«column»`)))) AS all_xor,
  SUM(CRC32(CONCAT_WS(',', QUOTE(`«column»`)))) AS all_sum
FROM «fact table»
GROUP BY TO_DAYS(date_id);

-- step: rows by day of «its copy»
SELECT
  TO_DAYS(date_id) AS day_number,
  COUNT(*) AS number_of_rows
FROM «its copy»
GROUP BY TO_DAYS(date_id);

-- step: checksums by day of «its copy»
SELECT
  TO_DAYS(date_id) AS day_number,
  COUNT(*) AS number_of_rows,
  BIT_XOR(CRC32(CONCAT_WS(',', QUOTE(`«column»`)))) AS all_xor,
  SUM(CRC32(CONCAT_WS(',', QUOTE(`«column»`)))) AS all_sum
FROM «its copy»
GROUP BY TO_DAYS(date_id);

-- step: empty a day of the copy
DELETE FROM «its copy»
WHERE date_id = %(day)s;

-- step: copy a day
INSERT INTO «its copy» (`«column»`)
SELECT `«column»`
FROM «fact table»
WHERE date_id = %(day)s;

-- step: checksums of both
CHECKSUM TABLE «fact table», «its copy»;

/*
How a conversion ends: fresh tables have no statistics, and the nightly joins lean on them; then the new tables take the places of the
present ones, in one moment.
*/
-- step: analyse the copies
ANALYZE TABLE «its copy»;

-- step: swap
RENAME TABLE
  «fact table» TO «as it was», «its copy» TO «fact table»;

-- step: drop what conversions left
DROP TABLE «table left»;
