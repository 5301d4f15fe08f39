{# The columns of %(table_name)s in order, with their types, and how the generated ones are made. -#}
SELECT
  column_name,
  column_type,
  is_nullable,
  generation_expression
FROM information_schema.columns
WHERE
  table_schema = DATABASE()
  AND table_name = %(table_name)s
ORDER BY ordinal_position
