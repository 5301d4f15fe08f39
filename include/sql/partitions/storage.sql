{# Which fact tables are there, and whether each is partitioned. -#}
SELECT
  table_name,
  create_options LIKE '%partitioned%' AS is_partitioned
FROM information_schema.tables
WHERE
  table_schema = DATABASE()
  AND table_name IN ('{{ fact_tables | join("', '") }}')
