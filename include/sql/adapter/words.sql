/*
The words that the adapter gives in one column of a relation.
*/
SELECT DISTINCT found.{{ column }}
FROM {% include 'macros/relation.sql' %}
ORDER BY found.{{ column }}
