/*
The opening of a day, %(as_of)s: the exact sums behind its figures, to which changes are added (roads/change).
*/

-- step: forget another day's
DELETE FROM kpi_day_sum;

-- step: INACTIVITE_7J | figure=INACTIVITE_7J
INSERT INTO kpi_day_sum (figure, scope_id, target_id, part, done, whole, reconstructed)
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
    AND history.domain IN ('MICRO_COMPETENCE')
),

observation AS (
  /*
  code: INACTIVITE_7J
  label: '% micro-comp inactives 7j'
  label_en: '% Micro-competences inactive for 7 days'
  unit: '%'
  agg: PCT
  counts: stock
  higher_is_better: false
  category: ACTIVITE
  target_levels: [COMPETENCE, MICRO_COMPETENCE]
  reads: {realisation: [MICRO_COMPETENCE]}
  rollup: LAST
  description: >
    Of the (learner, micro-competence) pairs at or below the target that are started and not final at the end of the day, the
    share without activity in the 7 local days that end with it.
  example: >
    On Sunday the 15th, two micro-competences are under way: the last activity on one was on Monday the 9th at 00:00, on
    the other on Sunday the 8th at 23:59: numerator 1, denominator 2, value_num = 50.0000.
  */
  WITH under_way AS (
    SELECT
      learner_id,
      domain,
      ref_id,
      reconstructed,
      first_day,
      last_day,
      IF(
        last_activity_at >= (SELECT since.utc_start FROM kpi_time AS since WHERE since.date_id = %(as_of)s - INTERVAL 6 DAY),
        DATE '9999-12-31',
        DATE '1900-01-01'
      ) AS inactive_from
    FROM realisation
    WHERE
      started_at IS NOT NULL
      AND is_final = 0
  )

  SELECT
    learner_id,
    domain,
    ref_id,
    0 AS part,
    reconstructed,
    first_day,
    LEAST(last_day, inactive_from - INTERVAL 1 DAY) AS last_day
  FROM under_way
  UNION ALL
  SELECT
    learner_id,
    domain,
    ref_id,
    1,
    reconstructed,
    GREATEST(first_day, inactive_from),
    last_day
  FROM under_way
),

learner_sum AS (
  SELECT /*+ NO_INDEX(closure) NO_MERGE(observation) */
    observation.learner_id,
    closure.ancestor_id AS target_id,
    SUM(observation.part) AS part,
    SUM(1) AS whole,
    SUM(observation.reconstructed) AS reconstructed
  FROM kpi_target_closure AS closure
  INNER JOIN observation
    ON observation.domain = closure.target_type
    AND observation.ref_id = closure.ref_id
    AND observation.first_day <= observation.last_day
  WHERE closure.ancestor_type IN ('COMPETENCE', 'MICRO_COMPETENCE')
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
    SUM(learner_sum.whole) AS whole,
    SUM(learner_sum.reconstructed) AS reconstructed
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
    learner_sum.whole,
    learner_sum.reconstructed
  FROM learner_sum
  INNER JOIN member
    ON member.learner_id = learner_sum.learner_id
    AND member.scope_type = 'APPRENANT'
  UNION ALL
  SELECT
    member.scope_id,
    cohort_sum.target_id,
    SUM(cohort_sum.part) AS part,
    SUM(cohort_sum.whole) AS whole,
    SUM(cohort_sum.reconstructed) AS reconstructed
  FROM cohort_sum
  INNER JOIN member
    ON member.learner_id = cohort_sum.cohort_id
    AND member.scope_type <> 'APPRENANT'
  GROUP BY member.scope_id, cohort_sum.target_id
)

SELECT
  'INACTIVITE_7J',
  scope_id,
  target_id,
  part,
  0,
  whole,
  reconstructed
FROM scope_sum;

-- step: PCT_ACQUIS | figure=PCT_ACQUIS
INSERT INTO kpi_day_sum (figure, scope_id, target_id, part, done, whole, reconstructed)
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
    AND history.domain IN ('COMPETENCE')
),

observation AS (
  /*
  code: PCT_ACQUIS
  label: '% Compétences acquises'
  label_en: '% Competences acquired'
  unit: '%'
  agg: PCT
  counts: stock
  higher_is_better: true
  category: MAITRISE
  target_levels: [MODULE, COMPETENCE]
  reads: {realisation: [COMPETENCE]}
  rollup: LAST
  rolling: {rule: RATIO_OF_SUMS, days: [7, 30]}
  description: >
    Of the (learner, competence) pairs at or below the target, the share whose realisation is in a final state at the end of
    the day.
  example: >
    A module of 2 competences, a group of 2 learners: 3 of the 4 pairs are DONE: numerator 3, denominator 4,
    value_num = 75.0000.
  */
  SELECT
    learner_id,
    domain,
    ref_id,
    is_final AS part,
    reconstructed,
    first_day,
    last_day
  FROM realisation
),

learner_sum AS (
  SELECT /*+ NO_INDEX(closure) NO_MERGE(observation) */
    observation.learner_id,
    closure.ancestor_id AS target_id,
    SUM(observation.part) AS part,
    SUM(1) AS whole,
    SUM(observation.reconstructed) AS reconstructed
  FROM kpi_target_closure AS closure
  INNER JOIN observation
    ON observation.domain = closure.target_type
    AND observation.ref_id = closure.ref_id
    AND observation.first_day <= observation.last_day
  WHERE closure.ancestor_type IN ('MODULE', 'COMPETENCE')
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
    SUM(learner_sum.whole) AS whole,
    SUM(learner_sum.reconstructed) AS reconstructed
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
    learner_sum.whole,
    learner_sum.reconstructed
  FROM learner_sum
  INNER JOIN member
    ON member.learner_id = learner_sum.learner_id
    AND member.scope_type = 'APPRENANT'
  UNION ALL
  SELECT
    member.scope_id,
    cohort_sum.target_id,
    SUM(cohort_sum.part) AS part,
    SUM(cohort_sum.whole) AS whole,
    SUM(cohort_sum.reconstructed) AS reconstructed
  FROM cohort_sum
  INNER JOIN member
    ON member.learner_id = cohort_sum.cohort_id
    AND member.scope_type <> 'APPRENANT'
  GROUP BY member.scope_id, cohort_sum.target_id
)

SELECT
  'PCT_ACQUIS',
  scope_id,
  target_id,
  part,
  0,
  whole,
  reconstructed
FROM scope_sum;

-- step: PCT_COUVERTURE_UA | figure=PCT_COUVERTURE_UA
INSERT INTO kpi_day_sum (figure, scope_id, target_id, part, done, whole, reconstructed)
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
  code: PCT_COUVERTURE_UA
  label: '% UA réalisées / plan'
  label_en: '% Learning units done / planned'
  unit: '%'
  agg: PCT
  counts: stock
  higher_is_better: true
  category: COUVERTURE
  target_levels: [UA, MODULE]
  reads: {realisation: [UA], plan: [UA]}
  rollup: LAST
  alerts:
    - {below: 25, for: 7, scopes: [GLOBAL], targets: [MODULE], level: amber}
  description: >
    Of the (learner, UA) pairs that are planned and due by the day, at or below the target, the share whose UA is in a final
    state. A learner's plan is that of the groups he is in, at the earliest due date, and counts in every scope he belongs
    to; a pair without a realisation counts as not done.
  example: >
    A UA was due yesterday for a group of 4, another is due next week: 3 learners are DONE on the first: numerator 3,
    denominator 4, value_num = 75.0000 on the UA; the second has no row yet.
  */
  SELECT
    learner_id,
    'UA' AS domain,
    ref_id,
    is_final AS part,
    reconstructed,
    first_day,
    last_day
  FROM pair
  WHERE is_due = 1
),

learner_sum AS (
  SELECT /*+ NO_INDEX(closure) NO_MERGE(observation) */
    observation.learner_id,
    closure.ancestor_id AS target_id,
    SUM(observation.part) AS part,
    SUM(1) AS whole,
    SUM(observation.reconstructed) AS reconstructed
  FROM kpi_target_closure AS closure
  INNER JOIN observation
    ON observation.domain = closure.target_type
    AND observation.ref_id = closure.ref_id
    AND observation.first_day <= observation.last_day
  WHERE closure.ancestor_type IN ('UA', 'MODULE')
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
    SUM(learner_sum.whole) AS whole,
    SUM(learner_sum.reconstructed) AS reconstructed
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
    learner_sum.whole,
    learner_sum.reconstructed
  FROM learner_sum
  INNER JOIN member
    ON member.learner_id = learner_sum.learner_id
    AND member.scope_type = 'APPRENANT'
  UNION ALL
  SELECT
    member.scope_id,
    cohort_sum.target_id,
    SUM(cohort_sum.part) AS part,
    SUM(cohort_sum.whole) AS whole,
    SUM(cohort_sum.reconstructed) AS reconstructed
  FROM cohort_sum
  INNER JOIN member
    ON member.learner_id = cohort_sum.cohort_id
    AND member.scope_type <> 'APPRENANT'
  GROUP BY member.scope_id, cohort_sum.target_id
)

SELECT
  'PCT_COUVERTURE_UA',
  scope_id,
  target_id,
  part,
  0,
  whole,
  reconstructed
FROM scope_sum;

-- step: PROGRESSION_MOY | figure=PROGRESSION_MOY
INSERT INTO kpi_day_sum (figure, scope_id, target_id, part, done, whole, reconstructed)
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
    AND history.domain IN ('MODULE', 'COMPETENCE', 'MICRO_COMPETENCE')
),

observation AS (
  /*
  code: PROGRESSION_MOY
  label: Progression moyenne
  label_en: Average progress
  unit: '%'
  agg: AVG
  counts: stock
  higher_is_better: true
  category: PROGRESSION
  target_levels: [MODULE, COMPETENCE, MICRO_COMPETENCE]
  own_level: true
  reads: {realisation: [MODULE, COMPETENCE, MICRO_COMPETENCE]}
  rollup: LAST
  rolling: {rule: WEIGHTED_MEAN, days: [7, 30]}
  description: >
    The mean progress, 0 to 100, of the realisations of the target itself by the scope's learners, at the end of the day.
    A realisation without a usable progress is not counted; sample_size is the number that are.
  example: >
    Three learners of a group stand at 100, 50 and 0 % of a module, a fourth has no progress: value_num = 50.0000,
    sample_size = 3.
  */
  SELECT
    learner_id,
    domain,
    ref_id,
    progress_pct AS part,
    reconstructed,
    first_day,
    last_day
  FROM realisation
  WHERE progress_pct IS NOT NULL
),

learner_sum AS (
  SELECT /*+ NO_INDEX(closure) */
    observation.learner_id,
    closure.ancestor_id AS target_id,
    observation.part AS part,
    1 AS whole,
    observation.reconstructed AS reconstructed
  FROM kpi_target_closure AS closure
  INNER JOIN observation
    ON observation.domain = closure.target_type
    AND observation.ref_id = closure.ref_id
    AND observation.first_day <= observation.last_day
  WHERE closure.is_self = 1
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
    SUM(learner_sum.whole) AS whole,
    SUM(learner_sum.reconstructed) AS reconstructed
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
    learner_sum.whole,
    learner_sum.reconstructed
  FROM learner_sum
  INNER JOIN member
    ON member.learner_id = learner_sum.learner_id
    AND member.scope_type = 'APPRENANT'
  UNION ALL
  SELECT
    member.scope_id,
    cohort_sum.target_id,
    SUM(cohort_sum.part) AS part,
    SUM(cohort_sum.whole) AS whole,
    SUM(cohort_sum.reconstructed) AS reconstructed
  FROM cohort_sum
  INNER JOIN member
    ON member.learner_id = cohort_sum.cohort_id
    AND member.scope_type <> 'APPRENANT'
  GROUP BY member.scope_id, cohort_sum.target_id
)

SELECT
  'PROGRESSION_MOY',
  scope_id,
  target_id,
  part,
  0,
  whole,
  reconstructed
FROM scope_sum;

-- step: ECART_PLAN | figure=ECART_PLAN
INSERT INTO kpi_day_sum (figure, scope_id, target_id, part, done, whole, reconstructed)
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
  'ECART_PLAN',
  scope_id,
  target_id,
  part,
  done,
  whole,
  0
FROM scope_sum;
