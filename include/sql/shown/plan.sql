{# Plan against done (agg PLAN). -#}
SELECT
  {{ cell | join(',\n  ') }},
  part AS expected_count,
  done AS done_count
FROM scope_sum
