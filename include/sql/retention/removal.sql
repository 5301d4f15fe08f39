/*
How rows of a month leave a table: some are copied to the undo table beside. They are those that stay, and the table changes places with
the month's partition; or, where there are no partitions, those that go, which are then deleted, some at a time.
*/
{% import 'macros/rows.sql' as some -%}
-- step: make the undo table
CREATE TABLE {{ undo_table }} LIKE {{ table }};

-- step: its partitions
SELECT COUNT(*)
FROM information_schema.partitions
WHERE
  table_schema = DATABASE()
  AND table_name = %(name)s
  AND partition_name IS NOT NULL;

-- step: without partitions
ALTER TABLE {{ undo_table }} REMOVE PARTITIONING;

-- step: copy
INSERT INTO {{ undo_table }} ({{ some.written(columns) }})
SELECT {{ some.written(columns) }}
{{ some.from_where(copied) }};
