/*
The histogram of states of one day: the script of task kpi_state_count; in mode `range` (range.sql) of many days at once.
*/

-- step: create stage
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

-- step: ETATS
INSERT INTO stage_kpi_state_count (date_id, scope_id, target_id, domain, state_code, state_ordre, count)
/*
code: ETATS
label: Répartition par état
unit: nb
rollup: LAST
description: >
  For each scope and target of any of the six levels: how many (learner, ref) pairs at or below the target are in each
  state at the end of the day, domain by domain. A source row without state counts as UNKNOWN, ordered last (999).
example: >
  A group of 2 learners; a micro-competence with 2 UAs. Of the 4 (learner, UA) pairs 3 are DONE and 1 TODO: on the
  micro-competence the domain UA has DONE 3 and TODO 1; its own domain has one state per learner.
*/
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
  INNER JOIN kpi_scope AS kpi_scope
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
    AND history.domain IN ('MODULE', 'COMPETENCE', 'MICRO_COMPETENCE', 'UA')
),

-- One order for a state in all cells of a day.
state_order AS (
  SELECT
    calendar.date_id,
    used.domain,
    used.state_code,
    MAX(used.state_order) AS state_ordre
  FROM (
    SELECT DISTINCT
      domain,
      state_code,
      state_order,
      first_day,
      last_day
    FROM realisation
  ) AS used
  INNER JOIN kpi_time AS calendar
    ON calendar.date_id >= %(first)s
    AND calendar.date_id <= %(last)s
    AND calendar.date_id >= used.first_day
    AND calendar.date_id <= used.last_day
  GROUP BY calendar.date_id, used.domain, used.state_code
),

-- A number for each state, since integers group several times faster than texts.
state AS (
  SELECT
    domain,
    state_code,
    ROW_NUMBER() OVER (ORDER BY domain, state_code) AS state_no
  FROM state_order
  GROUP BY domain, state_code
),

-- Each realisation by numbers alone.
observation AS (
  SELECT /*+ NO_INDEX(own) */
    realisation.learner_id,
    own.target_id,
    state.state_no,
    realisation.first_day,
    realisation.last_day
  FROM state
  INNER JOIN realisation
    ON realisation.domain = state.domain
    AND realisation.state_code = state.state_code
  INNER JOIN kpi_target_closure AS own
    ON own.target_type = realisation.domain
    AND own.ref_id = realisation.ref_id
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
  SELECT /*+ NO_MERGE(observation) */
    learner_id,
    target_id,
    state_no,
    1 AS n
  FROM observation
  UNION ALL
  SELECT /*+ NO_INDEX(closure) NO_MERGE(observation) */
    observation.learner_id,
    closure.ancestor_id AS target_id,
    observation.state_no,
    COUNT(*) AS n
  FROM kpi_target_closure AS closure
  INNER JOIN observation
    ON observation.target_id = closure.target_id
  WHERE closure.is_self = 0
  GROUP BY observation.learner_id, closure.ancestor_id, observation.state_no
),

-- All other scopes: counted by cohort first, where there are few rows left to spread over targets and scopes.
cohort_count AS (
  SELECT /*+ NO_MERGE(observation) */
    cohort.cohort_id,
    observation.target_id,
    observation.state_no,
    COUNT(*) AS n
  FROM cohort
  INNER JOIN observation
    ON observation.learner_id = cohort.learner_id
  GROUP BY cohort.cohort_id, observation.target_id, observation.state_no
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
)

SELECT
  %(date_id)s AS date_id,
  scope_count.scope_id,
  scope_count.target_id,
  state.domain,
  state.state_code,
  state_order.state_ordre,
  scope_count.n
FROM scope_count
INNER JOIN state
  ON state.state_no = scope_count.state_no
INNER JOIN state_order
  ON state_order.domain = state.domain
  AND state_order.state_code = state.state_code;

-- step: count staged
SELECT COUNT(*)
FROM stage_kpi_state_count
WHERE date_id = %(date_id)s;

-- step: count stored
SELECT COUNT(*)
FROM kpi_state_count AS existing
WHERE
  existing.date_id = %(date_id)s
  AND existing.period = %(period)s;

-- step: write differences
INSERT INTO kpi_state_count (date_id, period, scope_id, target_id, domain, state_code, state_ordre, count)
SELECT
  new.date_id,
  new.period,
  new.scope_id,
  new.target_id,
  new.domain,
  new.state_code,
  new.state_ordre,
  new.count
FROM (
  SELECT
    stage.date_id,
    %(period)s AS period,
    stage.scope_id,
    stage.target_id,
    stage.domain,
    stage.state_code,
    stage.state_ordre,
    stage.count
  FROM stage_kpi_state_count AS stage
  LEFT JOIN kpi_state_count AS existing
    ON existing.date_id = %(date_id)s
    AND existing.period = %(period)s
    AND existing.scope_id = stage.scope_id
    AND existing.target_id = stage.target_id
    AND existing.domain = stage.domain
    AND existing.state_code = stage.state_code
  WHERE
    stage.date_id = %(date_id)s
    AND (
      existing.scope_id IS NULL
      OR NOT (existing.state_ordre <=> stage.state_ordre)
      OR NOT (existing.count <=> stage.count)
    )
) AS new
ON DUPLICATE KEY UPDATE
  state_ordre = new.state_ordre,
  count = new.count;

-- step: delete vanished
DELETE existing
FROM kpi_state_count AS existing
LEFT JOIN stage_kpi_state_count AS stage
  ON stage.date_id = %(date_id)s
  AND stage.scope_id = existing.scope_id
  AND stage.target_id = existing.target_id
  AND stage.domain = existing.domain
  AND stage.state_code = existing.state_code
WHERE
  existing.date_id = %(date_id)s
  AND existing.period = %(period)s
  AND stage.scope_id IS NULL;
