/*
The rows of kpi_value of one week or month: its task of kpi_rollup.
*/

-- step: stage_kpi_value | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_kpi_value (
  date_id DATE NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  metric_id BIGINT NOT NULL,
  value_num DECIMAL(12, 4),
  numerator BIGINT,
  denominator BIGINT,
  sample_size INT,
  extra_json JSON,
  PRIMARY KEY (date_id, scope_id, target_id, metric_id)
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

-- step: LAST
INSERT INTO stage_kpi_value (date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  %(date_id)s,
  fact.scope_id,
  fact.target_id,
  fact.metric_id,
  fact.value_num,
  fact.numerator,
  fact.denominator,
  fact.sample_size,
  JSON_MERGE_PATCH(
    COALESCE(fact.extra_json, JSON_OBJECT()),
    JSON_OBJECT('as_of', CAST(stage_closing.as_of AS CHAR), 'days', DATEDIFF(stage_closing.as_of, %(first)s) + 1, 'complete', CAST(IF(stage_closing.is_over, 'true', 'false') AS JSON))
  )
FROM stage_closing
INNER JOIN kpi_value AS fact
  ON fact.date_id = stage_closing.as_of
  AND fact.period = 'D'
  AND fact.scope_id = stage_closing.scope_id
INNER JOIN kpi_metric
  ON kpi_metric.id = fact.metric_id
  AND kpi_metric.code IN ('INACTIVITE_7J', 'PCT_ACQUIS', 'PCT_COUVERTURE_UA', 'PROGRESSION_MOY');

-- step: DELAI_ACQUIS_MICRO | figure=DELAI_ACQUIS_MICRO each=closing
INSERT INTO stage_kpi_value (date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  %(date_id)s,
  figure.scope_id,
  figure.target_id,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = 'DELAI_ACQUIS_MICRO'),
  figure.value_num,
  figure.numerator,
  figure.denominator,
  figure.sample_size,
  JSON_MERGE_PATCH(
    COALESCE(figure.extra_json, JSON_OBJECT()),
    JSON_OBJECT('as_of', CAST(stage_closing.as_of AS CHAR), 'days', DATEDIFF(stage_closing.as_of, %(first)s) + 1, 'complete', CAST(IF(stage_closing.is_over, 'true', 'false') AS JSON))
  )
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
  label: Médiane délais acquisition micro
  label_en: Median time to acquire micro-competences
  unit: jours
  agg: MEDIAN
  counts: flow
  higher_is_better: false
  category: RYTHME
  target_levels: [MICRO_COMPETENCE]
  reads: {realisation: [MICRO_COMPETENCE]}
  rollup: RECOMPUTE
  rolling: {rule: RECOMPUTE, days: [7, 30]}
  description: >
    The median time, in days of 24 h, from start to end of the micro-competences finished within the period and final at its
    end.
  example: >
    Three learners finished a micro-competence today, after 1, 2 and 6 days: value_num = 2.0000, sample_size = 3.
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
    AND closure.ancestor_type IN ('MICRO_COMPETENCE')
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
  ) AS value_num,
  NULL AS numerator,
  NULL AS denominator,
  MAX(n) AS sample_size,
  CASE WHEN SUM(reconstructed) > 0 THEN JSON_OBJECT('reconstructed', CAST(SUM(reconstructed) AS SIGNED)) END AS extra_json
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
INSERT INTO stage_kpi_value (date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  %(date_id)s,
  figure.scope_id,
  figure.target_id,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = 'DELAI_FEEDBACK'),
  figure.value_num,
  figure.numerator,
  figure.denominator,
  figure.sample_size,
  JSON_MERGE_PATCH(
    COALESCE(figure.extra_json, JSON_OBJECT()),
    JSON_OBJECT('as_of', CAST(stage_closing.as_of AS CHAR), 'days', DATEDIFF(stage_closing.as_of, %(first)s) + 1, 'complete', CAST(IF(stage_closing.is_over, 'true', 'false') AS JSON))
  )
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
  label: Médiane délais feedback
  label_en: Median time to feedback
  unit: heures
  agg: MEDIAN
  counts: flow
  higher_is_better: false
  category: FEEDBACK
  target_levels: [MODULE, COMPETENCE, MICRO_COMPETENCE]
  reads: {feedback: [MODULE, COMPETENCE, MICRO_COMPETENCE]}
  rollup: RECOMPUTE
  rolling: {rule: RECOMPUTE, days: [7, 30]}
  description: >
    The median time, in hours, from a submission to its first feedback, over the feedback given within the period on targets
    at or under the target. A submission counts once per scope and target, however many UAs its task hangs on.
  example: >
    Two submissions of a group on a module were answered today, after 2 and 5 hours: value_num = 3.5000, sample_size = 2.
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
    AND closure.ancestor_type IN ('MODULE', 'COMPETENCE', 'MICRO_COMPETENCE')
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
  ) AS value_num,
  NULL AS numerator,
  NULL AS denominator,
  MAX(n) AS sample_size,
  CASE WHEN SUM(reconstructed) > 0 THEN JSON_OBJECT('reconstructed', CAST(SUM(reconstructed) AS SIGNED)) END AS extra_json
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

-- step: kpi_value: count | phase=write table=kpi_value does=count
SELECT
  (
    SELECT COUNT(*)
    FROM kpi_value AS existing

    INNER JOIN kpi_scope
      ON kpi_scope.id = existing.scope_id
      AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
        AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0)
    WHERE
      existing.date_id = %(date_id)s
      AND existing.period = %(period)s
  ) AS n_stored,
  COUNT(*) AS n_staged,
  COUNT(same.metric_id) AS n_matched
FROM stage_kpi_value AS fresh
LEFT JOIN kpi_value AS same
  ON same.date_id = %(date_id)s
  AND same.period = %(period)s
  AND same.scope_id = fresh.scope_id
  AND same.target_id = fresh.target_id
  AND same.metric_id = fresh.metric_id
WHERE fresh.date_id = %(date_id)s;

-- step: kpi_value: update differences | phase=write table=kpi_value does=update
UPDATE /*+ NO_MERGE(new) */ kpi_value AS stale
INNER JOIN (
  SELECT
    fresh.scope_id,
    fresh.target_id,
    fresh.metric_id,
    fresh.value_num,
    fresh.numerator,
    fresh.denominator,
    fresh.sample_size,
    fresh.extra_json
  FROM stage_kpi_value AS fresh
  INNER JOIN kpi_value AS existing
    ON existing.date_id = %(date_id)s
    AND existing.period = %(period)s
    AND existing.scope_id = fresh.scope_id
    AND existing.target_id = fresh.target_id
    AND existing.metric_id = fresh.metric_id
  WHERE
    fresh.date_id = %(date_id)s
    AND NOT (
      existing.value_num <=> fresh.value_num
      AND existing.numerator <=> fresh.numerator
      AND existing.denominator <=> fresh.denominator
      AND existing.sample_size <=> fresh.sample_size
      AND existing.extra_json <=> fresh.extra_json
    )
) AS new
  ON stale.date_id = %(date_id)s
  AND stale.period = %(period)s
  AND stale.scope_id = new.scope_id
  AND stale.target_id = new.target_id
  AND stale.metric_id = new.metric_id
SET
  stale.value_num = new.value_num,
  stale.numerator = new.numerator,
  stale.denominator = new.denominator,
  stale.sample_size = new.sample_size,
  stale.extra_json = new.extra_json,
  stale.computed_at = UTC_TIMESTAMP();

-- step: kpi_value: insert missing | phase=write table=kpi_value does=insert
INSERT INTO kpi_value (date_id, period, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json, computed_at)
SELECT
  %(date_id)s,
  %(period)s,
  fresh.scope_id,
  fresh.target_id,
  fresh.metric_id,
  fresh.value_num,
  fresh.numerator,
  fresh.denominator,
  fresh.sample_size,
  fresh.extra_json,
  UTC_TIMESTAMP()
FROM stage_kpi_value AS fresh
LEFT JOIN kpi_value AS existing
  ON existing.date_id = %(date_id)s
  AND existing.period = %(period)s
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
  AND existing.metric_id = fresh.metric_id
WHERE
  fresh.date_id = %(date_id)s
  AND existing.metric_id IS NULL;

-- step: kpi_value: delete vanished | phase=write table=kpi_value does=delete
DELETE existing
FROM kpi_value AS existing

INNER JOIN kpi_scope
  ON kpi_scope.id = existing.scope_id
  AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
    AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0)
LEFT JOIN stage_kpi_value AS fresh
  ON fresh.date_id = %(date_id)s
  AND fresh.scope_id = existing.scope_id
  AND fresh.target_id = existing.target_id
  AND fresh.metric_id = existing.metric_id
WHERE
  existing.date_id = %(date_id)s
  AND existing.period = %(period)s
  AND fresh.metric_id IS NULL;
