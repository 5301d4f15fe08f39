/*
code: DELAI_FEEDBACK
label: "Délais de feedback"
unit: heures
rollup: RECOMPUTE
description: >
  Median, 75th and 90th percentiles, by linear interpolation, of the time in hours from a submission to its first feedback,
  over the feedback given within the period on targets at or under the target; a submission counts once per cell.
example: >
  Delays of 2 and 5 hours: p50 = 3.5000, p75 = 4.2500, p90 = 4.7000, sample_size = 2.
*/
{% import 'macros/as_of.sql' as as_of with context -%}
{% import 'macros/delays.sql' as delays with context -%}
WITH {{ delays.feedback() }},

{{ as_of.members() }},

{{ delays.ranked(['GLOBAL', 'MODULE', 'COMPETENCE', 'MICRO_COMPETENCE']) }}

{{ delays.percentiles(delays.HOUR) }}
