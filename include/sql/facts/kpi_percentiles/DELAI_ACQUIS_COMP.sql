/*
code: DELAI_ACQUIS_COMP
label: "Délais d'acquisition des compétences"
label_en: Time to acquire competences
unit: jours
agg: PERCENTILE
target_levels: [GLOBAL, MODULE, COMPETENCE, MICRO_COMPETENCE]
reads: {realisation: [COMPETENCE]}
rollup: RECOMPUTE
description: >
  The same for the competences at or below the target.
example: >
  One competence finished today after 12.5 days: p50 = p75 = p90 = 12.5000, sample_size = 1.
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
