{# Rows and checksums of each period, over all columns; reads all of the rows asked for. -#}
{% import 'macros/rows.sql' as some -%}
{# Grouped by an expression, MySQL reads the rows in the order they lie and not in that of a key. -#}
SELECT
  CONCAT(period, '') AS part,
  COUNT(*) AS number_of_rows,
  BIT_XOR({{ some.checksum(columns) }}) AS all_xor,
  SUM({{ some.checksum(columns) }}) AS all_sum
{{ some.from_where(rows) }}
GROUP BY part
