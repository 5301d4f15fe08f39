/*
relation: plan
counts: The rows of a table that already has the contract's columns.
reads:
  plan: [scope_type, scope_ref_id, ua_ref_id, due_on, created_at]
*/
SELECT
  scope_type,
  scope_ref_id,
  ua_ref_id,
  due_on,
  created_at
FROM {{ source }}.plan
