{# The tables of the package that are, or have a text, in another collation than %(collation)s. -#}
SELECT tables.table_name
FROM information_schema.tables AS tables
INNER JOIN information_schema.columns AS columns
  ON columns.table_schema = tables.table_schema
  AND columns.table_name = tables.table_name
WHERE
  tables.table_schema = %(schema_name)s
  AND tables.table_type = 'BASE TABLE'
  AND LEFT(tables.table_name, 4) = 'kpi_'
GROUP BY
  tables.table_name,
  tables.table_collation
HAVING
  tables.table_collation <> %(collation)s
  OR SUM(columns.collation_name <> %(collation)s) > 0
ORDER BY tables.table_name
