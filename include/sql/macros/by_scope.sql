{#
From observations of learners to figures of scopes: the end of every metric's SELECT.

An additive metric gives a CTE `observation` (learner_id, domain, ref_id, part, reconstructed, first_day, last_day): one row per
(learner, ref) pair that counts, with the days it counts on; where last_day is before first_day, it does not count. The sums are made once
per learner (that is the APPRENANT scope), then per cohort, then per scope: a cohort is the learners who share all their other scopes, so
each of them is counted in each scope once, however the scopes overlap. A cohort is named by its smallest learner_id, whose memberships
are the cohort's. For a range of days, the same is done with differences: macros/differences.sql.
#}
{% import 'macros/as_of.sql' as as_of with context %}
{% import 'macros/differences.sql' as differences with context %}
{% set days = mode | default('day') %}

{# In modes `learners` and `sums`, what follows the sums in a figure's SELECT: kpi_incremental takes the text up to here, and later the text after it with
   sums of its own (include/sql/incremental). #}
{% set SUMS_END = '/* the figure from its sums */' %}

{# What is summed for a mean or a share, by name. #}
{% set SUMS = {'part': 'observation.part', 'whole': '1', 'reconstructed': 'observation.reconstructed'} %}

{# A hint for many observations; the few of mode `learners` look up what lies above them. #}
{% macro hint(text) -%}
{{ ' /*+ ' ~ text ~ ' */' if days != 'learners' }}
{%- endmacro %}

{# scope_sum: the sums of `columns` (name: expression over observation) per (scope, target), in a range per (date_id, scope, target).
   An observation counts at each target of the levels that is its own or lies above it; with own_level, at its own only (one
   observation per learner and target). The small closure is hashed and the observations run past it; each learner_sum is made once. #}
{% macro sums(levels, own_level=false, columns=SUMS) -%}
{% if days == 'range' -%}
{{ differences.scope_sums(levels, own_level, columns) }}
{%- else -%}
learner_sum AS (
{%- if own_level %}
  SELECT{{ hint('NO_INDEX(closure)') }}
    observation.learner_id,
    closure.ancestor_id AS target_id{% for name, value in columns.items() %},
    {{ value }} AS {{ name }}{% endfor %}
  FROM kpi_target_closure AS closure
  INNER JOIN observation
    ON observation.domain = closure.target_type
    AND observation.ref_id = closure.ref_id
    AND observation.first_day <= observation.last_day
  WHERE closure.is_self = 1
{%- else %}
  SELECT{{ hint('NO_INDEX(closure) NO_MERGE(observation)') }}
    observation.learner_id,
    closure.ancestor_id AS target_id{% for name, value in columns.items() %},
    SUM({{ value }}) AS {{ name }}{% endfor %}
  FROM kpi_target_closure AS closure
  INNER JOIN observation
    ON observation.domain = closure.target_type
    AND observation.ref_id = closure.ref_id
    AND observation.first_day <= observation.last_day
  WHERE closure.ancestor_type IN ('{{ levels | join("', '") }}')
  GROUP BY observation.learner_id, closure.ancestor_id
{%- endif %}
),

{% if days == 'learners' -%}
scope_sum AS (
  SELECT
    member.scope_id,
    learner_sum.target_id{% for name in columns %},
    SUM(learner_sum.{{ name }}) AS {{ name }}{% endfor %}
  FROM learner_sum
  INNER JOIN member
    ON member.learner_id = learner_sum.learner_id
  GROUP BY member.scope_id, learner_sum.target_id
)
{%- else -%}
{{ as_of.cohorts() }},

cohort_sum AS (
  SELECT /*+ NO_MERGE(learner_sum) */
    cohort.cohort_id,
    learner_sum.target_id{% for name in columns %},
    SUM(learner_sum.{{ name }}) AS {{ name }}{% endfor %}
  FROM learner_sum
  INNER JOIN cohort
    ON cohort.learner_id = learner_sum.learner_id
  GROUP BY cohort.cohort_id, learner_sum.target_id
),

scope_sum AS (
  SELECT /*+ NO_MERGE(learner_sum) */
    member.scope_id,
    learner_sum.target_id{% for name in columns %},
    learner_sum.{{ name }}{% endfor %}
  FROM learner_sum
  INNER JOIN member
    ON member.learner_id = learner_sum.learner_id
    AND member.scope_type = 'APPRENANT'
  UNION ALL
  SELECT
    member.scope_id,
    cohort_sum.target_id{% for name in columns %},
    SUM(cohort_sum.{{ name }}) AS {{ name }}{% endfor %}
  FROM cohort_sum
  INNER JOIN member
    ON member.learner_id = cohort_sum.cohort_id
    AND member.scope_type <> 'APPRENANT'
  GROUP BY member.scope_id, cohort_sum.target_id
)
{%- endif %}
{{- '\n' ~ SUMS_END if days in ('learners', 'sums') and ('part' in columns or 'expected_count' in columns) }}
{%- endif %}
{%- endmacro %}

{# How many rows of the sample rest on reconstructed versions, as extra_json; NULL when none does. #}
{% macro reconstructed_note() -%}
CASE WHEN reconstructed > 0 THEN JSON_OBJECT('reconstructed', CAST(reconstructed AS SIGNED)) END
{%- endmacro %}

{# The mean of `part` over the observations (agg AVG). #}
{% macro mean(levels, own_level=false) -%}
{{ sums(levels, own_level) }}

SELECT
{%- if days == 'range' %}
  date_id,
{%- endif %}
  scope_id,
  target_id,
  ROUND(part / whole, 4) AS value_num,
  NULL AS numerator,
  NULL AS denominator,
  whole AS sample_size,
  {{ reconstructed_note() }} AS extra_json
FROM scope_sum
{%- endmacro %}

{# The share, 0 to 100, of observations whose `part` is 1 (agg PCT). #}
{% macro share(levels, own_level=false) -%}
{{ sums(levels, own_level) }}

SELECT
{%- if days == 'range' %}
  date_id,
{%- endif %}
  scope_id,
  target_id,
  ROUND(100.00000000 * part / whole, 4) AS value_num,
  part AS numerator,
  whole AS denominator,
  whole AS sample_size,
  {{ reconstructed_note() }} AS extra_json
FROM scope_sum
{%- endmacro %}
