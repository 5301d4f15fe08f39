{# Whether the table %(name)s is there: 1 or 0. -#}
SELECT COUNT(*)
FROM information_schema.tables
WHERE
  table_schema = DATABASE()
  AND table_name = %(name)s
