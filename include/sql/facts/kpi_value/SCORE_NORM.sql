/*
code: SCORE_NORM
label: Score normalisé
label_en: Normalised score
unit: points
agg: AVG
counts: stock
higher_is_better: true
category: MAITRISE
target_levels: [MODULE, COMPETENCE, MICRO_COMPETENCE]
own_level: true
reads: {realisation: [MODULE, COMPETENCE, MICRO_COMPETENCE]}
rollup: LAST
rolling: {rule: WEIGHTED_MEAN, days: [7, 30]}
description: >
  The mean mark out of 100 of the realisations of the target itself by the scope's learners: 100 × score / score_max.
  Realisations without a mark, or with a scale of 0 or none, are not counted. A mark above its scale counts as it is.
example: >
  Marks of 12 out of 20, 15 out of 20 and 3 out of 0: value_num = (60 + 75) / 2 = 67.5000, sample_size = 2.
*/
SELECT
  learner_id,
  domain,
  ref_id,
  100 * score / score_max AS part,
  reconstructed,
  first_day,
  last_day
FROM realisation
WHERE
  score IS NOT NULL
  AND score_max > 0
