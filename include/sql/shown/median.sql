{# The median of the sample (agg MEDIAN). -#}
{% import 'shown/sample.sql' as sample -%}
SELECT
  {{ cell | join(',\n  ') }},
  {{ sample.percentile(50, figure.unit_microseconds) }} AS value_num,
  NULL AS numerator,
  NULL AS denominator,
  MAX(n) AS sample_size,
  {{ sample.reconstructed('SUM(reconstructed)') }} AS extra_json
FROM {{ sample.ranked(cell) }}
GROUP BY {{ cell | join(', ') }}
