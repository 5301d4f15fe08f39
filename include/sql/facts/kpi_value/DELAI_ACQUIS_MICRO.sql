/*
code: DELAI_ACQUIS_MICRO
label: Médiane délais acquisition micro
unit: jours
agg: MEDIAN
counts: flow
higher_is_better: false
category: RYTHME
target_levels: [MICRO_COMPETENCE]
rollup: RECOMPUTE
rolling: {rule: RECOMPUTE, days: [7, 30]}
description: >
  The median time, in days of 24 h, from start to end of the micro-competences finished within the period and final at its
  end.
example: >
  Three learners finished a micro-competence today, after 1, 2 and 6 days: value_num = 2.0000, sample_size = 3.
*/
{% import 'macros/as_of.sql' as as_of with context -%}
{% import 'macros/delays.sql' as delays with context -%}
WITH {{ delays.acquisition('MICRO_COMPETENCE') }},

{{ as_of.members() }},

{{ delays.ranked(metric.target_levels, made_once=true) }}

{{ delays.median(delays.DAY) }}
