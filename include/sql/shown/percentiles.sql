{# The percentiles of the sample (agg PERCENTILE). -#}
{% import 'shown/sample.sql' as sample -%}
SELECT
  {{ cell | join(',\n  ') }},
  {{ sample.percentile(50, figure.unit_microseconds) }} AS p50,
  {{ sample.percentile(75, figure.unit_microseconds) }} AS p75,
  {{ sample.percentile(90, figure.unit_microseconds) }} AS p90,
  MAX(n) AS sample_size
FROM {{ sample.ranked(cell) }}
GROUP BY {{ cell | join(', ') }}
