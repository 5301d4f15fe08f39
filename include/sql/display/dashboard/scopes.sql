/*
The scopes of a type whose label holds all of `words` (a number: %(word_0)s and so on are LIKE patterns), by label. One more
than asked for tells that there are others.
*/
SELECT
  id,
  scope_type AS type,
  ref_id,
  label
FROM kpi_scope
WHERE
  scope_type = %(type)s
  {%- for word in range(words) %}
  AND label LIKE %(word_{{ word }})s
  {%- endfor %}
ORDER BY label, id
LIMIT %(limit)s
