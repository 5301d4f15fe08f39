/*
code: DELAI_UA
label: Médiane délais UA
unit: heures
agg: MEDIAN
counts: flow
higher_is_better: false
category: RYTHME
target_levels: [MODULE, UA]
rollup: RECOMPUTE
rolling: {rule: RECOMPUTE, days: [3]}
description: >
  The median time, in hours, from start to end of the UAs at or below the target that were finished within the period.
example: >
  Three UAs were finished today, after 1, 2 and 6 hours: value_num = 2.0000, sample_size = 3.
*/
{% import 'macros/as_of.sql' as as_of with context -%}
{% import 'macros/delays.sql' as delays with context -%}
WITH {{ delays.acquisition('UA') }},

{{ as_of.members() }},

{{ delays.ranked(metric.target_levels) }}

{{ delays.median(delays.HOUR) }}
