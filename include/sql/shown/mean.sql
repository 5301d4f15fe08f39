{# The mean of `part` over the observations (agg AVG). -#}
{% import 'shown/sample.sql' as sample -%}
SELECT
  {{ cell | join(',\n  ') }},
  ROUND(part / whole, 4) AS value_num,
  NULL AS numerator,
  NULL AS denominator,
  whole AS sample_size,
  {{ sample.reconstructed('reconstructed') }} AS extra_json
FROM scope_sum
