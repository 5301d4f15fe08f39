{# Drops an undo table, if it is there. -#}
DROP TABLE IF EXISTS {{ undo_table }}
