{# The partitions of the table %(table_name)s in the order of their bounds, how they are made, and their sizes in bytes. -#}
SELECT
  partition_name,
  partition_method,
  partition_expression,
  subpartition_method,
  partition_description,
  data_length + index_length AS bytes
FROM information_schema.partitions
WHERE
  table_schema = DATABASE()
  AND table_name = %(table_name)s
  AND partition_name IS NOT NULL
ORDER BY partition_ordinal_position
