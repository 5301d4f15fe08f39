/*
relation: feedback
counts: The rows of a table that already has the contract's columns.
reads:
  feedback: [kind, submission_id, learner_id, target_type, target_ref_id, submitted_at, feedback_at, trainer_id]
*/
SELECT
  kind,
  submission_id,
  learner_id,
  target_type,
  target_ref_id,
  submitted_at,
  feedback_at,
  trainer_id
FROM {{ source }}.feedback
