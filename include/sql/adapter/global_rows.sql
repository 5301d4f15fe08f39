/*
How many GLOBAL rows the adapter gives, how many of them have an id, and how many rows it gives at all.
*/
SELECT
  COUNT(IF(adapter_row.{{ relation }}_type = 'GLOBAL', 1, NULL)) AS n,
  COUNT(IF(adapter_row.{{ relation }}_type = 'GLOBAL', adapter_row.ref_id, NULL)) AS with_id,
  COUNT(*) AS n_all
FROM {% include 'macros/relation.sql' %}
