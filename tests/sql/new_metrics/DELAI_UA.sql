/*
code: DELAI_UA
label: Médiane délais UA
unit: heures
agg: MEDIAN
counts: flow
higher_is_better: false
category: RYTHME
target_levels: [MODULE, UA]
reads: {realisation: [UA]}
rollup: RECOMPUTE
rolling: {rule: RECOMPUTE, days: [3]}
description: >
  The median time, in hours, from start to end of the UAs at or below the target that were finished within the period.
example: >
  Three UAs were finished today, after 1, 2 and 6 hours: value_num = 2.0000, sample_size = 3.
*/
SELECT
  learner_id,
  domain,
  ref_id,
  CONCAT(learner_id, ':', ref_id) AS event_id,
  started_at AS began_at,
  finished_at AS happened_at,
  reconstructed,
  first_day,
  last_day
FROM realisation
WHERE
  is_final = 1
  AND started_at IS NOT NULL
