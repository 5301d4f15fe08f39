/*
code: DELAI_ACQUIS_COMP
label: "Délais d'acquisition des compétences"
unit: jours
rollup: RECOMPUTE
description: >
  The same for the competences at or below the target.
example: >
  One competence finished today after 12.5 days: p50 = p75 = p90 = 12.5000, sample_size = 1.
*/
{% import 'macros/as_of.sql' as as_of with context -%}
{% import 'macros/delays.sql' as delays with context -%}
WITH {{ delays.acquisition('COMPETENCE') }},

{{ as_of.members() }},

{{ delays.ranked(['GLOBAL', 'MODULE', 'COMPETENCE', 'MICRO_COMPETENCE'], made_once=true) }}

{{ delays.percentiles(delays.DAY) }}
