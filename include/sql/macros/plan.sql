{#
pair: one row per (learner, UA) that is planned for him or begun, with is_planned, is_due (due by the day), is_final, reconstructed, each
0 or 1, and the days on which that holds. A learner's plan is that of the groups he is in. Planned and begun are grouped together, which
needs no join, whose plan could go wrong. The CTEs `planned` and `realisation` must be there.
#}
{% import 'macros/differences.sql' as differences with context %}
{% set days = mode | default('day') %}

{% macro pairs() -%}
{% if days == 'range' -%}
due AS (
  SELECT
    learner_id,
    ref_id,
    GREATEST(first_day, due_on) AS first_day,
    last_day
  FROM planned
),

pair_difference AS (
  SELECT
    learner_id,
    ref_id,
    day,
    SUM(is_planned) AS is_planned,
    SUM(is_due) AS is_due,
    SUM(is_final) AS is_final,
    SUM(reconstructed) AS reconstructed
  FROM (
  {{ side('planned', is_planned=1) }}
  UNION ALL
  {{ side('due', is_due=1) }}
  UNION ALL
  {{ side('realisation', is_final='is_final', reconstructed='reconstructed') }}
  ) AS side
  GROUP BY learner_id, ref_id, day
),

pair AS (
  SELECT
    learner_id,
    ref_id,
    SUM(is_planned) OVER sofar > 0 AS is_planned,
    SUM(is_due) OVER sofar > 0 AS is_due,
    SUM(is_final) OVER sofar > 0 AS is_final,
    SUM(reconstructed) OVER sofar > 0 AS reconstructed,
    day AS first_day,
    COALESCE(LEAD(day) OVER sofar - INTERVAL 1 DAY, CAST(%(last)s AS DATE)) AS last_day
  FROM pair_difference
  WINDOW sofar AS (PARTITION BY learner_id, ref_id ORDER BY day ROWS UNBOUNDED PRECEDING)
)
{%- else -%}
pair AS (
  SELECT
    learner_id,
    ref_id,
    MAX(is_planned) AS is_planned,
    MAX(is_due) AS is_due,
    MAX(is_final) AS is_final,
    MAX(reconstructed) AS reconstructed,
    MAX(first_day) AS first_day,
    MAX(last_day) AS last_day
  FROM (
    SELECT
      learner_id,
      ref_id,
      1 AS is_planned,
      due_on <= last_day AS is_due,
      0 AS is_final,
      0 AS reconstructed,
      first_day,
      last_day
    FROM planned
    UNION ALL
    SELECT
      learner_id,
      ref_id,
      0,
      0,
      is_final,
      reconstructed,
      first_day,
      last_day
    FROM realisation
  ) AS side
  GROUP BY learner_id, ref_id
)
{%- endif %}
{%- endmacro %}

{% macro side(spans, is_planned=0, is_due=0, is_final=0, reconstructed=0) -%}
{{ differences.begins_and_ends(spans, ['learner_id', 'ref_id'],
  {'is_planned': is_planned, 'is_due': is_due, 'is_final': is_final, 'reconstructed': reconstructed}) }}
{%- endmacro %}
