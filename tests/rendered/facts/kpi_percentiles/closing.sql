/*
The rows of kpi_percentiles of one week or month: its task of kpi_rollup.
*/

-- step: stage_kpi_percentiles | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_kpi_percentiles (
  date_id DATE NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  measure_code VARCHAR(64) NOT NULL,
  p50 DECIMAL(12, 4),
  p75 DECIMAL(12, 4),
  p90 DECIMAL(12, 4),
  sample_size INT,
  PRIMARY KEY (date_id, scope_id, target_id, measure_code)
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

-- step: DELAI_ACQUIS_MICRO | figure=DELAI_ACQUIS_MICRO each=closing
INSERT INTO stage_kpi_percentiles (date_id, scope_id, target_id, measure_code, p50, p75, p90, sample_size)
SELECT
  %(date_id)s,
  figure.scope_id,
  figure.target_id,
  'DELAI_ACQUIS_MICRO',
  figure.p50,
  figure.p75,
  figure.p90,
  figure.sample_size
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
    AND history.domain IN ('MICRO_COMPETENCE')
),

event AS (
  /*
  code: DELAI_ACQUIS_MICRO
  label: "Délais d'acquisition des micro-compétences"
  label_en: Time to acquire micro-competences
  unit: jours
  agg: PERCENTILE
  target_levels: [GLOBAL, MODULE, COMPETENCE, MICRO_COMPETENCE]
  reads: {realisation: [MICRO_COMPETENCE]}
  rollup: RECOMPUTE
  description: >
    Median, 75th and 90th percentiles, by linear interpolation, of the time in days of 24 h from start to end of the
    micro-competences at or below the target that were finished within the period and are final at its end.
  example: >
    Delays of 1, 2, 3 and 10 days: p50 = 2.5000, p75 = 4.7500, p90 = 7.9000, sample_size = 4.
  */
  SELECT
    learner_id,
    domain,
    ref_id,
    CONCAT(learner_id, ':', ref_id) AS event_id,
    started_at AS began_at,
    finished_at AS happened_at,
    reconstructed,
    first_day,
    last_day
  FROM realisation
  WHERE
    is_final = 1
    AND started_at IS NOT NULL
),

delay AS (
  SELECT
    event.learner_id,
    event.domain,
    event.ref_id,
    event.event_id,
    TIMESTAMPDIFF(MICROSECOND, event.began_at, event.happened_at) AS microseconds,
    event.reconstructed
  FROM kpi_time AS window_start
  INNER JOIN kpi_time AS window_end
    ON window_end.date_id = %(as_of)s
  INNER JOIN event
    ON event.happened_at >= window_start.utc_start
    AND event.happened_at < window_end.utc_end
  WHERE
    window_start.date_id = (
      SELECT MIN(kpi_time.date_id)
      FROM kpi_time
      WHERE kpi_time.date_id >= %(since)s
    )
),

sample AS (
  SELECT
    member.scope_id,
    closure.ancestor_id AS target_id,
    delay.event_id,
    delay.microseconds,
    delay.reconstructed
  FROM delay
  INNER JOIN kpi_target_closure AS closure
    ON closure.target_type = delay.domain
    AND closure.ref_id = delay.ref_id
    AND closure.ancestor_type IN ('GLOBAL', 'MODULE', 'COMPETENCE', 'MICRO_COMPETENCE')
  INNER JOIN member
    ON member.learner_id = delay.learner_id
)

SELECT
  scope_id,
  target_id,
  ROUND(
    SUM(
      CASE
        WHEN place = (n - 1) * 50 DIV 100
          THEN microseconds * (100 - MOD((n - 1) * 50, 100))
        WHEN place = (n - 1) * 50 DIV 100 + 1
          THEN microseconds * MOD((n - 1) * 50, 100)
        ELSE 0
      END
    ) * 1.00000000 / (86400000000 * 100),
    4
  ) AS p50,
  ROUND(
    SUM(
      CASE
        WHEN place = (n - 1) * 75 DIV 100
          THEN microseconds * (100 - MOD((n - 1) * 75, 100))
        WHEN place = (n - 1) * 75 DIV 100 + 1
          THEN microseconds * MOD((n - 1) * 75, 100)
        ELSE 0
      END
    ) * 1.00000000 / (86400000000 * 100),
    4
  ) AS p75,
  ROUND(
    SUM(
      CASE
        WHEN place = (n - 1) * 90 DIV 100
          THEN microseconds * (100 - MOD((n - 1) * 90, 100))
        WHEN place = (n - 1) * 90 DIV 100 + 1
          THEN microseconds * MOD((n - 1) * 90, 100)
        ELSE 0
      END
    ) * 1.00000000 / (86400000000 * 100),
    4
  ) AS p90,
  MAX(n) AS sample_size
FROM (
  SELECT
    scope_id,
    target_id,
    microseconds,
    reconstructed,
    ROW_NUMBER() OVER (PARTITION BY scope_id, target_id ORDER BY microseconds) - 1 AS place,
    COUNT(*) OVER (PARTITION BY scope_id, target_id) AS n
  FROM sample
) AS ranked
GROUP BY scope_id, target_id
) AS figure
INNER JOIN stage_closing
  ON stage_closing.scope_id = figure.scope_id
  AND stage_closing.as_of = %(as_of)s;

-- step: DELAI_FEEDBACK | figure=DELAI_FEEDBACK each=closing
INSERT INTO stage_kpi_percentiles (date_id, scope_id, target_id, measure_code, p50, p75, p90, sample_size)
SELECT
  %(date_id)s,
  figure.scope_id,
  figure.target_id,
  'DELAI_FEEDBACK',
  figure.p50,
  figure.p75,
  figure.p90,
  figure.sample_size
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

feedback AS (
  SELECT
    history.learner_id,
    history.kind,
    history.submission_id,
    history.target_type,
    history.target_ref_id,
    history.submitted_at,
    history.feedback_at,
    history.captured_at,
    0 AS reconstructed,
    DATE '1900-01-01' AS first_day,
    DATE '9999-12-31' AS last_day
  FROM kpi_src_feedback AS history
),

event AS (
  /*
  code: DELAI_FEEDBACK
  label: "Délais de feedback"
  label_en: Time to feedback
  unit: heures
  agg: PERCENTILE
  target_levels: [GLOBAL, MODULE, COMPETENCE, MICRO_COMPETENCE]
  reads: {feedback: [MODULE, COMPETENCE, MICRO_COMPETENCE]}
  rollup: RECOMPUTE
  description: >
    Median, 75th and 90th percentiles, by linear interpolation, of the time in hours from a submission to its first feedback,
    over the feedback given within the period on targets at or under the target; a submission counts once per cell.
  example: >
    Delays of 2 and 5 hours: p50 = 3.5000, p75 = 4.2500, p90 = 4.7000, sample_size = 2.
  */
  SELECT
    learner_id,
    target_type AS domain,
    target_ref_id AS ref_id,
    CONCAT_WS(':', kind, submission_id, learner_id, captured_at) AS event_id,
    submitted_at AS began_at,
    feedback_at AS happened_at,
    reconstructed,
    first_day,
    last_day
  FROM feedback
  WHERE submitted_at IS NOT NULL
),

delay AS (
  SELECT
    event.learner_id,
    event.domain,
    event.ref_id,
    event.event_id,
    TIMESTAMPDIFF(MICROSECOND, event.began_at, event.happened_at) AS microseconds,
    event.reconstructed
  FROM kpi_time AS window_start
  INNER JOIN kpi_time AS window_end
    ON window_end.date_id = %(as_of)s
  INNER JOIN event
    ON event.happened_at >= window_start.utc_start
    AND event.happened_at < window_end.utc_end
  WHERE
    window_start.date_id = (
      SELECT MIN(kpi_time.date_id)
      FROM kpi_time
      WHERE kpi_time.date_id >= %(since)s
    )
),

sample AS (
  SELECT DISTINCT
    member.scope_id,
    closure.ancestor_id AS target_id,
    delay.event_id,
    delay.microseconds,
    delay.reconstructed
  FROM delay
  INNER JOIN kpi_target_closure AS closure
    ON closure.target_type = delay.domain
    AND closure.ref_id = delay.ref_id
    AND closure.ancestor_type IN ('GLOBAL', 'MODULE', 'COMPETENCE', 'MICRO_COMPETENCE')
  INNER JOIN member
    ON member.learner_id = delay.learner_id
)

SELECT
  scope_id,
  target_id,
  ROUND(
    SUM(
      CASE
        WHEN place = (n - 1) * 50 DIV 100
          THEN microseconds * (100 - MOD((n - 1) * 50, 100))
        WHEN place = (n - 1) * 50 DIV 100 + 1
          THEN microseconds * MOD((n - 1) * 50, 100)
        ELSE 0
      END
    ) * 1.00000000 / (3600000000 * 100),
    4
  ) AS p50,
  ROUND(
    SUM(
      CASE
        WHEN place = (n - 1) * 75 DIV 100
          THEN microseconds * (100 - MOD((n - 1) * 75, 100))
        WHEN place = (n - 1) * 75 DIV 100 + 1
          THEN microseconds * MOD((n - 1) * 75, 100)
        ELSE 0
      END
    ) * 1.00000000 / (3600000000 * 100),
    4
  ) AS p75,
  ROUND(
    SUM(
      CASE
        WHEN place = (n - 1) * 90 DIV 100
          THEN microseconds * (100 - MOD((n - 1) * 90, 100))
        WHEN place = (n - 1) * 90 DIV 100 + 1
          THEN microseconds * MOD((n - 1) * 90, 100)
        ELSE 0
      END
    ) * 1.00000000 / (3600000000 * 100),
    4
  ) AS p90,
  MAX(n) AS sample_size
FROM (
  SELECT
    scope_id,
    target_id,
    microseconds,
    reconstructed,
    ROW_NUMBER() OVER (PARTITION BY scope_id, target_id ORDER BY microseconds) - 1 AS place,
    COUNT(*) OVER (PARTITION BY scope_id, target_id) AS n
  FROM sample
) AS ranked
GROUP BY scope_id, target_id
) AS figure
INNER JOIN stage_closing
  ON stage_closing.scope_id = figure.scope_id
  AND stage_closing.as_of = %(as_of)s;

-- step: kpi_percentiles: count | phase=write table=kpi_percentiles does=count
SELECT
  (
    SELECT COUNT(*)
    FROM kpi_percentiles AS existing

    INNER JOIN kpi_scope
      ON kpi_scope.id = existing.scope_id
      AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
        AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0)
    WHERE
      existing.date_id = %(date_id)s
      AND existing.period = %(period)s
  ) AS n_stored,
  COUNT(*) AS n_staged,
  COUNT(same.measure_code) AS n_matched
FROM stage_kpi_percentiles AS fresh
LEFT JOIN kpi_percentiles AS same
  ON same.date_id = %(date_id)s
  AND same.period = %(period)s
  AND same.scope_id = fresh.scope_id
  AND same.target_id = fresh.target_id
  AND same.measure_code = fresh.measure_code
WHERE fresh.date_id = %(date_id)s;

-- step: kpi_percentiles: update differences | phase=write table=kpi_percentiles does=update
UPDATE /*+ NO_MERGE(new) */ kpi_percentiles AS stale
INNER JOIN (
  SELECT
    fresh.scope_id,
    fresh.target_id,
    fresh.measure_code,
    fresh.p50,
    fresh.p75,
    fresh.p90,
    fresh.sample_size
  FROM stage_kpi_percentiles AS fresh
  INNER JOIN kpi_percentiles AS existing
    ON existing.date_id = %(date_id)s
    AND existing.period = %(period)s
    AND existing.scope_id = fresh.scope_id
    AND existing.target_id = fresh.target_id
    AND existing.measure_code = fresh.measure_code
  WHERE
    fresh.date_id = %(date_id)s
    AND NOT (
      existing.p50 <=> fresh.p50
      AND existing.p75 <=> fresh.p75
      AND existing.p90 <=> fresh.p90
      AND existing.sample_size <=> fresh.sample_size
    )
) AS new
  ON stale.date_id = %(date_id)s
  AND stale.period = %(period)s
  AND stale.scope_id = new.scope_id
  AND stale.target_id = new.target_id
  AND stale.measure_code = new.measure_code
SET
  stale.p50 = new.p50,
  stale.p75 = new.p75,
  stale.p90 = new.p90,
  stale.sample_size = new.sample_size;

-- step: kpi_percentiles: insert missing | phase=write table=kpi_percentiles does=insert
INSERT INTO kpi_percentiles (date_id, period, scope_id, target_id, measure_code, p50, p75, p90, sample_size)
SELECT
  %(date_id)s,
  %(period)s,
  fresh.scope_id,
  fresh.target_id,
  fresh.measure_code,
  fresh.p50,
  fresh.p75,
  fresh.p90,
  fresh.sample_size
FROM stage_kpi_percentiles AS fresh
LEFT JOIN kpi_percentiles AS existing
  ON existing.date_id = %(date_id)s
  AND existing.period = %(period)s
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
  AND existing.measure_code = fresh.measure_code
WHERE
  fresh.date_id = %(date_id)s
  AND existing.measure_code IS NULL;

-- step: kpi_percentiles: delete vanished | phase=write table=kpi_percentiles does=delete
DELETE existing
FROM kpi_percentiles AS existing

INNER JOIN kpi_scope
  ON kpi_scope.id = existing.scope_id
  AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
    AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0)
LEFT JOIN stage_kpi_percentiles AS fresh
  ON fresh.date_id = %(date_id)s
  AND fresh.scope_id = existing.scope_id
  AND fresh.target_id = existing.target_id
  AND fresh.measure_code = existing.measure_code
WHERE
  existing.date_id = %(date_id)s
  AND existing.period = %(period)s
  AND fresh.measure_code IS NULL;
