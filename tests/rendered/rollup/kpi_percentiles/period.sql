/*
The median, 75th and 90th percentiles of the delays of one week or month, from the history (RECOMPUTE): there is no percentile of
percentiles.
*/

-- step: create stage
CREATE TEMPORARY TABLE IF NOT EXISTS stage_kpi_percentiles (
  date_id DATE NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  measure_code ENUM('DELAI_ACQUIS_MICRO', 'DELAI_ACQUIS_COMP', 'DELAI_FEEDBACK') NOT NULL,
  p50 DECIMAL(12, 4),
  p75 DECIMAL(12, 4),
  p90 DECIMAL(12, 4),
  sample_size INT,
  PRIMARY KEY (date_id, scope_id, target_id, measure_code)
) COLLATE utf8mb4_0900_ai_ci;

-- step: create closing
CREATE TEMPORARY TABLE IF NOT EXISTS stage_closing (
  scope_id BIGINT PRIMARY KEY,
  as_of DATE NOT NULL,
  done_days INT NOT NULL,
  is_over TINYINT(1) NOT NULL,
  KEY idx_as_of (as_of)
) COLLATE utf8mb4_0900_ai_ci;

-- step: prepare closing
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

told AS (
  SELECT MAX(date_id) AS as_of
  FROM done_day
),

closing AS (
  SELECT
    kpi_scope.id AS scope_id,
    MAX(day.date_id) AS as_of,
    MAX(told.as_of) = %(last)s AS is_over
  FROM told
  INNER JOIN kpi_time AS day
    ON day.date_id >= %(first)s
    AND day.date_id <= told.as_of
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

-- step: closing days
SELECT
  as_of,
  IF(COUNT(*) <= 1000, GROUP_CONCAT(scope_id), NULL) AS closing_scopes
FROM stage_closing
GROUP BY as_of
ORDER BY as_of;

-- step: each closing day: DELAI_ACQUIS_MICRO
INSERT INTO stage_kpi_percentiles (date_id, measure_code, scope_id, target_id, p50, p75, p90, sample_size)
SELECT
  %(date_id)s,
  'DELAI_ACQUIS_MICRO',
  figure.scope_id,
  figure.target_id,
  figure.p50,
  figure.p75,
  figure.p90,
  figure.sample_size
FROM (
/*
code: DELAI_ACQUIS_MICRO
label: "Délais d'acquisition des micro-compétences"
unit: jours
rollup: RECOMPUTE
description: >
  Median, 75th and 90th percentiles, by linear interpolation, of the time in days of 24 h from start to end of the
  micro-competences at or below the target that were finished within the period and are final at its end.
example: >
  Delays of 1, 2, 3 and 10 days: p50 = 2.5000, p75 = 4.7500, p90 = 7.9000, sample_size = 4.
*/
WITH realisation AS (
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

acquired AS (
  SELECT
    realisation.learner_id,
    realisation.domain,
    realisation.ref_id,
    CONCAT(realisation.learner_id, ':', realisation.ref_id) AS event_id,
    TIMESTAMPDIFF(MICROSECOND, realisation.started_at, realisation.finished_at) AS microseconds,
    realisation.reconstructed,
    realisation.first_day,
    realisation.last_day
  FROM kpi_time AS window_start
  INNER JOIN kpi_time AS window_end
    ON window_end.date_id = %(as_of)s
  INNER JOIN realisation
    ON realisation.finished_at >= window_start.utc_start
    AND realisation.finished_at < window_end.utc_end
  WHERE
    window_start.date_id = (
      SELECT MIN(kpi_time.date_id)
      FROM kpi_time
      WHERE kpi_time.date_id >= %(since)s
    )
    AND realisation.is_final = 1
    AND realisation.started_at IS NOT NULL
),

delay AS (
  SELECT
    learner_id,
    domain,
    ref_id,
    event_id,
    microseconds,
    reconstructed,
    DATE '1900-01-01' AS first_day,
    DATE '9999-12-31' AS last_day
  FROM acquired
),

member AS (
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
    AND (%(closing_scopes)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(closing_scopes)s) > 0)
  WHERE day.date_id = %(as_of)s
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
,

ranked AS (
  SELECT
    scope_id, target_id,
    microseconds,
    reconstructed,
    ROW_NUMBER() OVER (PARTITION BY scope_id, target_id ORDER BY microseconds) - 1 AS place,
    COUNT(*) OVER (PARTITION BY scope_id, target_id) AS n
  FROM sample
)

SELECT
  scope_id, target_id,
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
FROM ranked
GROUP BY scope_id, target_id
) AS figure
INNER JOIN stage_closing
  ON stage_closing.scope_id = figure.scope_id
  AND stage_closing.as_of = %(as_of)s;

-- step: each closing day: DELAI_FEEDBACK
INSERT INTO stage_kpi_percentiles (date_id, measure_code, scope_id, target_id, p50, p75, p90, sample_size)
SELECT
  %(date_id)s,
  'DELAI_FEEDBACK',
  figure.scope_id,
  figure.target_id,
  figure.p50,
  figure.p75,
  figure.p90,
  figure.sample_size
FROM (
/*
code: DELAI_FEEDBACK
label: "Délais de feedback"
unit: heures
rollup: RECOMPUTE
description: >
  Median, 75th and 90th percentiles, by linear interpolation, of the time in hours from a submission to its first feedback,
  over the feedback given within the period on targets at or under the target; a submission counts once per cell.
example: >
  Delays of 2 and 5 hours: p50 = 3.5000, p75 = 4.2500, p90 = 4.7000, sample_size = 2.
*/
WITH answered AS (
  SELECT
    feedback.learner_id,
    feedback.target_type AS domain,
    feedback.target_ref_id AS ref_id,
    CONCAT_WS(':', feedback.kind, feedback.submission_id, feedback.learner_id, feedback.captured_at) AS event_id,
    TIMESTAMPDIFF(MICROSECOND, feedback.submitted_at, feedback.feedback_at) AS microseconds,
    0 AS reconstructed
  FROM kpi_time AS window_start
  INNER JOIN kpi_time AS window_end
    ON window_end.date_id = %(as_of)s
  INNER JOIN kpi_src_feedback AS feedback
    ON feedback.feedback_at >= window_start.utc_start
    AND feedback.feedback_at < window_end.utc_end
  WHERE
    window_start.date_id = (
      SELECT MIN(kpi_time.date_id)
      FROM kpi_time
      WHERE kpi_time.date_id >= %(since)s
    )
    AND feedback.submitted_at IS NOT NULL
),

delay AS (
  SELECT
    learner_id,
    domain,
    ref_id,
    event_id,
    microseconds,
    reconstructed,
    DATE '1900-01-01' AS first_day,
    DATE '9999-12-31' AS last_day
  FROM answered
),

member AS (
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
    AND (%(closing_scopes)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(closing_scopes)s) > 0)
  WHERE day.date_id = %(as_of)s
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
,

ranked AS (
  SELECT
    scope_id, target_id,
    microseconds,
    reconstructed,
    ROW_NUMBER() OVER (PARTITION BY scope_id, target_id ORDER BY microseconds) - 1 AS place,
    COUNT(*) OVER (PARTITION BY scope_id, target_id) AS n
  FROM sample
)

SELECT
  scope_id, target_id,
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
FROM ranked
GROUP BY scope_id, target_id
) AS figure
INNER JOIN stage_closing
  ON stage_closing.scope_id = figure.scope_id
  AND stage_closing.as_of = %(as_of)s;

-- step: count staged
SELECT COUNT(*)
FROM stage_kpi_percentiles
WHERE date_id = %(date_id)s;

-- step: count stored
SELECT COUNT(*)
FROM kpi_percentiles AS existing
INNER JOIN kpi_scope
  ON kpi_scope.id = existing.scope_id
  AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
    AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0)
WHERE
  existing.date_id = %(date_id)s
  AND existing.period = %(period)s;

-- step: write differences
INSERT INTO kpi_percentiles (date_id, period, scope_id, target_id, measure_code, p50, p75, p90, sample_size)
SELECT
  new.date_id,
  new.period,
  new.scope_id,
  new.target_id,
  new.measure_code,
  new.p50,
  new.p75,
  new.p90,
  new.sample_size
FROM (
  SELECT
    stage.date_id,
    %(period)s AS period,
    stage.scope_id,
    stage.target_id,
    stage.measure_code,
    stage.p50,
    stage.p75,
    stage.p90,
    stage.sample_size
  FROM stage_kpi_percentiles AS stage
  LEFT JOIN kpi_percentiles AS existing
    ON existing.date_id = %(date_id)s
    AND existing.period = %(period)s
    AND existing.scope_id = stage.scope_id
    AND existing.target_id = stage.target_id
    AND existing.measure_code = stage.measure_code
  WHERE
    stage.date_id = %(date_id)s
    AND (
      existing.scope_id IS NULL
      OR NOT (existing.p50 <=> stage.p50)
      OR NOT (existing.p75 <=> stage.p75)
      OR NOT (existing.p90 <=> stage.p90)
      OR NOT (existing.sample_size <=> stage.sample_size)
    )
) AS new
ON DUPLICATE KEY UPDATE
  p50 = new.p50,
  p75 = new.p75,
  p90 = new.p90,
  sample_size = new.sample_size;

-- step: delete vanished
DELETE existing
FROM kpi_percentiles AS existing
INNER JOIN kpi_scope
  ON kpi_scope.id = existing.scope_id
  AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
    AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0)
LEFT JOIN stage_kpi_percentiles AS stage
  ON stage.date_id = %(date_id)s
  AND stage.scope_id = existing.scope_id
  AND stage.target_id = existing.target_id
  AND stage.measure_code = existing.measure_code
WHERE
  existing.date_id = %(date_id)s
  AND existing.period = %(period)s
  AND stage.scope_id IS NULL;
