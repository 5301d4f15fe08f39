/*
How rows of a month leave a table: some are copied to the undo table beside. They are those that stay, and the table changes places with
the month's partition; or, where there are no partitions, those that go, which are then deleted, some at a time.
*/
-- step: make the undo table
CREATE TABLE kpi_undo_kpi_value_202601_20260501050000000000 LIKE kpi_value;

-- step: its partitions
SELECT COUNT(*)
FROM information_schema.partitions
WHERE
  table_schema = DATABASE()
  AND table_name = %(name)s
  AND partition_name IS NOT NULL;

-- step: without partitions
ALTER TABLE kpi_undo_kpi_value_202601_20260501050000000000 REMOVE PARTITIONING;

-- step: copy
INSERT INTO kpi_undo_kpi_value_202601_20260501050000000000 (`id`, `value_num`)
SELECT `id`, `value_num`
FROM kpi_value PARTITION (p202601)
WHERE
  TRUE
  AND date_id >= %(first)s
  AND date_id <= %(last)s
  AND period IN ('D', 'W');
