/*
The rows of kpi_plan_gap of one week or month: its task of kpi_rollup.
*/

-- step: stage_kpi_plan_gap | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_kpi_plan_gap (
  date_id DATE NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  expected_count INT,
  done_count INT,
  PRIMARY KEY (date_id, scope_id, target_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: closing | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_closing (
  scope_id BIGINT PRIMARY KEY,
  as_of DATE NOT NULL,
  done_days INT NOT NULL,
  is_over TINYINT(1) NOT NULL,
  KEY idx_as_of (as_of)
) COLLATE utf8mb4_0900_ai_ci;

-- step: closing
INSERT INTO stage_closing (scope_id, as_of, done_days, is_over)
WITH done_day AS (
  SELECT date_to AS date_id
  FROM kpi_run
  WHERE
    table_name IN ('kpi_value', 'kpi_state_count', 'kpi_percentiles')
    AND state = 'DONE'
    AND period = 'D'
    AND scopes IS NULL
    AND date_to >= %(first)s
    AND date_to <= %(last)s
  GROUP BY date_to
  HAVING COUNT(DISTINCT table_name) = 3
),

latest_done AS (
  SELECT MAX(date_id) AS as_of
  FROM done_day
),

closing AS (
  SELECT
    kpi_scope.id AS scope_id,
    MAX(day.date_id) AS as_of,
    MAX(latest_done.as_of) = %(last)s AS is_over
  FROM latest_done
  INNER JOIN kpi_time AS day
    ON day.date_id >= %(first)s
    AND day.date_id <= latest_done.as_of
  INNER JOIN kpi_src_membership AS membership
    ON membership.valid_to >= day.utc_end
    AND membership.valid_from < day.utc_end
    AND (membership.active_from IS NULL OR membership.active_from < day.utc_end)
    AND (membership.active_to IS NULL OR membership.active_to >= day.utc_end)
  INNER JOIN kpi_scope
    ON kpi_scope.scope_type = membership.scope_type
    AND kpi_scope.ref_key = membership.scope_ref_id
    AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
    AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0)
  GROUP BY kpi_scope.id
)

SELECT
  closing.scope_id,
  closing.as_of,
  (SELECT COUNT(*) FROM done_day WHERE done_day.date_id <= closing.as_of) AS done_days,
  closing.is_over
FROM closing;

-- step: closing days | gives=closing_days
SELECT
  as_of,
  IF(COUNT(*) <= 1000, GROUP_CONCAT(scope_id), NULL) AS closing_scopes
FROM stage_closing
GROUP BY as_of
ORDER BY as_of;

-- step: ECART_PLAN | figure=ECART_PLAN each=closing
INSERT INTO stage_kpi_plan_gap (date_id, scope_id, target_id, expected_count, done_count)
SELECT
  %(date_id)s,
  figure.scope_id,
  figure.target_id,
  figure.expected_count,
  figure.done_count
FROM (
WITH member AS (
  SELECT
    kpi_scope.id AS scope_id,
    kpi_scope.scope_type,
    membership.learner_id,
    day.date_id AS first_day,
    day.date_id AS last_day
  FROM kpi_time AS day
  INNER JOIN kpi_src_membership AS membership
    ON membership.valid_to >= day.utc_end
    AND membership.valid_from < day.utc_end
    AND (membership.active_from IS NULL OR membership.active_from < day.utc_end)
    AND (membership.active_to IS NULL OR membership.active_to >= day.utc_end)
  INNER JOIN kpi_scope
    ON kpi_scope.scope_type = membership.scope_type
    AND kpi_scope.ref_key = membership.scope_ref_id
    AND (%(closing_scopes)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(closing_scopes)s) > 0)
  WHERE day.date_id = %(as_of)s
),

realisation AS (
  SELECT
    history.learner_id,
    history.domain,
    history.ref_id,
    history.state_code,
    history.state_order,
    history.is_final,
    history.progress_pct,
    history.score,
    history.score_max,
    history.started_at,
    history.finished_at,
    history.last_activity_at,
    history.origin = 'RECONSTRUCTED' AS reconstructed,
    day.date_id AS first_day,
    day.date_id AS last_day
  FROM kpi_time AS day
  INNER JOIN kpi_src_realisation AS history IGNORE INDEX (uq_realisation)
    ON history.valid_to >= day.utc_end
    AND history.valid_from < day.utc_end
  WHERE
    day.date_id = %(as_of)s
    AND history.domain IN ('UA')
),

planned AS (
  SELECT
    groupe.learner_id,
    plan.ua_ref_id AS ref_id,
    plan.due_on,
    day.date_id AS first_day,
    day.date_id AS last_day
  FROM kpi_time AS day
  INNER JOIN kpi_src_plan AS plan
    ON plan.valid_to >= day.utc_end
    AND plan.valid_from < day.utc_end
  INNER JOIN kpi_src_membership AS groupe
    ON groupe.scope_type = plan.scope_type
    AND groupe.scope_ref_id = plan.scope_ref_id
    AND groupe.valid_to >= day.utc_end
    AND groupe.valid_from < day.utc_end
    AND (groupe.active_from IS NULL OR groupe.active_from < day.utc_end)
    AND (groupe.active_to IS NULL OR groupe.active_to >= day.utc_end)
  WHERE day.date_id = %(as_of)s
),

pair AS (
  SELECT
    learner_id,
    ref_id,
    MAX(is_planned) AS is_planned,
    MAX(is_due) AS is_due,
    MAX(is_final) AS is_final,
    MAX(reconstructed) AS reconstructed,
    MAX(first_day) AS first_day,
    MAX(last_day) AS last_day
  FROM (
    SELECT
      learner_id,
      ref_id,
      1 AS is_planned,
      due_on <= last_day AS is_due,
      0 AS is_final,
      0 AS reconstructed,
      first_day,
      last_day
    FROM planned
    UNION ALL
    SELECT
      learner_id,
      ref_id,
      0,
      0,
      is_final,
      reconstructed,
      first_day,
      last_day
    FROM realisation
  ) AS side
  GROUP BY learner_id, ref_id
),

observation AS (
  /*
  code: ECART_PLAN
  label: Écart au plan
  unit: nb
  agg: PLAN
  target_levels: [UA, MODULE, GLOBAL]
  reads: {realisation: [UA], plan: [UA]}
  rollup: RECOMPUTE
  description: >
    Of the (learner, UA) pairs that are planned, at or below a UA, a module or everything, as of the day on which the period closes:
    expected_count are those due by that day, done_count those, due or not, whose UA is in a final state; gap is done minus expected, so a
    group ahead of its plan has a positive gap; coverage_pct is 100 × done / expected. A learner's plan is that of the groups he is in, at
    the earliest due date, and counts in every scope he belongs to.
  example: >
    A group of 4; one UA was due last week, another is due next week. 3 learners are DONE on the first and 1 on the second:
    on the module expected_count = 4, done_count = 4, gap = 0, coverage_pct = 100.0000.
  */
  SELECT
    learner_id,
    'UA' AS domain,
    ref_id,
    is_due AS part,
    is_final AS done,
    reconstructed,
    first_day,
    last_day
  FROM pair
  WHERE is_planned = 1
),

learner_sum AS (
  SELECT /*+ NO_INDEX(closure) NO_MERGE(observation) */
    observation.learner_id,
    closure.ancestor_id AS target_id,
    SUM(observation.part) AS part,
    SUM(observation.done) AS done,
    SUM(1) AS whole
  FROM kpi_target_closure AS closure
  INNER JOIN observation
    ON observation.domain = closure.target_type
    AND observation.ref_id = closure.ref_id
    AND observation.first_day <= observation.last_day
  WHERE closure.ancestor_type IN ('UA', 'MODULE', 'GLOBAL')
  GROUP BY observation.learner_id, closure.ancestor_id
),

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
),

cohort_sum AS (
  SELECT /*+ NO_MERGE(learner_sum) */
    cohort.cohort_id,
    learner_sum.target_id,
    SUM(learner_sum.part) AS part,
    SUM(learner_sum.done) AS done,
    SUM(learner_sum.whole) AS whole
  FROM learner_sum
  INNER JOIN cohort
    ON cohort.learner_id = learner_sum.learner_id
  GROUP BY cohort.cohort_id, learner_sum.target_id
),

scope_sum AS (
  SELECT /*+ NO_MERGE(learner_sum) */
    member.scope_id,
    learner_sum.target_id,
    learner_sum.part,
    learner_sum.done,
    learner_sum.whole
  FROM learner_sum
  INNER JOIN member
    ON member.learner_id = learner_sum.learner_id
    AND member.scope_type = 'APPRENANT'
  UNION ALL
  SELECT
    member.scope_id,
    cohort_sum.target_id,
    SUM(cohort_sum.part) AS part,
    SUM(cohort_sum.done) AS done,
    SUM(cohort_sum.whole) AS whole
  FROM cohort_sum
  INNER JOIN member
    ON member.learner_id = cohort_sum.cohort_id
    AND member.scope_type <> 'APPRENANT'
  GROUP BY member.scope_id, cohort_sum.target_id
)

SELECT
  scope_id,
  target_id,
  part AS expected_count,
  done AS done_count
FROM scope_sum
) AS figure
INNER JOIN stage_closing
  ON stage_closing.scope_id = figure.scope_id
  AND stage_closing.as_of = %(as_of)s;

-- step: kpi_plan_gap: count | phase=write table=kpi_plan_gap does=count
SELECT
  (
    SELECT COUNT(*)
    FROM kpi_plan_gap AS existing

    INNER JOIN kpi_scope
      ON kpi_scope.id = existing.scope_id
      AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
        AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0)
    WHERE
      existing.date_id = %(date_id)s
      AND existing.period = %(period)s
  ) AS n_stored,
  COUNT(*) AS n_staged,
  COUNT(same.target_id) AS n_matched
FROM stage_kpi_plan_gap AS fresh
LEFT JOIN kpi_plan_gap AS same
  ON same.date_id = %(date_id)s
  AND same.period = %(period)s
  AND same.scope_id = fresh.scope_id
  AND same.target_id = fresh.target_id
WHERE fresh.date_id = %(date_id)s;

-- step: kpi_plan_gap: update differences | phase=write table=kpi_plan_gap does=update
UPDATE /*+ NO_MERGE(new) */ kpi_plan_gap AS stale
INNER JOIN (
  SELECT
    fresh.scope_id,
    fresh.target_id,
    fresh.expected_count,
    fresh.done_count
  FROM stage_kpi_plan_gap AS fresh
  INNER JOIN kpi_plan_gap AS existing
    ON existing.date_id = %(date_id)s
    AND existing.period = %(period)s
    AND existing.scope_id = fresh.scope_id
    AND existing.target_id = fresh.target_id
  WHERE
    fresh.date_id = %(date_id)s
    AND NOT (
      existing.expected_count <=> fresh.expected_count
      AND existing.done_count <=> fresh.done_count
    )
) AS new
  ON stale.date_id = %(date_id)s
  AND stale.period = %(period)s
  AND stale.scope_id = new.scope_id
  AND stale.target_id = new.target_id
SET
  stale.expected_count = new.expected_count,
  stale.done_count = new.done_count;

-- step: kpi_plan_gap: insert missing | phase=write table=kpi_plan_gap does=insert
INSERT INTO kpi_plan_gap (date_id, period, scope_id, target_id, expected_count, done_count)
SELECT
  %(date_id)s,
  %(period)s,
  fresh.scope_id,
  fresh.target_id,
  fresh.expected_count,
  fresh.done_count
FROM stage_kpi_plan_gap AS fresh
LEFT JOIN kpi_plan_gap AS existing
  ON existing.date_id = %(date_id)s
  AND existing.period = %(period)s
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
WHERE
  fresh.date_id = %(date_id)s
  AND existing.target_id IS NULL;

-- step: kpi_plan_gap: delete vanished | phase=write table=kpi_plan_gap does=delete
DELETE existing
FROM kpi_plan_gap AS existing

INNER JOIN kpi_scope
  ON kpi_scope.id = existing.scope_id
  AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
    AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0)
LEFT JOIN stage_kpi_plan_gap AS fresh
  ON fresh.date_id = %(date_id)s
  AND fresh.scope_id = existing.scope_id
  AND fresh.target_id = existing.target_id
WHERE
  existing.date_id = %(date_id)s
  AND existing.period = %(period)s
  AND fresh.target_id IS NULL;

-- step: count new and changed | phase=compare gives=new_and_changed
SELECT
  COALESCE(SUM(existing.scope_id IS NULL), 0) AS n_new,
  COALESCE(SUM(existing.scope_id IS NOT NULL AND NOT (
    existing.expected_count <=> fresh.expected_count
    AND existing.done_count <=> fresh.done_count
  )), 0) AS n_changed
FROM stage_kpi_plan_gap AS fresh
LEFT JOIN kpi_plan_gap AS existing
  ON existing.date_id = %(date_id)s
  AND existing.period = %(period)s
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
WHERE fresh.date_id = %(date_id)s;

-- step: count vanished | phase=compare gives=vanished
SELECT COUNT(*)
FROM kpi_plan_gap AS existing

INNER JOIN kpi_scope
  ON kpi_scope.id = existing.scope_id
  AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
    AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0)
LEFT JOIN stage_kpi_plan_gap AS fresh
  ON fresh.date_id = %(date_id)s
  AND fresh.scope_id = existing.scope_id
  AND fresh.target_id = existing.target_id
WHERE
  existing.date_id = %(date_id)s
  AND existing.period = %(period)s
  AND fresh.target_id IS NULL;

-- step: largest changes | phase=compare gives=largest_changes
SELECT
  CONCAT_WS(' ', kpi_scope.scope_type, kpi_scope.ref_id) AS scope,
  CONCAT_WS(' ', kpi_target.target_type, kpi_target.ref_id) AS target,
  existing.done_count AS was,
  fresh.done_count AS becomes
FROM stage_kpi_plan_gap AS fresh
INNER JOIN kpi_plan_gap AS existing
  ON existing.date_id = %(date_id)s
  AND existing.period = %(period)s
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
INNER JOIN kpi_scope
  ON kpi_scope.id = fresh.scope_id
INNER JOIN kpi_target
  ON kpi_target.id = fresh.target_id
WHERE
  fresh.date_id = %(date_id)s
  AND NOT (existing.done_count <=> fresh.done_count)
ORDER BY ABS(fresh.done_count - existing.done_count) DESC, fresh.scope_id ASC, fresh.target_id ASC
LIMIT 5;
