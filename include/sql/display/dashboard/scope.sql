/*
One scope.
*/
SELECT
  id,
  scope_type AS type,
  ref_id,
  label
FROM kpi_scope
WHERE id = %(scope)s
