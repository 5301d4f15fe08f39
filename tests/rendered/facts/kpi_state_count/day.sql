/*
The D rows of kpi_state_count of one day, %(as_of)s: its task of kpi_daily.
*/

-- step: stage_kpi_state_count | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_kpi_state_count (
  date_id DATE NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') NOT NULL,
  state_code VARCHAR(32) NOT NULL,
  state_ordre INT,
  count INT,
  PRIMARY KEY (date_id, scope_id, target_id, domain, state_code)
) COLLATE utf8mb4_0900_ai_ci;

-- step: ETATS | figure=ETATS
INSERT INTO stage_kpi_state_count (date_id, scope_id, target_id, domain, state_code, state_ordre, count)
SELECT
  %(date_id)s,
  figure.scope_id,
  figure.target_id,
  figure.domain,
  figure.state_code,
  figure.state_ordre,
  figure.count
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
    AND history.domain IN ('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE')
),

observation AS (
  /*
  code: ETATS
  label: Répartition par état
  unit: nb
  agg: STATES
  target_levels: [GLOBAL, MODULE, UA, COMPETENCE, MICRO_COMPETENCE, REFERENTIEL]
  reads: {realisation: [MODULE, UA, COMPETENCE, MICRO_COMPETENCE]}
  rollup: LAST
  description: >
    For each scope and target of any of the six levels: how many (learner, ref) pairs at or below the target are in each
    state at the end of the day, domain by domain. A source row without state counts as UNKNOWN, ordered last (999).
  example: >
    A group of 2 learners; a micro-competence with 2 UAs. Of the 4 (learner, UA) pairs 3 are DONE and 1 TODO: on the
    micro-competence the domain UA has DONE 3 and TODO 1; its own domain has one state per learner.
  */
  SELECT
    learner_id,
    domain,
    ref_id,
    state_code,
    state_order,
    first_day,
    last_day
  FROM realisation
),

state_order AS (
  SELECT
    domain,
    state_code,
    MAX(state_order) AS state_ordre
  FROM observation
  GROUP BY domain, state_code
),

state AS (
  SELECT
    domain,
    state_code,
    ROW_NUMBER() OVER (ORDER BY domain, state_code) AS state_no
  FROM state_order
  GROUP BY domain, state_code
),

numbered AS (
  SELECT /*+ NO_INDEX(own) */
    observation.learner_id,
    own.target_id,
    state.state_no,
    observation.first_day,
    observation.last_day
  FROM state
  INNER JOIN observation
    ON observation.domain = state.domain
    AND observation.state_code = state.state_code
  INNER JOIN kpi_target_closure AS own
    ON own.target_type = observation.domain
    AND own.ref_id = observation.ref_id
    AND own.is_self = 1
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

-- The learners' own scopes: a target's own state needs no grouping, only what lies below it.
learner_count AS (
  SELECT /*+ NO_MERGE(numbered) */
    learner_id,
    target_id,
    state_no,
    1 AS n
  FROM numbered
  UNION ALL
  SELECT /*+ NO_INDEX(closure) NO_MERGE(numbered) */
    numbered.learner_id,
    closure.ancestor_id AS target_id,
    numbered.state_no,
    COUNT(*) AS n
  FROM kpi_target_closure AS closure
  INNER JOIN numbered
    ON numbered.target_id = closure.target_id
  WHERE closure.is_self = 0
  GROUP BY numbered.learner_id, closure.ancestor_id, numbered.state_no
),

-- All other scopes: counted by cohort first, where there are few rows left to spread over targets and scopes.
cohort_count AS (
  SELECT /*+ NO_MERGE(numbered) */
    cohort.cohort_id,
    numbered.target_id,
    numbered.state_no,
    COUNT(*) AS n
  FROM cohort
  INNER JOIN numbered
    ON numbered.learner_id = cohort.learner_id
  GROUP BY cohort.cohort_id, numbered.target_id, numbered.state_no
),

cohort_target_count AS (
  SELECT /*+ NO_INDEX(closure) */
    cohort_count.cohort_id,
    closure.ancestor_id AS target_id,
    cohort_count.state_no,
    SUM(cohort_count.n) AS n
  FROM kpi_target_closure AS closure
  INNER JOIN cohort_count
    ON cohort_count.target_id = closure.target_id
  GROUP BY cohort_count.cohort_id, closure.ancestor_id, cohort_count.state_no
),

scope_count AS (
  SELECT
    member.scope_id,
    learner_count.target_id,
    learner_count.state_no,
    learner_count.n
  FROM learner_count
  INNER JOIN member
    ON member.learner_id = learner_count.learner_id
    AND member.scope_type = 'APPRENANT'
  UNION ALL
  SELECT
    member.scope_id,
    cohort_target_count.target_id,
    cohort_target_count.state_no,
    SUM(cohort_target_count.n) AS n
  FROM cohort_target_count
  INNER JOIN member
    ON member.learner_id = cohort_target_count.cohort_id
    AND member.scope_type <> 'APPRENANT'
  GROUP BY member.scope_id, cohort_target_count.target_id, cohort_target_count.state_no
),

state_sum AS (
  SELECT
    scope_count.scope_id,
    scope_count.target_id,
    state.domain,
    state.state_code,
    state_order.state_ordre,
    scope_count.n AS whole
  FROM scope_count
  INNER JOIN state
    ON state.state_no = scope_count.state_no
  INNER JOIN state_order
    ON state_order.domain = state.domain
    AND state_order.state_code = state.state_code
)

SELECT
  scope_id,
  target_id,
  domain,
  state_code,
  state_ordre,
  whole AS count
FROM state_sum
) AS figure;

-- step: kpi_state_count: count | phase=write table=kpi_state_count does=count
SELECT
  (
    SELECT COUNT(*)
    FROM kpi_state_count AS existing
    WHERE
      existing.date_id = %(date_id)s
      AND existing.period = %(period)s
  ) AS n_stored,
  COUNT(*) AS n_staged,
  COUNT(same.state_code) AS n_matched
FROM stage_kpi_state_count AS fresh
LEFT JOIN kpi_state_count AS same
  ON same.date_id = %(date_id)s
  AND same.period = %(period)s
  AND same.scope_id = fresh.scope_id
  AND same.target_id = fresh.target_id
  AND same.domain = fresh.domain
  AND same.state_code = fresh.state_code
WHERE fresh.date_id = %(date_id)s;

-- step: kpi_state_count: update differences | phase=write table=kpi_state_count does=update
UPDATE /*+ NO_MERGE(new) */ kpi_state_count AS stale
INNER JOIN (
  SELECT
    fresh.scope_id,
    fresh.target_id,
    fresh.domain,
    fresh.state_code,
    fresh.state_ordre,
    fresh.count
  FROM stage_kpi_state_count AS fresh
  INNER JOIN kpi_state_count AS existing
    ON existing.date_id = %(date_id)s
    AND existing.period = %(period)s
    AND existing.scope_id = fresh.scope_id
    AND existing.target_id = fresh.target_id
    AND existing.domain = fresh.domain
    AND existing.state_code = fresh.state_code
  WHERE
    fresh.date_id = %(date_id)s
    AND NOT (
      existing.state_ordre <=> fresh.state_ordre
      AND existing.count <=> fresh.count
    )
) AS new
  ON stale.date_id = %(date_id)s
  AND stale.period = %(period)s
  AND stale.scope_id = new.scope_id
  AND stale.target_id = new.target_id
  AND stale.domain = new.domain
  AND stale.state_code = new.state_code
SET
  stale.state_ordre = new.state_ordre,
  stale.count = new.count;

-- step: kpi_state_count: insert missing | phase=write table=kpi_state_count does=insert
INSERT INTO kpi_state_count (date_id, period, scope_id, target_id, domain, state_code, state_ordre, count)
SELECT
  %(date_id)s,
  %(period)s,
  fresh.scope_id,
  fresh.target_id,
  fresh.domain,
  fresh.state_code,
  fresh.state_ordre,
  fresh.count
FROM stage_kpi_state_count AS fresh
LEFT JOIN kpi_state_count AS existing
  ON existing.date_id = %(date_id)s
  AND existing.period = %(period)s
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
  AND existing.domain = fresh.domain
  AND existing.state_code = fresh.state_code
WHERE
  fresh.date_id = %(date_id)s
  AND existing.state_code IS NULL;

-- step: kpi_state_count: delete vanished | phase=write table=kpi_state_count does=delete
DELETE existing
FROM kpi_state_count AS existing
LEFT JOIN stage_kpi_state_count AS fresh
  ON fresh.date_id = %(date_id)s
  AND fresh.scope_id = existing.scope_id
  AND fresh.target_id = existing.target_id
  AND fresh.domain = existing.domain
  AND fresh.state_code = existing.state_code
WHERE
  existing.date_id = %(date_id)s
  AND existing.period = %(period)s
  AND fresh.state_code IS NULL;
