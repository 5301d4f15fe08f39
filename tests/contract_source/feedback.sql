/*
relation: feedback
counts: The rows of a table that already has the contract's columns.
reads:
  feedback: [submission_id, learner_id, target_type, target_ref_id, submitted_at, feedback_at, trainer_id]
*/
SELECT
  submission_id,
  learner_id,
  target_type,
  target_ref_id,
  submitted_at,
  feedback_at,
  trainer_id
FROM {{ source }}.feedback
