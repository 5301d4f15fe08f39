/*
code: DELAI_ACQUIS_MICRO
label: Médiane délais acquisition micro
unit: jours
agg: MEDIAN
higher_is_better: false
category: RYTHME
target_levels: [MICRO_COMPETENCE]
rollup: RECOMPUTE
description: >
  The median time, in days of 24 h, from start to end of the micro-competences finished within the period and final at its
  end.
example: >
  Three learners finished a micro-competence today, after 1, 2 and 6 days: value_num = 2.0000, sample_size = 3.
*/
{% import 'macros/as_of.sql' as as_of -%}
{% import 'macros/delays.sql' as delays -%}
WITH {{ delays.acquisition('MICRO_COMPETENCE') }},

{{ as_of.members() }},

{{ delays.ranked(metric.target_levels) }}

SELECT
  scope_id,
  target_id,
  {{ delays.percentile(50, delays.DAY) }} AS value_num,
  NULL AS numerator,
  NULL AS denominator,
  MAX(n) AS sample_size,
  CASE WHEN SUM(reconstructed) > 0 THEN JSON_OBJECT('reconstructed', CAST(SUM(reconstructed) AS SIGNED)) END AS extra_json
FROM ranked
GROUP BY scope_id, target_id
