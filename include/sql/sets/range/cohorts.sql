{# cohort: each learner with the smallest learner who has the same scopes besides his own, on the same days. -#}
scope_set AS (
  SELECT
    learner_id,
    GROUP_CONCAT(scope_id, ':', TO_DAYS(first_day), ':', TO_DAYS(last_day) ORDER BY scope_id, first_day) AS scope_ids
  FROM member
  WHERE scope_type <> 'APPRENANT'
  GROUP BY learner_id
),

cohort AS (
  SELECT
    learner_id,
    MIN(learner_id) OVER (PARTITION BY scope_ids) AS cohort_id
  FROM scope_set
)
