/*
code: DELAI_FEEDBACK
label: "Délais de feedback"
label_en: Time to feedback
unit: heures
agg: PERCENTILE
target_levels: [GLOBAL, MODULE, COMPETENCE, MICRO_COMPETENCE]
reads: {feedback: [MODULE, COMPETENCE, MICRO_COMPETENCE]}
rollup: RECOMPUTE
description: >
  Median, 75th and 90th percentiles, by linear interpolation, of the time in hours from a submission to its first feedback,
  over the feedback given within the period on targets at or under the target; a submission counts once per cell.
example: >
  Delays of 2 and 5 hours: p50 = 3.5000, p75 = 4.2500, p90 = 4.7000, sample_size = 2.
*/
SELECT
  learner_id,
  target_type AS domain,
  target_ref_id AS ref_id,
  CONCAT_WS(':', kind, submission_id, learner_id, captured_at) AS event_id,
  submitted_at AS began_at,
  feedback_at AS happened_at,
  reconstructed,
  first_day,
  last_day
FROM feedback
WHERE submitted_at IS NOT NULL
