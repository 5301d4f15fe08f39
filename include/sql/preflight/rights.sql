/*
What the account must be allowed to write. EXPLAIN needs the rights of the statement that it explains, and executes nothing.
*/
{% for table, column in written.items() %}
-- step: delete from {{ table }}
EXPLAIN DELETE FROM {{ table }}
WHERE FALSE;

-- step: insert into {{ table }}
EXPLAIN INSERT INTO {{ table }} ({{ column }})
SELECT {{ column }}
FROM {{ table }}
WHERE FALSE;
{% endfor %}
