{# The share, 0 to 100, of observations whose `part` is 1 (agg PCT). -#}
{% import 'shown/sample.sql' as sample -%}
SELECT
  {{ cell | join(',\n  ') }},
  ROUND(100.00000000 * part / whole, 4) AS value_num,
  part AS numerator,
  whole AS denominator,
  whole AS sample_size,
  {{ sample.reconstructed('reconstructed') }} AS extra_json
FROM scope_sum
