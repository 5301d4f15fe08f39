/*
relation: realisation
counts: The rows of a table that already has the contract's columns.
reads:
  realisation: [domain, ref_id, learner_id, state_code, state_order, is_final, progress_pct, score, score_max, started_at, finished_at, last_activity_at, created_at, changed_at]
*/
SELECT
  domain,
  ref_id,
  learner_id,
  state_code,
  state_order,
  is_final,
  progress_pct,
  score,
  score_max,
  started_at,
  finished_at,
  last_activity_at,
  created_at,
  changed_at
FROM {{ source }}.realisation
