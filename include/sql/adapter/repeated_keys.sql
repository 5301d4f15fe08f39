/*
The first key that the adapter gives to several rows of a relation.
*/
SELECT
  CONCAT_WS(':', {% for column in key %}COALESCE(adapter_row.{{ column }}, 'NULL'){{ ', ' if not loop.last }}{% endfor %}) AS row_key,
  COUNT(*) AS n
FROM {% include 'macros/relation.sql' %}
GROUP BY row_key
HAVING COUNT(*) > 1
ORDER BY row_key
LIMIT 1
