{% import 'sums/summed.sql' as summed -%}
{% import 'sums/range/differences.sql' as differences with context -%}
{% set columns = {} -%}
{% for name in figure.sums %}{% set _ = columns.update({name: summed.EXPRESSIONS[name]}) %}{% endfor -%}
observation_difference AS (
  {{ differences.begins_and_ends('observation', ['learner_id', 'domain', 'ref_id'], columns) }}
),

learner_difference AS (
  SELECT /*+ NO_INDEX(closure) */
    difference.learner_id,
    closure.ancestor_id AS target_id,
    difference.day{{ differences.summed(figure.sums, 'difference.') }}
  FROM kpi_target_closure AS closure
  INNER JOIN observation_difference AS difference
    ON difference.domain = closure.target_type
    AND difference.ref_id = closure.ref_id
  WHERE {{ summed.counted_at(figure) }}
  GROUP BY difference.learner_id, closure.ancestor_id, difference.day
),

{% include 'sets/range/cohorts.sql' %},

{{ differences.to_scopes(['target_id'], figure.sums) }}
