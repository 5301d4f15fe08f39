/*
The D rows of kpi_state_count of the days %(first)s to %(last)s at once, for some scopes or all: its task of kpi_backfill.
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
  figure.date_id,
  figure.scope_id,
  figure.target_id,
  figure.domain,
  figure.state_code,
  figure.state_ordre,
  figure.count
FROM (
WITH membership_interval AS (
  SELECT
    membership.scope_type,
    membership.scope_ref_id,
    membership.learner_id,
    GREATEST(membership.valid_from, COALESCE(membership.active_from, membership.valid_from)) AS begins_at,
    LEAST(membership.valid_to, COALESCE(membership.active_to, membership.valid_to)) AS ends_at
  FROM kpi_time AS opening
  INNER JOIN kpi_time AS ending
    ON ending.date_id = %(last)s
  INNER JOIN kpi_src_membership AS membership
    ON membership.valid_to >= opening.utc_end
    AND membership.valid_from < ending.utc_end
  WHERE opening.date_id = %(first)s
),

membership_span AS (
  SELECT
    scope_type,
    scope_ref_id,
    learner_id,
    IF(begins_at < opening.utc_end, opening.date_id, (
      SELECT local_day.date_id + INTERVAL (begins_at >= local_day.utc_end) - (begins_at < local_day.utc_start) DAY
      FROM kpi_time AS local_day
      WHERE local_day.date_id = DATE(begins_at)
    )) AS first_day,
    IF(ends_at >= ending.utc_end, ending.date_id, (
      SELECT local_day.date_id + INTERVAL (ends_at >= local_day.utc_end) - (ends_at < local_day.utc_start) DAY
      FROM kpi_time AS local_day
      WHERE local_day.date_id = DATE(ends_at)
    ) - INTERVAL 1 DAY) AS last_day
  FROM kpi_time AS opening
  INNER JOIN kpi_time AS ending
    ON ending.date_id = %(last)s
  CROSS JOIN membership_interval
  WHERE opening.date_id = %(first)s
),

member AS (
  SELECT
    kpi_scope.id AS scope_id,
    kpi_scope.scope_type,
    membership_span.learner_id,
    membership_span.first_day,
    membership_span.last_day
  FROM membership_span
  INNER JOIN kpi_scope
    ON kpi_scope.scope_type = membership_span.scope_type
    AND kpi_scope.ref_key = membership_span.scope_ref_id
    AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
    AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0)
  WHERE membership_span.first_day <= membership_span.last_day
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
    IF(history.valid_from < opening.utc_end, opening.date_id, (
      SELECT local_day.date_id + INTERVAL (history.valid_from >= local_day.utc_end) - (history.valid_from < local_day.utc_start) DAY
      FROM kpi_time AS local_day
      WHERE local_day.date_id = DATE(history.valid_from)
    )) AS first_day,
    IF(history.valid_to >= ending.utc_end, ending.date_id, (
      SELECT local_day.date_id + INTERVAL (history.valid_to >= local_day.utc_end) - (history.valid_to < local_day.utc_start) DAY
      FROM kpi_time AS local_day
      WHERE local_day.date_id = DATE(history.valid_to)
    ) - INTERVAL 1 DAY) AS last_day
  FROM kpi_time AS opening
  INNER JOIN kpi_time AS ending
    ON ending.date_id = %(last)s
  INNER JOIN kpi_src_realisation AS history IGNORE INDEX (uq_realisation)
    ON history.valid_to >= opening.utc_end
    AND history.valid_from < ending.utc_end
  WHERE
    opening.date_id = %(first)s
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
    FROM observation
  ) AS used
  INNER JOIN kpi_time AS calendar
    ON calendar.date_id >= %(first)s
    AND calendar.date_id <= %(last)s
    AND calendar.date_id >= used.first_day
    AND calendar.date_id <= used.last_day
  GROUP BY calendar.date_id, used.domain, used.state_code
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
),

observation_difference AS (
  SELECT
    learner_id,
    target_id,
    state_no,
    first_day AS day,
    1 AS whole
  FROM numbered
  WHERE first_day <= last_day
  UNION ALL
  SELECT
    learner_id,
    target_id,
    state_no,
    last_day + INTERVAL 1 DAY,
    -(1) AS whole
  FROM numbered
  WHERE
    first_day <= last_day
    AND last_day < %(last)s
),

learner_difference AS (
  SELECT /*+ NO_INDEX(closure) */
    difference.learner_id,
    closure.ancestor_id AS target_id,
    difference.state_no,
    difference.day,
    SUM(difference.whole) AS whole
  FROM kpi_target_closure AS closure
  INNER JOIN observation_difference AS difference
    ON difference.target_id = closure.target_id
  GROUP BY difference.learner_id, closure.ancestor_id, difference.state_no, difference.day
),

state_of_day AS (
  SELECT
    state_order.date_id,
    state.state_no,
    state.domain,
    state.state_code,
    state_order.state_ordre
  FROM state
  INNER JOIN state_order
    ON state_order.domain = state.domain
    AND state_order.state_code = state.state_code
),

cohort_difference AS (
  SELECT /*+ NO_MERGE(learner_difference) */
    cohort.cohort_id,
    learner_difference.target_id,
    learner_difference.state_no,
    learner_difference.day,
    SUM(learner_difference.whole) AS whole
  FROM learner_difference
  INNER JOIN cohort
    ON cohort.learner_id = learner_difference.learner_id
  GROUP BY cohort.cohort_id, learner_difference.target_id, learner_difference.state_no, learner_difference.day
),

scope_difference AS (
  SELECT
    scope_id,
    target_id,
    state_no,
    day,
    SUM(whole) AS whole
  FROM (
    SELECT
      member.scope_id,
      learner_difference.target_id,
      learner_difference.state_no,
      GREATEST(learner_difference.day, member.first_day) AS day,
    learner_difference.whole
    FROM learner_difference
    INNER JOIN member
      ON member.learner_id = learner_difference.learner_id
      AND member.scope_type = 'APPRENANT'
      AND member.last_day >= learner_difference.day
    UNION ALL
    SELECT
      member.scope_id,
      learner_difference.target_id,
      learner_difference.state_no,
      member.last_day + INTERVAL 1 DAY,
    -learner_difference.whole AS whole
    FROM learner_difference
    INNER JOIN member
      ON member.learner_id = learner_difference.learner_id
      AND member.scope_type = 'APPRENANT'
      AND member.last_day >= learner_difference.day
      AND member.last_day < %(last)s
    UNION ALL
    SELECT
      member.scope_id,
      cohort_difference.target_id,
      cohort_difference.state_no,
      GREATEST(cohort_difference.day, member.first_day) AS day,
    cohort_difference.whole
    FROM cohort_difference
    INNER JOIN member
      ON member.learner_id = cohort_difference.cohort_id
      AND member.scope_type <> 'APPRENANT'
      AND member.last_day >= cohort_difference.day
    UNION ALL
    SELECT
      member.scope_id,
      cohort_difference.target_id,
      cohort_difference.state_no,
      member.last_day + INTERVAL 1 DAY,
    -cohort_difference.whole AS whole
    FROM cohort_difference
    INNER JOIN member
      ON member.learner_id = cohort_difference.cohort_id
      AND member.scope_type <> 'APPRENANT'
      AND member.last_day >= cohort_difference.day
      AND member.last_day < %(last)s
  ) AS difference
  GROUP BY scope_id, target_id, state_no, day
),

running AS (
  SELECT
    scope_id,
    target_id,
    state_no,
    day,
    COALESCE(LEAD(day) OVER sofar - INTERVAL 1 DAY, CAST(%(last)s AS DATE)) AS last_day,
    SUM(whole) OVER sofar AS whole
  FROM scope_difference
  WINDOW sofar AS (PARTITION BY scope_id, target_id, state_no ORDER BY day ROWS UNBOUNDED PRECEDING)
),

scope_sum AS (
  SELECT
    calendar.date_id,
    running.scope_id,
    running.target_id,
    running.state_no,
    running.whole
  FROM running
  INNER JOIN kpi_time AS calendar
    ON calendar.date_id >= %(first)s
    AND calendar.date_id <= %(last)s
    AND calendar.date_id >= running.day
    AND calendar.date_id <= running.last_day
  WHERE running.whole > 0
),

-- Each sum has its state. The left join keeps the planner from beginning with the states, and looking the sums up for each day.
state_sum AS (
  SELECT /*+ NO_MERGE(state_of_day) */
    scope_sum.date_id,
    scope_sum.scope_id,
    scope_sum.target_id,
    state_of_day.domain,
    state_of_day.state_code,
    state_of_day.state_ordre,
    scope_sum.whole
  FROM scope_sum
  LEFT JOIN state_of_day
    ON state_of_day.date_id = scope_sum.date_id
    AND state_of_day.state_no = scope_sum.state_no
)

SELECT
  date_id,
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

    INNER JOIN kpi_scope
      ON kpi_scope.id = existing.scope_id
      AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
        AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0)
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

INNER JOIN kpi_scope
  ON kpi_scope.id = existing.scope_id
  AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
    AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0)
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

-- step: count new and changed | phase=compare gives=new_and_changed
SELECT
  COALESCE(SUM(existing.scope_id IS NULL), 0) AS n_new,
  COALESCE(SUM(existing.scope_id IS NOT NULL AND NOT (
    existing.state_ordre <=> fresh.state_ordre
    AND existing.count <=> fresh.count
  )), 0) AS n_changed
FROM stage_kpi_state_count AS fresh
LEFT JOIN kpi_state_count AS existing
  ON existing.date_id = %(date_id)s
  AND existing.period = %(period)s
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
  AND existing.domain = fresh.domain
  AND existing.state_code = fresh.state_code
WHERE fresh.date_id = %(date_id)s;

-- step: count vanished | phase=compare gives=vanished
SELECT COUNT(*)
FROM kpi_state_count AS existing

INNER JOIN kpi_scope
  ON kpi_scope.id = existing.scope_id
  AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
    AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0)
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

-- step: largest changes | phase=compare gives=largest_changes
SELECT
  CONCAT_WS(' ', kpi_scope.scope_type, kpi_scope.ref_id) AS scope,
  CONCAT_WS(' ', kpi_target.target_type, kpi_target.ref_id) AS target,
  fresh.domain,
  fresh.state_code,
  existing.count AS was,
  fresh.count AS becomes
FROM stage_kpi_state_count AS fresh
INNER JOIN kpi_state_count AS existing
  ON existing.date_id = %(date_id)s
  AND existing.period = %(period)s
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
  AND existing.domain = fresh.domain
  AND existing.state_code = fresh.state_code
INNER JOIN kpi_scope
  ON kpi_scope.id = fresh.scope_id
INNER JOIN kpi_target
  ON kpi_target.id = fresh.target_id
WHERE
  fresh.date_id = %(date_id)s
  AND NOT (existing.count <=> fresh.count)
ORDER BY ABS(fresh.count - existing.count) DESC, fresh.scope_id ASC, fresh.target_id ASC
LIMIT 5;
