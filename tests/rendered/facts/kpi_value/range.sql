/*
The D rows of kpi_value of the days %(first)s to %(last)s at once, for some scopes or all: its task of kpi_backfill.
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

-- step: DELAI_ACQUIS_MICRO | figure=DELAI_ACQUIS_MICRO
INSERT INTO stage_kpi_value (date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  figure.date_id,
  figure.scope_id,
  figure.target_id,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = 'DELAI_ACQUIS_MICRO'),
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
      WHERE kpi_time.date_id >= %(first)s - INTERVAL 0 DAY
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
    LEAST(last_day, happened_on + INTERVAL 0 DAY, CAST(%(last)s AS DATE)) AS last_day
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

-- step: DELAI_FEEDBACK | figure=DELAI_FEEDBACK
INSERT INTO stage_kpi_value (date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  figure.date_id,
  figure.scope_id,
  figure.target_id,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = 'DELAI_FEEDBACK'),
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
      WHERE kpi_time.date_id >= %(first)s - INTERVAL 0 DAY
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
    LEAST(last_day, happened_on + INTERVAL 0 DAY, CAST(%(last)s AS DATE)) AS last_day
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

-- step: INACTIVITE_7J | figure=INACTIVITE_7J
INSERT INTO stage_kpi_value (date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  figure.date_id,
  figure.scope_id,
  figure.target_id,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = 'INACTIVITE_7J'),
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
      COALESCE((
        SELECT local_day.date_id + INTERVAL (last_activity_at >= local_day.utc_end) - (last_activity_at < local_day.utc_start) DAY
        FROM kpi_time AS local_day
        WHERE local_day.date_id = DATE(last_activity_at)
      ) + INTERVAL 7 DAY, DATE '1900-01-01') AS inactive_from
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

observation_difference AS (
  SELECT
    learner_id,
    domain,
    ref_id,
    first_day AS day,
    observation.part AS part,
    1 AS whole,
    observation.reconstructed AS reconstructed
  FROM observation
  WHERE first_day <= last_day
  UNION ALL
  SELECT
    learner_id,
    domain,
    ref_id,
    last_day + INTERVAL 1 DAY,
    -(observation.part) AS part,
    -(1) AS whole,
    -(observation.reconstructed) AS reconstructed
  FROM observation
  WHERE
    first_day <= last_day
    AND last_day < %(last)s
),

learner_difference AS (
  SELECT /*+ NO_INDEX(closure) */
    difference.learner_id,
    closure.ancestor_id AS target_id,
    difference.day,
    SUM(difference.part) AS part,
    SUM(difference.whole) AS whole,
    SUM(difference.reconstructed) AS reconstructed
  FROM kpi_target_closure AS closure
  INNER JOIN observation_difference AS difference
    ON difference.domain = closure.target_type
    AND difference.ref_id = closure.ref_id
  WHERE closure.ancestor_type IN ('COMPETENCE', 'MICRO_COMPETENCE')
  GROUP BY difference.learner_id, closure.ancestor_id, difference.day
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

cohort_difference AS (
  SELECT /*+ NO_MERGE(learner_difference) */
    cohort.cohort_id,
    learner_difference.target_id,
    learner_difference.day,
    SUM(learner_difference.part) AS part,
    SUM(learner_difference.whole) AS whole,
    SUM(learner_difference.reconstructed) AS reconstructed
  FROM learner_difference
  INNER JOIN cohort
    ON cohort.learner_id = learner_difference.learner_id
  GROUP BY cohort.cohort_id, learner_difference.target_id, learner_difference.day
),

scope_difference AS (
  SELECT
    scope_id,
    target_id,
    day,
    SUM(part) AS part,
    SUM(whole) AS whole,
    SUM(reconstructed) AS reconstructed
  FROM (
    SELECT
      member.scope_id,
      learner_difference.target_id,
      GREATEST(learner_difference.day, member.first_day) AS day,
    learner_difference.part,
    learner_difference.whole,
    learner_difference.reconstructed
    FROM learner_difference
    INNER JOIN member
      ON member.learner_id = learner_difference.learner_id
      AND member.scope_type = 'APPRENANT'
      AND member.last_day >= learner_difference.day
    UNION ALL
    SELECT
      member.scope_id,
      learner_difference.target_id,
      member.last_day + INTERVAL 1 DAY,
    -learner_difference.part AS part,
    -learner_difference.whole AS whole,
    -learner_difference.reconstructed AS reconstructed
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
      GREATEST(cohort_difference.day, member.first_day) AS day,
    cohort_difference.part,
    cohort_difference.whole,
    cohort_difference.reconstructed
    FROM cohort_difference
    INNER JOIN member
      ON member.learner_id = cohort_difference.cohort_id
      AND member.scope_type <> 'APPRENANT'
      AND member.last_day >= cohort_difference.day
    UNION ALL
    SELECT
      member.scope_id,
      cohort_difference.target_id,
      member.last_day + INTERVAL 1 DAY,
    -cohort_difference.part AS part,
    -cohort_difference.whole AS whole,
    -cohort_difference.reconstructed AS reconstructed
    FROM cohort_difference
    INNER JOIN member
      ON member.learner_id = cohort_difference.cohort_id
      AND member.scope_type <> 'APPRENANT'
      AND member.last_day >= cohort_difference.day
      AND member.last_day < %(last)s
  ) AS difference
  GROUP BY scope_id, target_id, day
),

running AS (
  SELECT
    scope_id,
    target_id,
    day,
    COALESCE(LEAD(day) OVER sofar - INTERVAL 1 DAY, CAST(%(last)s AS DATE)) AS last_day,
    SUM(part) OVER sofar AS part,
    SUM(whole) OVER sofar AS whole,
    SUM(reconstructed) OVER sofar AS reconstructed
  FROM scope_difference
  WINDOW sofar AS (PARTITION BY scope_id, target_id ORDER BY day ROWS UNBOUNDED PRECEDING)
),

scope_sum AS (
  SELECT
    calendar.date_id,
    running.scope_id,
    running.target_id,
    running.part,
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
  date_id,
  scope_id,
  target_id,
  ROUND(100.00000000 * part / whole, 4) AS value_num,
  part AS numerator,
  whole AS denominator,
  whole AS sample_size,
  CASE WHEN reconstructed > 0 THEN JSON_OBJECT('reconstructed', CAST(reconstructed AS SIGNED)) END AS extra_json
FROM scope_sum
) AS figure;

-- step: PCT_ACQUIS | figure=PCT_ACQUIS
INSERT INTO stage_kpi_value (date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  figure.date_id,
  figure.scope_id,
  figure.target_id,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = 'PCT_ACQUIS'),
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

observation_difference AS (
  SELECT
    learner_id,
    domain,
    ref_id,
    first_day AS day,
    observation.part AS part,
    1 AS whole,
    observation.reconstructed AS reconstructed
  FROM observation
  WHERE first_day <= last_day
  UNION ALL
  SELECT
    learner_id,
    domain,
    ref_id,
    last_day + INTERVAL 1 DAY,
    -(observation.part) AS part,
    -(1) AS whole,
    -(observation.reconstructed) AS reconstructed
  FROM observation
  WHERE
    first_day <= last_day
    AND last_day < %(last)s
),

learner_difference AS (
  SELECT /*+ NO_INDEX(closure) */
    difference.learner_id,
    closure.ancestor_id AS target_id,
    difference.day,
    SUM(difference.part) AS part,
    SUM(difference.whole) AS whole,
    SUM(difference.reconstructed) AS reconstructed
  FROM kpi_target_closure AS closure
  INNER JOIN observation_difference AS difference
    ON difference.domain = closure.target_type
    AND difference.ref_id = closure.ref_id
  WHERE closure.ancestor_type IN ('MODULE', 'COMPETENCE')
  GROUP BY difference.learner_id, closure.ancestor_id, difference.day
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

cohort_difference AS (
  SELECT /*+ NO_MERGE(learner_difference) */
    cohort.cohort_id,
    learner_difference.target_id,
    learner_difference.day,
    SUM(learner_difference.part) AS part,
    SUM(learner_difference.whole) AS whole,
    SUM(learner_difference.reconstructed) AS reconstructed
  FROM learner_difference
  INNER JOIN cohort
    ON cohort.learner_id = learner_difference.learner_id
  GROUP BY cohort.cohort_id, learner_difference.target_id, learner_difference.day
),

scope_difference AS (
  SELECT
    scope_id,
    target_id,
    day,
    SUM(part) AS part,
    SUM(whole) AS whole,
    SUM(reconstructed) AS reconstructed
  FROM (
    SELECT
      member.scope_id,
      learner_difference.target_id,
      GREATEST(learner_difference.day, member.first_day) AS day,
    learner_difference.part,
    learner_difference.whole,
    learner_difference.reconstructed
    FROM learner_difference
    INNER JOIN member
      ON member.learner_id = learner_difference.learner_id
      AND member.scope_type = 'APPRENANT'
      AND member.last_day >= learner_difference.day
    UNION ALL
    SELECT
      member.scope_id,
      learner_difference.target_id,
      member.last_day + INTERVAL 1 DAY,
    -learner_difference.part AS part,
    -learner_difference.whole AS whole,
    -learner_difference.reconstructed AS reconstructed
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
      GREATEST(cohort_difference.day, member.first_day) AS day,
    cohort_difference.part,
    cohort_difference.whole,
    cohort_difference.reconstructed
    FROM cohort_difference
    INNER JOIN member
      ON member.learner_id = cohort_difference.cohort_id
      AND member.scope_type <> 'APPRENANT'
      AND member.last_day >= cohort_difference.day
    UNION ALL
    SELECT
      member.scope_id,
      cohort_difference.target_id,
      member.last_day + INTERVAL 1 DAY,
    -cohort_difference.part AS part,
    -cohort_difference.whole AS whole,
    -cohort_difference.reconstructed AS reconstructed
    FROM cohort_difference
    INNER JOIN member
      ON member.learner_id = cohort_difference.cohort_id
      AND member.scope_type <> 'APPRENANT'
      AND member.last_day >= cohort_difference.day
      AND member.last_day < %(last)s
  ) AS difference
  GROUP BY scope_id, target_id, day
),

running AS (
  SELECT
    scope_id,
    target_id,
    day,
    COALESCE(LEAD(day) OVER sofar - INTERVAL 1 DAY, CAST(%(last)s AS DATE)) AS last_day,
    SUM(part) OVER sofar AS part,
    SUM(whole) OVER sofar AS whole,
    SUM(reconstructed) OVER sofar AS reconstructed
  FROM scope_difference
  WINDOW sofar AS (PARTITION BY scope_id, target_id ORDER BY day ROWS UNBOUNDED PRECEDING)
),

scope_sum AS (
  SELECT
    calendar.date_id,
    running.scope_id,
    running.target_id,
    running.part,
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
  date_id,
  scope_id,
  target_id,
  ROUND(100.00000000 * part / whole, 4) AS value_num,
  part AS numerator,
  whole AS denominator,
  whole AS sample_size,
  CASE WHEN reconstructed > 0 THEN JSON_OBJECT('reconstructed', CAST(reconstructed AS SIGNED)) END AS extra_json
FROM scope_sum
) AS figure;

-- step: PCT_COUVERTURE_UA | figure=PCT_COUVERTURE_UA
INSERT INTO stage_kpi_value (date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  figure.date_id,
  figure.scope_id,
  figure.target_id,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = 'PCT_COUVERTURE_UA'),
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
    AND history.domain IN ('UA')
),

plan_interval AS (
  SELECT
    groupe.learner_id,
    plan.ua_ref_id AS ref_id,
    plan.due_on,
    GREATEST(plan.valid_from, groupe.valid_from, COALESCE(groupe.active_from, groupe.valid_from)) AS begins_at,
    LEAST(plan.valid_to, groupe.valid_to, COALESCE(groupe.active_to, groupe.valid_to)) AS ends_at
  FROM kpi_time AS opening
  INNER JOIN kpi_time AS ending
    ON ending.date_id = %(last)s
  INNER JOIN kpi_src_plan AS plan
    ON plan.valid_to >= opening.utc_end
    AND plan.valid_from < ending.utc_end
  INNER JOIN kpi_src_membership AS groupe
    ON groupe.scope_type = plan.scope_type
    AND groupe.scope_ref_id = plan.scope_ref_id
    AND groupe.valid_to >= opening.utc_end
    AND groupe.valid_from < ending.utc_end
  WHERE opening.date_id = %(first)s
),

planned AS (
  SELECT
    learner_id,
    ref_id,
    due_on,
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
  CROSS JOIN plan_interval
  WHERE opening.date_id = %(first)s
),

due AS (
  SELECT
    learner_id,
    ref_id,
    GREATEST(first_day, due_on) AS first_day,
    last_day
  FROM planned
),

pair_difference AS (
  SELECT
    learner_id,
    ref_id,
    day,
    SUM(is_planned) AS is_planned,
    SUM(is_due) AS is_due,
    SUM(is_final) AS is_final,
    SUM(reconstructed) AS reconstructed
  FROM (
  SELECT
    learner_id,
    ref_id,
    first_day AS day,
    1 AS is_planned,
    0 AS is_due,
    0 AS is_final,
    0 AS reconstructed
  FROM planned
  WHERE first_day <= last_day
  UNION ALL
  SELECT
    learner_id,
    ref_id,
    last_day + INTERVAL 1 DAY,
    -(1) AS is_planned,
    -(0) AS is_due,
    -(0) AS is_final,
    -(0) AS reconstructed
  FROM planned
  WHERE
    first_day <= last_day
    AND last_day < %(last)s
  UNION ALL
  SELECT
    learner_id,
    ref_id,
    first_day AS day,
    0 AS is_planned,
    1 AS is_due,
    0 AS is_final,
    0 AS reconstructed
  FROM due
  WHERE first_day <= last_day
  UNION ALL
  SELECT
    learner_id,
    ref_id,
    last_day + INTERVAL 1 DAY,
    -(0) AS is_planned,
    -(1) AS is_due,
    -(0) AS is_final,
    -(0) AS reconstructed
  FROM due
  WHERE
    first_day <= last_day
    AND last_day < %(last)s
  UNION ALL
  SELECT
    learner_id,
    ref_id,
    first_day AS day,
    0 AS is_planned,
    0 AS is_due,
    is_final AS is_final,
    reconstructed AS reconstructed
  FROM realisation
  WHERE first_day <= last_day
  UNION ALL
  SELECT
    learner_id,
    ref_id,
    last_day + INTERVAL 1 DAY,
    -(0) AS is_planned,
    -(0) AS is_due,
    -(is_final) AS is_final,
    -(reconstructed) AS reconstructed
  FROM realisation
  WHERE
    first_day <= last_day
    AND last_day < %(last)s
  ) AS side
  GROUP BY learner_id, ref_id, day
),

pair AS (
  SELECT
    learner_id,
    ref_id,
    SUM(is_planned) OVER sofar > 0 AS is_planned,
    SUM(is_due) OVER sofar > 0 AS is_due,
    SUM(is_final) OVER sofar > 0 AS is_final,
    SUM(reconstructed) OVER sofar > 0 AS reconstructed,
    day AS first_day,
    COALESCE(LEAD(day) OVER sofar - INTERVAL 1 DAY, CAST(%(last)s AS DATE)) AS last_day
  FROM pair_difference
  WINDOW sofar AS (PARTITION BY learner_id, ref_id ORDER BY day ROWS UNBOUNDED PRECEDING)
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

observation_difference AS (
  SELECT
    learner_id,
    domain,
    ref_id,
    first_day AS day,
    observation.part AS part,
    1 AS whole,
    observation.reconstructed AS reconstructed
  FROM observation
  WHERE first_day <= last_day
  UNION ALL
  SELECT
    learner_id,
    domain,
    ref_id,
    last_day + INTERVAL 1 DAY,
    -(observation.part) AS part,
    -(1) AS whole,
    -(observation.reconstructed) AS reconstructed
  FROM observation
  WHERE
    first_day <= last_day
    AND last_day < %(last)s
),

learner_difference AS (
  SELECT /*+ NO_INDEX(closure) */
    difference.learner_id,
    closure.ancestor_id AS target_id,
    difference.day,
    SUM(difference.part) AS part,
    SUM(difference.whole) AS whole,
    SUM(difference.reconstructed) AS reconstructed
  FROM kpi_target_closure AS closure
  INNER JOIN observation_difference AS difference
    ON difference.domain = closure.target_type
    AND difference.ref_id = closure.ref_id
  WHERE closure.ancestor_type IN ('UA', 'MODULE')
  GROUP BY difference.learner_id, closure.ancestor_id, difference.day
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

cohort_difference AS (
  SELECT /*+ NO_MERGE(learner_difference) */
    cohort.cohort_id,
    learner_difference.target_id,
    learner_difference.day,
    SUM(learner_difference.part) AS part,
    SUM(learner_difference.whole) AS whole,
    SUM(learner_difference.reconstructed) AS reconstructed
  FROM learner_difference
  INNER JOIN cohort
    ON cohort.learner_id = learner_difference.learner_id
  GROUP BY cohort.cohort_id, learner_difference.target_id, learner_difference.day
),

scope_difference AS (
  SELECT
    scope_id,
    target_id,
    day,
    SUM(part) AS part,
    SUM(whole) AS whole,
    SUM(reconstructed) AS reconstructed
  FROM (
    SELECT
      member.scope_id,
      learner_difference.target_id,
      GREATEST(learner_difference.day, member.first_day) AS day,
    learner_difference.part,
    learner_difference.whole,
    learner_difference.reconstructed
    FROM learner_difference
    INNER JOIN member
      ON member.learner_id = learner_difference.learner_id
      AND member.scope_type = 'APPRENANT'
      AND member.last_day >= learner_difference.day
    UNION ALL
    SELECT
      member.scope_id,
      learner_difference.target_id,
      member.last_day + INTERVAL 1 DAY,
    -learner_difference.part AS part,
    -learner_difference.whole AS whole,
    -learner_difference.reconstructed AS reconstructed
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
      GREATEST(cohort_difference.day, member.first_day) AS day,
    cohort_difference.part,
    cohort_difference.whole,
    cohort_difference.reconstructed
    FROM cohort_difference
    INNER JOIN member
      ON member.learner_id = cohort_difference.cohort_id
      AND member.scope_type <> 'APPRENANT'
      AND member.last_day >= cohort_difference.day
    UNION ALL
    SELECT
      member.scope_id,
      cohort_difference.target_id,
      member.last_day + INTERVAL 1 DAY,
    -cohort_difference.part AS part,
    -cohort_difference.whole AS whole,
    -cohort_difference.reconstructed AS reconstructed
    FROM cohort_difference
    INNER JOIN member
      ON member.learner_id = cohort_difference.cohort_id
      AND member.scope_type <> 'APPRENANT'
      AND member.last_day >= cohort_difference.day
      AND member.last_day < %(last)s
  ) AS difference
  GROUP BY scope_id, target_id, day
),

running AS (
  SELECT
    scope_id,
    target_id,
    day,
    COALESCE(LEAD(day) OVER sofar - INTERVAL 1 DAY, CAST(%(last)s AS DATE)) AS last_day,
    SUM(part) OVER sofar AS part,
    SUM(whole) OVER sofar AS whole,
    SUM(reconstructed) OVER sofar AS reconstructed
  FROM scope_difference
  WINDOW sofar AS (PARTITION BY scope_id, target_id ORDER BY day ROWS UNBOUNDED PRECEDING)
),

scope_sum AS (
  SELECT
    calendar.date_id,
    running.scope_id,
    running.target_id,
    running.part,
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
  date_id,
  scope_id,
  target_id,
  ROUND(100.00000000 * part / whole, 4) AS value_num,
  part AS numerator,
  whole AS denominator,
  whole AS sample_size,
  CASE WHEN reconstructed > 0 THEN JSON_OBJECT('reconstructed', CAST(reconstructed AS SIGNED)) END AS extra_json
FROM scope_sum
) AS figure;

-- step: PROGRESSION_MOY | figure=PROGRESSION_MOY
INSERT INTO stage_kpi_value (date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  figure.date_id,
  figure.scope_id,
  figure.target_id,
  (SELECT kpi_metric.id FROM kpi_metric WHERE kpi_metric.code = 'PROGRESSION_MOY'),
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

observation_difference AS (
  SELECT
    learner_id,
    domain,
    ref_id,
    first_day AS day,
    observation.part AS part,
    1 AS whole,
    observation.reconstructed AS reconstructed
  FROM observation
  WHERE first_day <= last_day
  UNION ALL
  SELECT
    learner_id,
    domain,
    ref_id,
    last_day + INTERVAL 1 DAY,
    -(observation.part) AS part,
    -(1) AS whole,
    -(observation.reconstructed) AS reconstructed
  FROM observation
  WHERE
    first_day <= last_day
    AND last_day < %(last)s
),

learner_difference AS (
  SELECT /*+ NO_INDEX(closure) */
    difference.learner_id,
    closure.ancestor_id AS target_id,
    difference.day,
    SUM(difference.part) AS part,
    SUM(difference.whole) AS whole,
    SUM(difference.reconstructed) AS reconstructed
  FROM kpi_target_closure AS closure
  INNER JOIN observation_difference AS difference
    ON difference.domain = closure.target_type
    AND difference.ref_id = closure.ref_id
  WHERE closure.is_self = 1
  GROUP BY difference.learner_id, closure.ancestor_id, difference.day
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

cohort_difference AS (
  SELECT /*+ NO_MERGE(learner_difference) */
    cohort.cohort_id,
    learner_difference.target_id,
    learner_difference.day,
    SUM(learner_difference.part) AS part,
    SUM(learner_difference.whole) AS whole,
    SUM(learner_difference.reconstructed) AS reconstructed
  FROM learner_difference
  INNER JOIN cohort
    ON cohort.learner_id = learner_difference.learner_id
  GROUP BY cohort.cohort_id, learner_difference.target_id, learner_difference.day
),

scope_difference AS (
  SELECT
    scope_id,
    target_id,
    day,
    SUM(part) AS part,
    SUM(whole) AS whole,
    SUM(reconstructed) AS reconstructed
  FROM (
    SELECT
      member.scope_id,
      learner_difference.target_id,
      GREATEST(learner_difference.day, member.first_day) AS day,
    learner_difference.part,
    learner_difference.whole,
    learner_difference.reconstructed
    FROM learner_difference
    INNER JOIN member
      ON member.learner_id = learner_difference.learner_id
      AND member.scope_type = 'APPRENANT'
      AND member.last_day >= learner_difference.day
    UNION ALL
    SELECT
      member.scope_id,
      learner_difference.target_id,
      member.last_day + INTERVAL 1 DAY,
    -learner_difference.part AS part,
    -learner_difference.whole AS whole,
    -learner_difference.reconstructed AS reconstructed
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
      GREATEST(cohort_difference.day, member.first_day) AS day,
    cohort_difference.part,
    cohort_difference.whole,
    cohort_difference.reconstructed
    FROM cohort_difference
    INNER JOIN member
      ON member.learner_id = cohort_difference.cohort_id
      AND member.scope_type <> 'APPRENANT'
      AND member.last_day >= cohort_difference.day
    UNION ALL
    SELECT
      member.scope_id,
      cohort_difference.target_id,
      member.last_day + INTERVAL 1 DAY,
    -cohort_difference.part AS part,
    -cohort_difference.whole AS whole,
    -cohort_difference.reconstructed AS reconstructed
    FROM cohort_difference
    INNER JOIN member
      ON member.learner_id = cohort_difference.cohort_id
      AND member.scope_type <> 'APPRENANT'
      AND member.last_day >= cohort_difference.day
      AND member.last_day < %(last)s
  ) AS difference
  GROUP BY scope_id, target_id, day
),

running AS (
  SELECT
    scope_id,
    target_id,
    day,
    COALESCE(LEAD(day) OVER sofar - INTERVAL 1 DAY, CAST(%(last)s AS DATE)) AS last_day,
    SUM(part) OVER sofar AS part,
    SUM(whole) OVER sofar AS whole,
    SUM(reconstructed) OVER sofar AS reconstructed
  FROM scope_difference
  WINDOW sofar AS (PARTITION BY scope_id, target_id ORDER BY day ROWS UNBOUNDED PRECEDING)
),

scope_sum AS (
  SELECT
    calendar.date_id,
    running.scope_id,
    running.target_id,
    running.part,
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
  date_id,
  scope_id,
  target_id,
  ROUND(part / whole, 4) AS value_num,
  NULL AS numerator,
  NULL AS denominator,
  whole AS sample_size,
  CASE WHEN reconstructed > 0 THEN JSON_OBJECT('reconstructed', CAST(reconstructed AS SIGNED)) END AS extra_json
FROM scope_sum
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

-- step: count new and changed | phase=compare gives=new_and_changed
SELECT
  COALESCE(SUM(existing.scope_id IS NULL), 0) AS n_new,
  COALESCE(SUM(existing.scope_id IS NOT NULL AND NOT (
    existing.value_num <=> fresh.value_num
    AND existing.numerator <=> fresh.numerator
    AND existing.denominator <=> fresh.denominator
    AND existing.sample_size <=> fresh.sample_size
    AND existing.extra_json <=> fresh.extra_json
  )), 0) AS n_changed
FROM stage_kpi_value AS fresh
LEFT JOIN kpi_value AS existing
  ON existing.date_id = %(date_id)s
  AND existing.period = %(period)s
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
  AND existing.metric_id = fresh.metric_id
WHERE fresh.date_id = %(date_id)s;

-- step: count vanished | phase=compare gives=vanished
SELECT COUNT(*)
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

-- step: largest changes | phase=compare gives=largest_changes
SELECT
  CONCAT_WS(' ', kpi_scope.scope_type, kpi_scope.ref_id) AS scope,
  CONCAT_WS(' ', kpi_target.target_type, kpi_target.ref_id) AS target,
  (SELECT code FROM kpi_metric WHERE kpi_metric.id = fresh.metric_id) AS metric,
  existing.value_num AS was,
  fresh.value_num AS becomes
FROM stage_kpi_value AS fresh
INNER JOIN kpi_value AS existing
  ON existing.date_id = %(date_id)s
  AND existing.period = %(period)s
  AND existing.scope_id = fresh.scope_id
  AND existing.target_id = fresh.target_id
  AND existing.metric_id = fresh.metric_id
INNER JOIN kpi_scope
  ON kpi_scope.id = fresh.scope_id
INNER JOIN kpi_target
  ON kpi_target.id = fresh.target_id
WHERE
  fresh.date_id = %(date_id)s
  AND NOT (existing.value_num <=> fresh.value_num)
ORDER BY ABS(fresh.value_num - existing.value_num) DESC, fresh.scope_id ASC, fresh.target_id ASC
LIMIT 5;
