/*
code: DELAI_FEEDBACK
label: Médiane délais feedback
label_en: Median time to feedback
unit: heures
agg: MEDIAN
counts: flow
higher_is_better: false
category: FEEDBACK
target_levels: [MODULE, COMPETENCE, MICRO_COMPETENCE]
reads: {feedback: [MODULE, COMPETENCE, MICRO_COMPETENCE]}
rollup: RECOMPUTE
rolling: {rule: RECOMPUTE, days: [7, 30]}
description: >
  The median time, in hours, from a submission to its first feedback, over the feedback given within the period on targets
  at or under the target. A submission counts once per scope and target, however many UAs its task hangs on.
example: >
  Two submissions of a group on a module were answered today, after 2 and 5 hours: value_num = 3.5000, sample_size = 2.
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
