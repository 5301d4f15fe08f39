{# The tables of the source schema %(schema_name)s that mark deleted rows, in a column deleted_at. -#}
SELECT table_name
FROM information_schema.columns
WHERE
  table_schema = %(schema_name)s
  AND column_name = 'deleted_at'
