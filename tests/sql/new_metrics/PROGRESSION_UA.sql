/*
code: PROGRESSION_UA
label: Progression des UA
unit: '%'
agg: AVG
counts: stock
higher_is_better: true
category: PROGRESSION
target_levels: [MODULE, UA]
reads: {realisation: [UA]}
rollup: WEIGHTED_MEAN
description: >
  The mean progress of the UAs at or below the target, over the days of a period weighted by how many there were.
example: >
  50 on average of 2 UAs on Monday, 80 of one on Tuesday: over the two days (50 × 2 + 80) / 3 = 60.0000.
*/
SELECT
  learner_id,
  domain,
  ref_id,
  progress_pct AS part,
  reconstructed,
  first_day,
  last_day
FROM realisation
WHERE progress_pct IS NOT NULL
