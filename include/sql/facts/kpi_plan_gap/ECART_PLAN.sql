/*
code: ECART_PLAN
label: Écart au plan
unit: nb
agg: PLAN
target_levels: [UA, MODULE, GLOBAL]
reads: {realisation: [UA], plan: [UA]}
rollup: RECOMPUTE
description: >
  Of the (learner, UA) pairs that are planned, at or below a UA, a module or everything, as of the day on which the period closes:
  expected_count are those due by that day, done_count those, due or not, whose UA is in a final state; gap is done minus expected, so a
  group ahead of its plan has a positive gap; coverage_pct is 100 × done / expected. A learner's plan is that of the groups he is in, at
  the earliest due date, and counts in every scope he belongs to.
example: >
  A group of 4; one UA was due last week, another is due next week. 3 learners are DONE on the first and 1 on the second:
  on the module expected_count = 4, done_count = 4, gap = 0, coverage_pct = 100.0000.
*/
SELECT
  learner_id,
  'UA' AS domain,
  ref_id,
  is_due AS part,
  is_final AS done,
  reconstructed,
  first_day,
  last_day
FROM pair
WHERE is_planned = 1
