{# The sum of `part` (agg SUM, COUNT). -#}
{% import 'shown/sample.sql' as sample -%}
SELECT
  {{ cell | join(',\n  ') }},
  ROUND(part, 4) AS value_num,
  part AS numerator,
  NULL AS denominator,
  whole AS sample_size,
  {{ sample.reconstructed('reconstructed') }} AS extra_json
FROM scope_sum
