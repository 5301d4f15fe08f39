/*
relation: membership
counts: The rows of a table that already has the contract's columns.
reads:
  membership: [scope_type, scope_ref_id, learner_id, active_from, active_to]
*/
SELECT
  scope_type,
  scope_ref_id,
  learner_id,
  active_from,
  active_to
FROM {{ source }}.membership
