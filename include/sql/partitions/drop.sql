{# Drops a partition of a table, which is empty. -#}
ALTER TABLE {{ table }} DROP PARTITION {{ partition }}
