/*
code: DELAI_ACQUIS_MICRO
label: "Délais d'acquisition des micro-compétences"
unit: jours
rollup: RECOMPUTE
description: >
  Median, 75th and 90th percentiles, by linear interpolation, of the time in days of 24 h from start to end of the
  micro-competences at or below the target that were finished within the period and are final at its end.
example: >
  Delays of 1, 2, 3 and 10 days: p50 = 2.5000, p75 = 4.7500, p90 = 7.9000, sample_size = 4.
*/
{% import 'macros/as_of.sql' as as_of with context -%}
{% import 'macros/delays.sql' as delays with context -%}
WITH {{ delays.acquisition('MICRO_COMPETENCE') }},

{{ as_of.members() }},

{{ delays.ranked(['GLOBAL', 'MODULE', 'COMPETENCE', 'MICRO_COMPETENCE'], made_once=true) }}

{{ delays.percentiles(delays.DAY) }}
