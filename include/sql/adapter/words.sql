/*
The words that the adapter gives in one column of a relation.
*/
SELECT DISTINCT adapter_row.{{ column }}
FROM {% include 'macros/relation.sql' %}
ORDER BY adapter_row.{{ column }}
