/*
What a conversion does with a table and its copy beside it, day by day: compare, copy again what differs.
*/
{% import 'macros/rows.sql' as some -%}
{% for name in (table, copy) %}
-- step: rows by day of {{ name }}
SELECT
  TO_DAYS(date_id) AS day_number,
  COUNT(*) AS number_of_rows
FROM {{ name }}
GROUP BY TO_DAYS(date_id);

-- step: checksums by day of {{ name }}
{# Grouped by an expression, MySQL reads the rows in the order they lie and not in that of a key. -#}
SELECT
  TO_DAYS(date_id) AS day_number,
  COUNT(*) AS number_of_rows,
  BIT_XOR({{ some.checksum(columns) }}) AS all_xor,
  SUM({{ some.checksum(columns) }}) AS all_sum
FROM {{ name }}
GROUP BY TO_DAYS(date_id);
{% endfor %}
-- step: empty a day of the copy
DELETE FROM {{ copy }}
WHERE date_id = %(day)s;

-- step: copy a day
INSERT INTO {{ copy }} ({{ some.written(columns) }})
SELECT {{ some.written(columns) }}
FROM {{ table }}
WHERE date_id = %(day)s;

-- step: checksums of both
CHECKSUM TABLE {{ table }}, {{ copy }};
