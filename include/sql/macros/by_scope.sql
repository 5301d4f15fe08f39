{#
From observations of learners to figures of scopes: the end of every metric's SELECT.

An additive metric gives a CTE `observation` (learner_id, domain, ref_id, part, reconstructed): one row per
(learner, ref) pair that counts. The sums are made once per learner (that is the APPRENANT scope), then per cohort,
then per scope: a cohort is the learners who share all their other scopes, so each of them is counted in each scope
once, however the scopes overlap. A cohort is named by its smallest learner_id, whose memberships are the cohort's.
#}

{# scope_sum: part, whole and reconstructed per (scope, target). An observation counts at each target of the levels that
   is its own or lies above it; with own_level, at its own only (one observation per learner and target).
   The small closure is hashed and the observations run past it; each learner_sum is made once. #}
{% macro sums(levels, own_level=false) -%}
learner_sum AS (
{%- if own_level %}
  SELECT /*+ NO_INDEX(closure) */
    observation.learner_id,
    closure.ancestor_id AS target_id,
    observation.part,
    1 AS whole,
    observation.reconstructed
  FROM kpi_target_closure AS closure
  INNER JOIN observation
    ON observation.domain = closure.target_type
    AND observation.ref_id = closure.ref_id
  WHERE closure.is_self = 1
{%- else %}
  SELECT /*+ NO_INDEX(closure) NO_MERGE(observation) */
    observation.learner_id,
    closure.ancestor_id AS target_id,
    SUM(observation.part) AS part,
    COUNT(*) AS whole,
    SUM(observation.reconstructed) AS reconstructed
  FROM kpi_target_closure AS closure
  INNER JOIN observation
    ON observation.domain = closure.target_type
    AND observation.ref_id = closure.ref_id
  WHERE closure.ancestor_type IN ('{{ levels | join("', '") }}')
  GROUP BY observation.learner_id, closure.ancestor_id
{%- endif %}
),

{{ cohorts() }},

cohort_sum AS (
  SELECT /*+ NO_MERGE(learner_sum) */
    cohort.cohort_id,
    learner_sum.target_id,
    SUM(learner_sum.part) AS part,
    SUM(learner_sum.whole) AS whole,
    SUM(learner_sum.reconstructed) AS reconstructed
  FROM learner_sum
  INNER JOIN cohort
    ON cohort.learner_id = learner_sum.learner_id
  GROUP BY cohort.cohort_id, learner_sum.target_id
),

scope_sum AS (
  SELECT /*+ NO_MERGE(learner_sum) */
    member.scope_id,
    learner_sum.target_id,
    learner_sum.part,
    learner_sum.whole,
    learner_sum.reconstructed
  FROM learner_sum
  INNER JOIN member
    ON member.learner_id = learner_sum.learner_id
    AND member.scope_type = 'APPRENANT'
  UNION ALL
  SELECT
    member.scope_id,
    cohort_sum.target_id,
    SUM(cohort_sum.part) AS part,
    SUM(cohort_sum.whole) AS whole,
    SUM(cohort_sum.reconstructed) AS reconstructed
  FROM cohort_sum
  INNER JOIN member
    ON member.learner_id = cohort_sum.cohort_id
    AND member.scope_type <> 'APPRENANT'
  GROUP BY member.scope_id, cohort_sum.target_id
)
{%- endmacro %}

{# cohort: each learner with the smallest learner who has the same scopes besides his own. #}
{% macro cohorts() -%}
scope_set AS (
  SELECT
    learner_id,
    GROUP_CONCAT(scope_id ORDER BY scope_id) AS scope_ids
  FROM member
  WHERE scope_type <> 'APPRENANT'
  GROUP BY learner_id
),

cohort AS (
  SELECT
    learner_id,
    MIN(learner_id) OVER (PARTITION BY scope_ids) AS cohort_id
  FROM scope_set
)
{%- endmacro %}

{# How many rows of the sample rest on reconstructed versions, as extra_json; NULL when none does. #}
{% macro reconstructed_note() -%}
CASE WHEN reconstructed > 0 THEN JSON_OBJECT('reconstructed', CAST(reconstructed AS SIGNED)) END
{%- endmacro %}

{# The mean of `part` over the observations (agg AVG). #}
{% macro mean(levels, own_level=false) -%}
{{ sums(levels, own_level) }}

SELECT
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
  scope_id,
  target_id,
  ROUND(100.00000000 * part / whole, 4) AS value_num,
  part AS numerator,
  whole AS denominator,
  whole AS sample_size,
  {{ reconstructed_note() }} AS extra_json
FROM scope_sum
{%- endmacro %}
