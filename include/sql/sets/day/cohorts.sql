{# cohort: each learner with the smallest learner who has the same scopes besides his own. -#}
scope_set AS (
  SELECT
    learner_id,
    GROUP_CONCAT(scope_id ORDER BY scope_id) AS scope_ids
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
