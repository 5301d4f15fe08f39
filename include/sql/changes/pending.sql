{# The oldest changes that the figures do not hold yet, at most %(most)s, with the learner of each. -#}
SELECT
  id,
  learner_id
FROM kpi_change
WHERE done_at IS NULL
ORDER BY id
LIMIT %(most)s
