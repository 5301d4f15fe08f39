/*
code: PROGRESSION_MOY
label: Progression moyenne
label_en: Average progress
unit: '%'
agg: AVG
counts: stock
higher_is_better: true
category: PROGRESSION
target_levels: [MODULE, COMPETENCE, MICRO_COMPETENCE]
own_level: true
reads: {realisation: [MODULE, COMPETENCE, MICRO_COMPETENCE]}
rollup: LAST
rolling: {rule: WEIGHTED_MEAN, days: [7, 30]}
description: >
  The mean progress, 0 to 100, of the realisations of the target itself by the scope's learners, at the end of the day.
  A realisation without a usable progress is not counted; sample_size is the number that are.
example: >
  Three learners of a group stand at 100, 50 and 0 % of a module, a fourth has no progress: value_num = 50.0000,
  sample_size = 3.
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
