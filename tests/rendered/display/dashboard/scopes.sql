/*
The scopes of a type whose label holds all words asked for, by label. `words` is their number; each is bound as a LIKE pattern
by its place: word_0, word_1, …
*/
SELECT
  id,
  scope_type AS type,
  ref_id,
  label
FROM kpi_scope
WHERE
  scope_type = %(type)s
  AND label LIKE %(word_0)s
  AND label LIKE %(word_1)s
ORDER BY label, id
LIMIT %(most)s
