{# Looked up once for all figures, before the capture (sign -1) and after it (1). -#}
member AS (
  SELECT
    scope_id,
    learner_id
  FROM stage_member
  WHERE sign = %(sign)s
)
