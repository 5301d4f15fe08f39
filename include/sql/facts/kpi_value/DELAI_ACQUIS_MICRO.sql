/*
code: DELAI_ACQUIS_MICRO
label: Médiane délais acquisition micro
label_en: Median time to acquire micro-competences
unit: jours
agg: MEDIAN
counts: flow
higher_is_better: false
category: RYTHME
target_levels: [MICRO_COMPETENCE]
reads: {realisation: [MICRO_COMPETENCE]}
rollup: RECOMPUTE
rolling: {rule: RECOMPUTE, days: [7, 30]}
description: >
  The median time, in days of 24 h, from start to end of the micro-competences finished within the period and final at its
  end.
example: >
  Three learners finished a micro-competence today, after 1, 2 and 6 days: value_num = 2.0000, sample_size = 3.
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
