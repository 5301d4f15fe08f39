/*
The rolling windows of kpi_value that end with the days %(first)s to %(last)s: the task windows of kpi_rollup.
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

-- step: DELAI_ACQUIS_MICRO_R7 | figure=DELAI_ACQUIS_MICRO
INSERT INTO stage_kpi_value (date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  figure.date_id,
  figure.scope_id,
  figure.target_id,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = 'DELAI_ACQUIS_MICRO_R7'),
  figure.value_num,
  figure.numerator,
  figure.denominator,
  figure.sample_size,
  JSON_MERGE_PATCH(
    COALESCE(figure.extra_json, JSON_OBJECT()),
    JSON_OBJECT('as_of', CAST(figure.date_id AS CHAR), 'days', 7, 'complete', CAST(IF(TRUE, 'true', 'false') AS JSON))
  )
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

happened AS (
  SELECT
    event.learner_id,
    event.domain,
    event.ref_id,
    event.event_id,
    TIMESTAMPDIFF(MICROSECOND, event.began_at, event.happened_at) AS microseconds,
    event.reconstructed,
    (
      SELECT local_day.date_id + INTERVAL (event.happened_at >= local_day.utc_end) - (event.happened_at < local_day.utc_start) DAY
      FROM kpi_time AS local_day
      WHERE local_day.date_id = DATE(event.happened_at)
    ) AS happened_on,
    event.first_day,
    event.last_day
  FROM kpi_time AS window_start
  INNER JOIN kpi_time AS window_end
    ON window_end.date_id = %(last)s
  INNER JOIN event
    ON event.happened_at >= window_start.utc_start
    AND event.happened_at < window_end.utc_end
  WHERE
    window_start.date_id = (
      SELECT MIN(kpi_time.date_id)
      FROM kpi_time
      WHERE kpi_time.date_id >= %(first)s - INTERVAL 6 DAY
    )
),

delay AS (
  SELECT
    learner_id,
    domain,
    ref_id,
    event_id,
    microseconds,
    reconstructed,
    GREATEST(first_day, happened_on, CAST(%(first)s AS DATE)) AS first_day,
    LEAST(last_day, happened_on + INTERVAL 6 DAY, CAST(%(last)s AS DATE)) AS last_day
  FROM happened
),

sample AS (
  SELECT
    calendar.date_id,
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
    AND member.first_day <= delay.last_day
    AND member.last_day >= delay.first_day
  INNER JOIN kpi_time AS calendar
    ON calendar.date_id >= %(first)s
    AND calendar.date_id <= %(last)s
    AND calendar.date_id >= GREATEST(member.first_day, delay.first_day)
    AND calendar.date_id <= LEAST(member.last_day, delay.last_day)
)

SELECT
  date_id,
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
    date_id,
    scope_id,
    target_id,
    microseconds,
    reconstructed,
    ROW_NUMBER() OVER (PARTITION BY date_id, scope_id, target_id ORDER BY microseconds) - 1 AS place,
    COUNT(*) OVER (PARTITION BY date_id, scope_id, target_id) AS n
  FROM sample
) AS ranked
GROUP BY date_id, scope_id, target_id
) AS figure;

-- step: DELAI_ACQUIS_MICRO_R30 | figure=DELAI_ACQUIS_MICRO
INSERT INTO stage_kpi_value (date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  figure.date_id,
  figure.scope_id,
  figure.target_id,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = 'DELAI_ACQUIS_MICRO_R30'),
  figure.value_num,
  figure.numerator,
  figure.denominator,
  figure.sample_size,
  JSON_MERGE_PATCH(
    COALESCE(figure.extra_json, JSON_OBJECT()),
    JSON_OBJECT('as_of', CAST(figure.date_id AS CHAR), 'days', 30, 'complete', CAST(IF(TRUE, 'true', 'false') AS JSON))
  )
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

happened AS (
  SELECT
    event.learner_id,
    event.domain,
    event.ref_id,
    event.event_id,
    TIMESTAMPDIFF(MICROSECOND, event.began_at, event.happened_at) AS microseconds,
    event.reconstructed,
    (
      SELECT local_day.date_id + INTERVAL (event.happened_at >= local_day.utc_end) - (event.happened_at < local_day.utc_start) DAY
      FROM kpi_time AS local_day
      WHERE local_day.date_id = DATE(event.happened_at)
    ) AS happened_on,
    event.first_day,
    event.last_day
  FROM kpi_time AS window_start
  INNER JOIN kpi_time AS window_end
    ON window_end.date_id = %(last)s
  INNER JOIN event
    ON event.happened_at >= window_start.utc_start
    AND event.happened_at < window_end.utc_end
  WHERE
    window_start.date_id = (
      SELECT MIN(kpi_time.date_id)
      FROM kpi_time
      WHERE kpi_time.date_id >= %(first)s - INTERVAL 29 DAY
    )
),

delay AS (
  SELECT
    learner_id,
    domain,
    ref_id,
    event_id,
    microseconds,
    reconstructed,
    GREATEST(first_day, happened_on, CAST(%(first)s AS DATE)) AS first_day,
    LEAST(last_day, happened_on + INTERVAL 29 DAY, CAST(%(last)s AS DATE)) AS last_day
  FROM happened
),

sample AS (
  SELECT
    calendar.date_id,
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
    AND member.first_day <= delay.last_day
    AND member.last_day >= delay.first_day
  INNER JOIN kpi_time AS calendar
    ON calendar.date_id >= %(first)s
    AND calendar.date_id <= %(last)s
    AND calendar.date_id >= GREATEST(member.first_day, delay.first_day)
    AND calendar.date_id <= LEAST(member.last_day, delay.last_day)
)

SELECT
  date_id,
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
    date_id,
    scope_id,
    target_id,
    microseconds,
    reconstructed,
    ROW_NUMBER() OVER (PARTITION BY date_id, scope_id, target_id ORDER BY microseconds) - 1 AS place,
    COUNT(*) OVER (PARTITION BY date_id, scope_id, target_id) AS n
  FROM sample
) AS ranked
GROUP BY date_id, scope_id, target_id
) AS figure;

-- step: DELAI_FEEDBACK_R7 | figure=DELAI_FEEDBACK
INSERT INTO stage_kpi_value (date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  figure.date_id,
  figure.scope_id,
  figure.target_id,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = 'DELAI_FEEDBACK_R7'),
  figure.value_num,
  figure.numerator,
  figure.denominator,
  figure.sample_size,
  JSON_MERGE_PATCH(
    COALESCE(figure.extra_json, JSON_OBJECT()),
    JSON_OBJECT('as_of', CAST(figure.date_id AS CHAR), 'days', 7, 'complete', CAST(IF(TRUE, 'true', 'false') AS JSON))
  )
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

happened AS (
  SELECT
    event.learner_id,
    event.domain,
    event.ref_id,
    event.event_id,
    TIMESTAMPDIFF(MICROSECOND, event.began_at, event.happened_at) AS microseconds,
    event.reconstructed,
    (
      SELECT local_day.date_id + INTERVAL (event.happened_at >= local_day.utc_end) - (event.happened_at < local_day.utc_start) DAY
      FROM kpi_time AS local_day
      WHERE local_day.date_id = DATE(event.happened_at)
    ) AS happened_on,
    event.first_day,
    event.last_day
  FROM kpi_time AS window_start
  INNER JOIN kpi_time AS window_end
    ON window_end.date_id = %(last)s
  INNER JOIN event
    ON event.happened_at >= window_start.utc_start
    AND event.happened_at < window_end.utc_end
  WHERE
    window_start.date_id = (
      SELECT MIN(kpi_time.date_id)
      FROM kpi_time
      WHERE kpi_time.date_id >= %(first)s - INTERVAL 6 DAY
    )
),

delay AS (
  SELECT
    learner_id,
    domain,
    ref_id,
    event_id,
    microseconds,
    reconstructed,
    GREATEST(first_day, happened_on, CAST(%(first)s AS DATE)) AS first_day,
    LEAST(last_day, happened_on + INTERVAL 6 DAY, CAST(%(last)s AS DATE)) AS last_day
  FROM happened
),

sample AS (
  SELECT DISTINCT
    calendar.date_id,
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
    AND member.first_day <= delay.last_day
    AND member.last_day >= delay.first_day
  INNER JOIN kpi_time AS calendar
    ON calendar.date_id >= %(first)s
    AND calendar.date_id <= %(last)s
    AND calendar.date_id >= GREATEST(member.first_day, delay.first_day)
    AND calendar.date_id <= LEAST(member.last_day, delay.last_day)
)

SELECT
  date_id,
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
    date_id,
    scope_id,
    target_id,
    microseconds,
    reconstructed,
    ROW_NUMBER() OVER (PARTITION BY date_id, scope_id, target_id ORDER BY microseconds) - 1 AS place,
    COUNT(*) OVER (PARTITION BY date_id, scope_id, target_id) AS n
  FROM sample
) AS ranked
GROUP BY date_id, scope_id, target_id
) AS figure;

-- step: DELAI_FEEDBACK_R30 | figure=DELAI_FEEDBACK
INSERT INTO stage_kpi_value (date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  figure.date_id,
  figure.scope_id,
  figure.target_id,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = 'DELAI_FEEDBACK_R30'),
  figure.value_num,
  figure.numerator,
  figure.denominator,
  figure.sample_size,
  JSON_MERGE_PATCH(
    COALESCE(figure.extra_json, JSON_OBJECT()),
    JSON_OBJECT('as_of', CAST(figure.date_id AS CHAR), 'days', 30, 'complete', CAST(IF(TRUE, 'true', 'false') AS JSON))
  )
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

happened AS (
  SELECT
    event.learner_id,
    event.domain,
    event.ref_id,
    event.event_id,
    TIMESTAMPDIFF(MICROSECOND, event.began_at, event.happened_at) AS microseconds,
    event.reconstructed,
    (
      SELECT local_day.date_id + INTERVAL (event.happened_at >= local_day.utc_end) - (event.happened_at < local_day.utc_start) DAY
      FROM kpi_time AS local_day
      WHERE local_day.date_id = DATE(event.happened_at)
    ) AS happened_on,
    event.first_day,
    event.last_day
  FROM kpi_time AS window_start
  INNER JOIN kpi_time AS window_end
    ON window_end.date_id = %(last)s
  INNER JOIN event
    ON event.happened_at >= window_start.utc_start
    AND event.happened_at < window_end.utc_end
  WHERE
    window_start.date_id = (
      SELECT MIN(kpi_time.date_id)
      FROM kpi_time
      WHERE kpi_time.date_id >= %(first)s - INTERVAL 29 DAY
    )
),

delay AS (
  SELECT
    learner_id,
    domain,
    ref_id,
    event_id,
    microseconds,
    reconstructed,
    GREATEST(first_day, happened_on, CAST(%(first)s AS DATE)) AS first_day,
    LEAST(last_day, happened_on + INTERVAL 29 DAY, CAST(%(last)s AS DATE)) AS last_day
  FROM happened
),

sample AS (
  SELECT DISTINCT
    calendar.date_id,
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
    AND member.first_day <= delay.last_day
    AND member.last_day >= delay.first_day
  INNER JOIN kpi_time AS calendar
    ON calendar.date_id >= %(first)s
    AND calendar.date_id <= %(last)s
    AND calendar.date_id >= GREATEST(member.first_day, delay.first_day)
    AND calendar.date_id <= LEAST(member.last_day, delay.last_day)
)

SELECT
  date_id,
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
    date_id,
    scope_id,
    target_id,
    microseconds,
    reconstructed,
    ROW_NUMBER() OVER (PARTITION BY date_id, scope_id, target_id ORDER BY microseconds) - 1 AS place,
    COUNT(*) OVER (PARTITION BY date_id, scope_id, target_id) AS n
  FROM sample
) AS ranked
GROUP BY date_id, scope_id, target_id
) AS figure;

-- step: PCT_ACQUIS_R7 | figure=PCT_ACQUIS
INSERT INTO stage_kpi_value (date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  figure.date_id,
  figure.scope_id,
  figure.target_id,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = 'PCT_ACQUIS_R7'),
  figure.value_num,
  figure.numerator,
  figure.denominator,
  figure.sample_size,
  figure.extra_json
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

-- Members on a day keep a scope's windows; who has none has no window, whatever rows lie in it.
present AS (
  SELECT DISTINCT
    member.scope_id,
    calendar.date_id
  FROM member
  INNER JOIN kpi_time AS calendar
    ON calendar.date_id >= %(first)s
    AND calendar.date_id <= %(last)s
    AND calendar.date_id >= member.first_day
    AND calendar.date_id <= member.last_day
),

done_day AS (
  SELECT date_to AS date_id
  FROM kpi_run
  WHERE
    table_name IN ('kpi_value', 'kpi_state_count', 'kpi_percentiles')
    AND state = 'DONE'
    AND period = 'D'
    AND scopes IS NULL
    AND date_to >= %(first)s - INTERVAL 6 DAY
    AND date_to <= %(last)s
  GROUP BY date_to
  HAVING COUNT(DISTINCT table_name) = 3
),

done_in_window AS (
  SELECT
    calendar.date_id,
    COUNT(*) AS done_days
  FROM kpi_time AS calendar
  INNER JOIN done_day
    ON done_day.date_id > calendar.date_id - INTERVAL 7 DAY
    AND done_day.date_id <= calendar.date_id
  WHERE
    calendar.date_id >= %(first)s
    AND calendar.date_id <= %(last)s
  GROUP BY calendar.date_id
),

fact_span AS (
  SELECT
    fact.scope_id,
    fact.target_id,
    fact.numerator AS numerator,
    fact.denominator AS denominator,
    fact.sample_size AS whole,
    COALESCE(CAST(fact.extra_json ->> '$.reconstructed' AS SIGNED), 0) AS reconstructed,
    GREATEST(fact.date_id, CAST(%(first)s AS DATE)) AS first_day,
    LEAST(fact.date_id + INTERVAL 6 DAY, CAST(%(last)s AS DATE)) AS last_day
  FROM kpi_value AS fact
  INNER JOIN kpi_metric
    ON kpi_metric.id = fact.metric_id
    AND kpi_metric.code = 'PCT_ACQUIS'
  INNER JOIN kpi_scope
    ON kpi_scope.id = fact.scope_id
    AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
    AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0)
  WHERE
    fact.date_id >= %(first)s - INTERVAL 6 DAY
    AND fact.date_id <= %(last)s
    AND fact.period = 'D'
),

fact_difference AS (
  SELECT
    scope_id,
    target_id,
    first_day AS day,
    numerator AS numerator,
    denominator AS denominator,
    whole AS whole,
    reconstructed AS reconstructed
  FROM fact_span
  WHERE first_day <= last_day
  UNION ALL
  SELECT
    scope_id,
    target_id,
    last_day + INTERVAL 1 DAY,
    -(numerator) AS numerator,
    -(denominator) AS denominator,
    -(whole) AS whole,
    -(reconstructed) AS reconstructed
  FROM fact_span
  WHERE
    first_day <= last_day
    AND last_day < %(last)s
),

running AS (
  SELECT
    scope_id,
    target_id,
    day,
    COALESCE(LEAD(day) OVER sofar - INTERVAL 1 DAY, CAST(%(last)s AS DATE)) AS last_day,
    SUM(numerator) OVER sofar AS numerator,
    SUM(denominator) OVER sofar AS denominator,
    SUM(whole) OVER sofar AS whole,
    SUM(reconstructed) OVER sofar AS reconstructed
  FROM fact_difference
  WINDOW sofar AS (PARTITION BY scope_id, target_id ORDER BY day ROWS UNBOUNDED PRECEDING)
),

scope_sum AS (
  SELECT
    calendar.date_id,
    running.scope_id,
    running.target_id,
    running.numerator,
    running.denominator,
    running.whole,
    running.reconstructed
  FROM running
  INNER JOIN kpi_time AS calendar
    ON calendar.date_id >= %(first)s
    AND calendar.date_id <= %(last)s
    AND calendar.date_id >= running.day
    AND calendar.date_id <= running.last_day
  WHERE running.whole > 0
)

SELECT
  added.date_id,
  added.scope_id,
  added.target_id,
  ROUND(100 * added.numerator / added.denominator, 4) AS value_num,
  added.numerator AS numerator,
  added.denominator AS denominator,
  added.whole AS sample_size,
  JSON_MERGE_PATCH(
    COALESCE(IF(added.reconstructed > 0, JSON_OBJECT('reconstructed', CAST(added.reconstructed AS SIGNED)), NULL), JSON_OBJECT()),
    JSON_OBJECT('as_of', CAST(added.date_id AS CHAR), 'days', done_in_window.done_days, 'complete', CAST(IF(done_in_window.done_days = 7, 'true', 'false') AS JSON))
  ) AS extra_json
FROM scope_sum AS added
INNER JOIN present
  ON present.scope_id = added.scope_id
  AND present.date_id = added.date_id
INNER JOIN done_in_window
  ON done_in_window.date_id = added.date_id
) AS figure;

-- step: PCT_ACQUIS_R30 | figure=PCT_ACQUIS
INSERT INTO stage_kpi_value (date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  figure.date_id,
  figure.scope_id,
  figure.target_id,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = 'PCT_ACQUIS_R30'),
  figure.value_num,
  figure.numerator,
  figure.denominator,
  figure.sample_size,
  figure.extra_json
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

-- Members on a day keep a scope's windows; who has none has no window, whatever rows lie in it.
present AS (
  SELECT DISTINCT
    member.scope_id,
    calendar.date_id
  FROM member
  INNER JOIN kpi_time AS calendar
    ON calendar.date_id >= %(first)s
    AND calendar.date_id <= %(last)s
    AND calendar.date_id >= member.first_day
    AND calendar.date_id <= member.last_day
),

done_day AS (
  SELECT date_to AS date_id
  FROM kpi_run
  WHERE
    table_name IN ('kpi_value', 'kpi_state_count', 'kpi_percentiles')
    AND state = 'DONE'
    AND period = 'D'
    AND scopes IS NULL
    AND date_to >= %(first)s - INTERVAL 29 DAY
    AND date_to <= %(last)s
  GROUP BY date_to
  HAVING COUNT(DISTINCT table_name) = 3
),

done_in_window AS (
  SELECT
    calendar.date_id,
    COUNT(*) AS done_days
  FROM kpi_time AS calendar
  INNER JOIN done_day
    ON done_day.date_id > calendar.date_id - INTERVAL 30 DAY
    AND done_day.date_id <= calendar.date_id
  WHERE
    calendar.date_id >= %(first)s
    AND calendar.date_id <= %(last)s
  GROUP BY calendar.date_id
),

fact_span AS (
  SELECT
    fact.scope_id,
    fact.target_id,
    fact.numerator AS numerator,
    fact.denominator AS denominator,
    fact.sample_size AS whole,
    COALESCE(CAST(fact.extra_json ->> '$.reconstructed' AS SIGNED), 0) AS reconstructed,
    GREATEST(fact.date_id, CAST(%(first)s AS DATE)) AS first_day,
    LEAST(fact.date_id + INTERVAL 29 DAY, CAST(%(last)s AS DATE)) AS last_day
  FROM kpi_value AS fact
  INNER JOIN kpi_metric
    ON kpi_metric.id = fact.metric_id
    AND kpi_metric.code = 'PCT_ACQUIS'
  INNER JOIN kpi_scope
    ON kpi_scope.id = fact.scope_id
    AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
    AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0)
  WHERE
    fact.date_id >= %(first)s - INTERVAL 29 DAY
    AND fact.date_id <= %(last)s
    AND fact.period = 'D'
),

fact_difference AS (
  SELECT
    scope_id,
    target_id,
    first_day AS day,
    numerator AS numerator,
    denominator AS denominator,
    whole AS whole,
    reconstructed AS reconstructed
  FROM fact_span
  WHERE first_day <= last_day
  UNION ALL
  SELECT
    scope_id,
    target_id,
    last_day + INTERVAL 1 DAY,
    -(numerator) AS numerator,
    -(denominator) AS denominator,
    -(whole) AS whole,
    -(reconstructed) AS reconstructed
  FROM fact_span
  WHERE
    first_day <= last_day
    AND last_day < %(last)s
),

running AS (
  SELECT
    scope_id,
    target_id,
    day,
    COALESCE(LEAD(day) OVER sofar - INTERVAL 1 DAY, CAST(%(last)s AS DATE)) AS last_day,
    SUM(numerator) OVER sofar AS numerator,
    SUM(denominator) OVER sofar AS denominator,
    SUM(whole) OVER sofar AS whole,
    SUM(reconstructed) OVER sofar AS reconstructed
  FROM fact_difference
  WINDOW sofar AS (PARTITION BY scope_id, target_id ORDER BY day ROWS UNBOUNDED PRECEDING)
),

scope_sum AS (
  SELECT
    calendar.date_id,
    running.scope_id,
    running.target_id,
    running.numerator,
    running.denominator,
    running.whole,
    running.reconstructed
  FROM running
  INNER JOIN kpi_time AS calendar
    ON calendar.date_id >= %(first)s
    AND calendar.date_id <= %(last)s
    AND calendar.date_id >= running.day
    AND calendar.date_id <= running.last_day
  WHERE running.whole > 0
)

SELECT
  added.date_id,
  added.scope_id,
  added.target_id,
  ROUND(100 * added.numerator / added.denominator, 4) AS value_num,
  added.numerator AS numerator,
  added.denominator AS denominator,
  added.whole AS sample_size,
  JSON_MERGE_PATCH(
    COALESCE(IF(added.reconstructed > 0, JSON_OBJECT('reconstructed', CAST(added.reconstructed AS SIGNED)), NULL), JSON_OBJECT()),
    JSON_OBJECT('as_of', CAST(added.date_id AS CHAR), 'days', done_in_window.done_days, 'complete', CAST(IF(done_in_window.done_days = 30, 'true', 'false') AS JSON))
  ) AS extra_json
FROM scope_sum AS added
INNER JOIN present
  ON present.scope_id = added.scope_id
  AND present.date_id = added.date_id
INNER JOIN done_in_window
  ON done_in_window.date_id = added.date_id
) AS figure;

-- step: PROGRESSION_MOY_R7 | figure=PROGRESSION_MOY
INSERT INTO stage_kpi_value (date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  figure.date_id,
  figure.scope_id,
  figure.target_id,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = 'PROGRESSION_MOY_R7'),
  figure.value_num,
  figure.numerator,
  figure.denominator,
  figure.sample_size,
  figure.extra_json
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

-- Members on a day keep a scope's windows; who has none has no window, whatever rows lie in it.
present AS (
  SELECT DISTINCT
    member.scope_id,
    calendar.date_id
  FROM member
  INNER JOIN kpi_time AS calendar
    ON calendar.date_id >= %(first)s
    AND calendar.date_id <= %(last)s
    AND calendar.date_id >= member.first_day
    AND calendar.date_id <= member.last_day
),

done_day AS (
  SELECT date_to AS date_id
  FROM kpi_run
  WHERE
    table_name IN ('kpi_value', 'kpi_state_count', 'kpi_percentiles')
    AND state = 'DONE'
    AND period = 'D'
    AND scopes IS NULL
    AND date_to >= %(first)s - INTERVAL 6 DAY
    AND date_to <= %(last)s
  GROUP BY date_to
  HAVING COUNT(DISTINCT table_name) = 3
),

done_in_window AS (
  SELECT
    calendar.date_id,
    COUNT(*) AS done_days
  FROM kpi_time AS calendar
  INNER JOIN done_day
    ON done_day.date_id > calendar.date_id - INTERVAL 7 DAY
    AND done_day.date_id <= calendar.date_id
  WHERE
    calendar.date_id >= %(first)s
    AND calendar.date_id <= %(last)s
  GROUP BY calendar.date_id
),

fact_span AS (
  SELECT
    fact.scope_id,
    fact.target_id,
    fact.value_num * fact.sample_size AS weighted,
    fact.sample_size AS whole,
    COALESCE(CAST(fact.extra_json ->> '$.reconstructed' AS SIGNED), 0) AS reconstructed,
    GREATEST(fact.date_id, CAST(%(first)s AS DATE)) AS first_day,
    LEAST(fact.date_id + INTERVAL 6 DAY, CAST(%(last)s AS DATE)) AS last_day
  FROM kpi_value AS fact
  INNER JOIN kpi_metric
    ON kpi_metric.id = fact.metric_id
    AND kpi_metric.code = 'PROGRESSION_MOY'
  INNER JOIN kpi_scope
    ON kpi_scope.id = fact.scope_id
    AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
    AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0)
  WHERE
    fact.date_id >= %(first)s - INTERVAL 6 DAY
    AND fact.date_id <= %(last)s
    AND fact.period = 'D'
),

fact_difference AS (
  SELECT
    scope_id,
    target_id,
    first_day AS day,
    weighted AS weighted,
    whole AS whole,
    reconstructed AS reconstructed
  FROM fact_span
  WHERE first_day <= last_day
  UNION ALL
  SELECT
    scope_id,
    target_id,
    last_day + INTERVAL 1 DAY,
    -(weighted) AS weighted,
    -(whole) AS whole,
    -(reconstructed) AS reconstructed
  FROM fact_span
  WHERE
    first_day <= last_day
    AND last_day < %(last)s
),

running AS (
  SELECT
    scope_id,
    target_id,
    day,
    COALESCE(LEAD(day) OVER sofar - INTERVAL 1 DAY, CAST(%(last)s AS DATE)) AS last_day,
    SUM(weighted) OVER sofar AS weighted,
    SUM(whole) OVER sofar AS whole,
    SUM(reconstructed) OVER sofar AS reconstructed
  FROM fact_difference
  WINDOW sofar AS (PARTITION BY scope_id, target_id ORDER BY day ROWS UNBOUNDED PRECEDING)
),

scope_sum AS (
  SELECT
    calendar.date_id,
    running.scope_id,
    running.target_id,
    running.weighted,
    running.whole,
    running.reconstructed
  FROM running
  INNER JOIN kpi_time AS calendar
    ON calendar.date_id >= %(first)s
    AND calendar.date_id <= %(last)s
    AND calendar.date_id >= running.day
    AND calendar.date_id <= running.last_day
  WHERE running.whole > 0
)

SELECT
  added.date_id,
  added.scope_id,
  added.target_id,
  ROUND(added.weighted / added.whole, 4) AS value_num,
  NULL AS numerator,
  NULL AS denominator,
  added.whole AS sample_size,
  JSON_MERGE_PATCH(
    COALESCE(IF(added.reconstructed > 0, JSON_OBJECT('reconstructed', CAST(added.reconstructed AS SIGNED)), NULL), JSON_OBJECT()),
    JSON_OBJECT('as_of', CAST(added.date_id AS CHAR), 'days', done_in_window.done_days, 'complete', CAST(IF(done_in_window.done_days = 7, 'true', 'false') AS JSON))
  ) AS extra_json
FROM scope_sum AS added
INNER JOIN present
  ON present.scope_id = added.scope_id
  AND present.date_id = added.date_id
INNER JOIN done_in_window
  ON done_in_window.date_id = added.date_id
) AS figure;

-- step: PROGRESSION_MOY_R30 | figure=PROGRESSION_MOY
INSERT INTO stage_kpi_value (date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  figure.date_id,
  figure.scope_id,
  figure.target_id,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = 'PROGRESSION_MOY_R30'),
  figure.value_num,
  figure.numerator,
  figure.denominator,
  figure.sample_size,
  figure.extra_json
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

-- Members on a day keep a scope's windows; who has none has no window, whatever rows lie in it.
present AS (
  SELECT DISTINCT
    member.scope_id,
    calendar.date_id
  FROM member
  INNER JOIN kpi_time AS calendar
    ON calendar.date_id >= %(first)s
    AND calendar.date_id <= %(last)s
    AND calendar.date_id >= member.first_day
    AND calendar.date_id <= member.last_day
),

done_day AS (
  SELECT date_to AS date_id
  FROM kpi_run
  WHERE
    table_name IN ('kpi_value', 'kpi_state_count', 'kpi_percentiles')
    AND state = 'DONE'
    AND period = 'D'
    AND scopes IS NULL
    AND date_to >= %(first)s - INTERVAL 29 DAY
    AND date_to <= %(last)s
  GROUP BY date_to
  HAVING COUNT(DISTINCT table_name) = 3
),

done_in_window AS (
  SELECT
    calendar.date_id,
    COUNT(*) AS done_days
  FROM kpi_time AS calendar
  INNER JOIN done_day
    ON done_day.date_id > calendar.date_id - INTERVAL 30 DAY
    AND done_day.date_id <= calendar.date_id
  WHERE
    calendar.date_id >= %(first)s
    AND calendar.date_id <= %(last)s
  GROUP BY calendar.date_id
),

fact_span AS (
  SELECT
    fact.scope_id,
    fact.target_id,
    fact.value_num * fact.sample_size AS weighted,
    fact.sample_size AS whole,
    COALESCE(CAST(fact.extra_json ->> '$.reconstructed' AS SIGNED), 0) AS reconstructed,
    GREATEST(fact.date_id, CAST(%(first)s AS DATE)) AS first_day,
    LEAST(fact.date_id + INTERVAL 29 DAY, CAST(%(last)s AS DATE)) AS last_day
  FROM kpi_value AS fact
  INNER JOIN kpi_metric
    ON kpi_metric.id = fact.metric_id
    AND kpi_metric.code = 'PROGRESSION_MOY'
  INNER JOIN kpi_scope
    ON kpi_scope.id = fact.scope_id
    AND (%(scope_types)s IS NULL OR FIND_IN_SET(kpi_scope.scope_type, %(scope_types)s) > 0)
    AND (%(scope_ids)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(scope_ids)s) > 0)
  WHERE
    fact.date_id >= %(first)s - INTERVAL 29 DAY
    AND fact.date_id <= %(last)s
    AND fact.period = 'D'
),

fact_difference AS (
  SELECT
    scope_id,
    target_id,
    first_day AS day,
    weighted AS weighted,
    whole AS whole,
    reconstructed AS reconstructed
  FROM fact_span
  WHERE first_day <= last_day
  UNION ALL
  SELECT
    scope_id,
    target_id,
    last_day + INTERVAL 1 DAY,
    -(weighted) AS weighted,
    -(whole) AS whole,
    -(reconstructed) AS reconstructed
  FROM fact_span
  WHERE
    first_day <= last_day
    AND last_day < %(last)s
),

running AS (
  SELECT
    scope_id,
    target_id,
    day,
    COALESCE(LEAD(day) OVER sofar - INTERVAL 1 DAY, CAST(%(last)s AS DATE)) AS last_day,
    SUM(weighted) OVER sofar AS weighted,
    SUM(whole) OVER sofar AS whole,
    SUM(reconstructed) OVER sofar AS reconstructed
  FROM fact_difference
  WINDOW sofar AS (PARTITION BY scope_id, target_id ORDER BY day ROWS UNBOUNDED PRECEDING)
),

scope_sum AS (
  SELECT
    calendar.date_id,
    running.scope_id,
    running.target_id,
    running.weighted,
    running.whole,
    running.reconstructed
  FROM running
  INNER JOIN kpi_time AS calendar
    ON calendar.date_id >= %(first)s
    AND calendar.date_id <= %(last)s
    AND calendar.date_id >= running.day
    AND calendar.date_id <= running.last_day
  WHERE running.whole > 0
)

SELECT
  added.date_id,
  added.scope_id,
  added.target_id,
  ROUND(added.weighted / added.whole, 4) AS value_num,
  NULL AS numerator,
  NULL AS denominator,
  added.whole AS sample_size,
  JSON_MERGE_PATCH(
    COALESCE(IF(added.reconstructed > 0, JSON_OBJECT('reconstructed', CAST(added.reconstructed AS SIGNED)), NULL), JSON_OBJECT()),
    JSON_OBJECT('as_of', CAST(added.date_id AS CHAR), 'days', done_in_window.done_days, 'complete', CAST(IF(done_in_window.done_days = 30, 'true', 'false') AS JSON))
  ) AS extra_json
FROM scope_sum AS added
INNER JOIN present
  ON present.scope_id = added.scope_id
  AND present.date_id = added.date_id
INNER JOIN done_in_window
  ON done_in_window.date_id = added.date_id
) AS figure;

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
