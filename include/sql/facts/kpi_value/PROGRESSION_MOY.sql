/*
code: PROGRESSION_MOY
label: Progression moyenne
unit: '%'
agg: AVG
counts: stock
higher_is_better: true
category: PROGRESSION
target_levels: [MODULE, COMPETENCE, MICRO_COMPETENCE]
rollup: LAST
rolling: {rule: WEIGHTED_MEAN, days: [7, 30]}
description: >
  The mean progress, 0 to 100, of the realisations of the target itself by the scope's learners, at the end of the day.
  A realisation without a usable progress is not counted; sample_size is the number that are.
example: >
  Three learners of a group stand at 100, 50 and 0 % of a module, a fourth has no progress: value_num = 50.0000,
  sample_size = 3.
*/
{% import 'macros/as_of.sql' as as_of with context -%}
{% import 'macros/by_scope.sql' as by_scope with context -%}
WITH {{ as_of.members() }},

{{ as_of.realisations(metric.target_levels) }},

observation AS (
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
),

{{ by_scope.mean(metric.target_levels, own_level=true) }}
