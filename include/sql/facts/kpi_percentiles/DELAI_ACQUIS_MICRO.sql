/*
code: DELAI_ACQUIS_MICRO
label: "Délais d'acquisition des micro-compétences"
label_en: Time to acquire micro-competences
unit: jours
agg: PERCENTILE
target_levels: [GLOBAL, MODULE, COMPETENCE, MICRO_COMPETENCE]
reads: {realisation: [MICRO_COMPETENCE]}
rollup: RECOMPUTE
description: >
  Median, 75th and 90th percentiles, by linear interpolation, of the time in days of 24 h from start to end of the
  micro-competences at or below the target that were finished within the period and are final at its end.
example: >
  Delays of 1, 2, 3 and 10 days: p50 = 2.5000, p75 = 4.7500, p90 = 7.9000, sample_size = 4.
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
