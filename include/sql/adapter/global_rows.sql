/*
How many GLOBAL rows the adapter gives, and how many of them have an id.
*/
SELECT
  COUNT(*) AS n,
  COUNT(found.ref_id) AS with_id
FROM {% include 'macros/relation.sql' %}
WHERE found.{{ relation }}_type = 'GLOBAL'
