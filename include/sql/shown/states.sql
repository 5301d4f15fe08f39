{# The histogram of states (agg STATES). -#}
SELECT
  {{ cell | join(',\n  ') }},
  domain,
  state_code,
  state_ordre,
  whole AS count
FROM state_sum
