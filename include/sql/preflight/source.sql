/*
What the source schema %(schema_name)s has, as far as the account may see it: information_schema shows only the tables on which it has a right.
*/
-- step: columns
SELECT
  table_name,
  column_name,
  data_type
FROM information_schema.columns
WHERE table_schema = %(schema_name)s;

-- step: tables
SELECT COUNT(*)
FROM information_schema.tables
WHERE table_schema = %(schema_name)s;
