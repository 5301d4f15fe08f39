/*
relation: scope
counts: The rows of a table that already has the contract's columns.
reads:
  scope: [scope_type, ref_id, label]
*/
SELECT
  scope_type,
  ref_id,
  label
FROM {{ source }}.scope
