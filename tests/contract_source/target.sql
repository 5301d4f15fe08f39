/*
relation: target
counts: The rows of a table that already has the contract's columns.
reads:
  target: [target_type, ref_id, label, parent_type, parent_ref_id]
*/
SELECT
  target_type,
  ref_id,
  label,
  parent_type,
  parent_ref_id
FROM {{ source }}.target
