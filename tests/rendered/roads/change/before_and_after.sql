/*
What the learners of %(learners)s add to the figures of %(as_of)s: run before their capture with %(sign)s = -1 and after it with 1, so that a sum
over both is what their change adds to each cell. Whose cells it leaves alone is not touched any further (roads/change/cells.sql). What a
change does not add to is looked at by the steps of phase `look`. Delays are of the days since %(since)s.
*/

-- step: contributions | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_contribution (
  figure VARCHAR(64) NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  sign TINYINT NOT NULL,
  part DECIMAL(50, 20) NOT NULL,
  done DECIMAL(50, 20) NOT NULL,
  whole BIGINT NOT NULL,
  reconstructed BIGINT NOT NULL,
  PRIMARY KEY (figure, scope_id, target_id, sign)
) COLLATE utf8mb4_0900_ai_ci;

-- step: states | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_state (
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') NOT NULL,
  state_code VARCHAR(32) NOT NULL,
  sign TINYINT NOT NULL,
  n INT NOT NULL,
  PRIMARY KEY (scope_id, target_id, domain, state_code, sign)
) COLLATE utf8mb4_0900_ai_ci;

-- step: orders of states | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_state_order (
  domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') NOT NULL,
  state_code VARCHAR(32) NOT NULL,
  sign TINYINT NOT NULL,
  lowest INT NOT NULL,
  highest INT NOT NULL,
  PRIMARY KEY (domain, state_code, sign)
) COLLATE utf8mb4_0900_ai_ci;

-- step: delays | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_delay (
  id BIGINT AUTO_INCREMENT PRIMARY KEY COMMENT 'for servers that ask each table for a primary key',
  fact_table VARCHAR(64) NOT NULL,
  figure VARCHAR(64) NOT NULL,
  scope_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  event_id VARCHAR(64) NOT NULL,
  sign TINYINT NOT NULL,
  microseconds BIGINT NOT NULL,
  reconstructed TINYINT NOT NULL,
  KEY idx_cell (fact_table, figure, scope_id, target_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: members | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_member (
  scope_id BIGINT NOT NULL,
  learner_id BIGINT NOT NULL,
  sign TINYINT NOT NULL,
  PRIMARY KEY (scope_id, learner_id, sign)
) COLLATE utf8mb4_0900_ai_ci;

-- step: members
INSERT INTO stage_member (scope_id, learner_id, sign)
SELECT
  kpi_scope.id,
  membership.learner_id,
  %(sign)s
FROM kpi_time AS day
CROSS JOIN JSON_TABLE(%(learners)s, '$[*]' COLUMNS (learner_id BIGINT PATH '$')) AS wanted
INNER JOIN kpi_src_membership AS membership
  ON membership.valid_to >= day.utc_end
    AND membership.valid_from < day.utc_end
  AND membership.learner_id = wanted.learner_id
  AND (membership.active_from IS NULL OR membership.active_from < day.utc_end)
    AND (membership.active_to IS NULL OR membership.active_to >= day.utc_end)
INNER JOIN kpi_scope
  ON kpi_scope.scope_type = membership.scope_type
  AND kpi_scope.ref_key = membership.scope_ref_id
WHERE day.date_id = %(as_of)s;

-- step: kpi_value: DELAI_ACQUIS_MICRO | table=kpi_value figure=DELAI_ACQUIS_MICRO

INSERT INTO stage_delay (fact_table, figure, scope_id, target_id, event_id, sign, microseconds, reconstructed)
WITH member AS (
  SELECT
    scope_id,
    learner_id
  FROM stage_member
  WHERE sign = %(sign)s
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
  CROSS JOIN JSON_TABLE(
    %(touched)s,
    '$[*]' COLUMNS ( -- noqa: CP02
      learner_id BIGINT PATH '$[0]', -- noqa: PRS
      domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') COLLATE utf8mb4_0900_ai_ci PATH '$[1]',
      ref_id BIGINT PATH '$[2]'
    )
  ) AS touched
  INNER JOIN kpi_src_realisation AS history
    ON history.valid_to >= day.utc_end
    AND history.valid_from < day.utc_end
    AND history.learner_id = touched.learner_id
    AND history.domain = touched.domain
    AND history.ref_id = touched.ref_id
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
  'kpi_value',
  'DELAI_ACQUIS_MICRO',
  scope_id,
  target_id,
  event_id,
  %(sign)s,
  microseconds,
  reconstructed
FROM sample;

-- step: kpi_value: DELAI_FEEDBACK | table=kpi_value figure=DELAI_FEEDBACK needs=feedback

INSERT INTO stage_delay (fact_table, figure, scope_id, target_id, event_id, sign, microseconds, reconstructed)
WITH member AS (
  SELECT
    scope_id,
    learner_id
  FROM stage_member
  WHERE sign = %(sign)s
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
  FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (learner_id BIGINT PATH '$')) AS wanted
  INNER JOIN kpi_src_feedback AS history
    ON history.learner_id = wanted.learner_id
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
  'kpi_value',
  'DELAI_FEEDBACK',
  scope_id,
  target_id,
  event_id,
  %(sign)s,
  microseconds,
  reconstructed
FROM sample;

-- step: kpi_value: INACTIVITE_7J | table=kpi_value figure=INACTIVITE_7J

INSERT INTO stage_contribution (figure, scope_id, target_id, sign, part, done, whole, reconstructed)
WITH member AS (
  SELECT
    scope_id,
    learner_id
  FROM stage_member
  WHERE sign = %(sign)s
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
  CROSS JOIN JSON_TABLE(
    %(touched)s,
    '$[*]' COLUMNS ( -- noqa: CP02
      learner_id BIGINT PATH '$[0]', -- noqa: PRS
      domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') COLLATE utf8mb4_0900_ai_ci PATH '$[1]',
      ref_id BIGINT PATH '$[2]'
    )
  ) AS touched
  INNER JOIN kpi_src_realisation AS history
    ON history.valid_to >= day.utc_end
    AND history.valid_from < day.utc_end
    AND history.learner_id = touched.learner_id
    AND history.domain = touched.domain
    AND history.ref_id = touched.ref_id
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
  SELECT
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

scope_sum AS (
  SELECT
    member.scope_id,
    learner_sum.target_id,
    SUM(learner_sum.part) AS part,
    SUM(learner_sum.whole) AS whole,
    SUM(learner_sum.reconstructed) AS reconstructed
  FROM learner_sum
  INNER JOIN member
    ON member.learner_id = learner_sum.learner_id
  GROUP BY member.scope_id, learner_sum.target_id
)

SELECT
  'INACTIVITE_7J',
  scope_id,
  target_id,
  %(sign)s,
  part,
  0,
  whole,
  reconstructed
FROM scope_sum;

-- step: kpi_value: PCT_ACQUIS | table=kpi_value figure=PCT_ACQUIS

INSERT INTO stage_contribution (figure, scope_id, target_id, sign, part, done, whole, reconstructed)
WITH member AS (
  SELECT
    scope_id,
    learner_id
  FROM stage_member
  WHERE sign = %(sign)s
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
  CROSS JOIN JSON_TABLE(
    %(touched)s,
    '$[*]' COLUMNS ( -- noqa: CP02
      learner_id BIGINT PATH '$[0]', -- noqa: PRS
      domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') COLLATE utf8mb4_0900_ai_ci PATH '$[1]',
      ref_id BIGINT PATH '$[2]'
    )
  ) AS touched
  INNER JOIN kpi_src_realisation AS history
    ON history.valid_to >= day.utc_end
    AND history.valid_from < day.utc_end
    AND history.learner_id = touched.learner_id
    AND history.domain = touched.domain
    AND history.ref_id = touched.ref_id
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
  SELECT
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

scope_sum AS (
  SELECT
    member.scope_id,
    learner_sum.target_id,
    SUM(learner_sum.part) AS part,
    SUM(learner_sum.whole) AS whole,
    SUM(learner_sum.reconstructed) AS reconstructed
  FROM learner_sum
  INNER JOIN member
    ON member.learner_id = learner_sum.learner_id
  GROUP BY member.scope_id, learner_sum.target_id
)

SELECT
  'PCT_ACQUIS',
  scope_id,
  target_id,
  %(sign)s,
  part,
  0,
  whole,
  reconstructed
FROM scope_sum;

-- step: kpi_value: PCT_COUVERTURE_UA | table=kpi_value figure=PCT_COUVERTURE_UA

INSERT INTO stage_contribution (figure, scope_id, target_id, sign, part, done, whole, reconstructed)
WITH member AS (
  SELECT
    scope_id,
    learner_id
  FROM stage_member
  WHERE sign = %(sign)s
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
  CROSS JOIN JSON_TABLE(
    %(touched)s,
    '$[*]' COLUMNS ( -- noqa: CP02
      learner_id BIGINT PATH '$[0]', -- noqa: PRS
      domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') COLLATE utf8mb4_0900_ai_ci PATH '$[1]',
      ref_id BIGINT PATH '$[2]'
    )
  ) AS touched
  INNER JOIN kpi_src_realisation AS history
    ON history.valid_to >= day.utc_end
    AND history.valid_from < day.utc_end
    AND history.learner_id = touched.learner_id
    AND history.domain = touched.domain
    AND history.ref_id = touched.ref_id
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
  CROSS JOIN JSON_TABLE(
    %(touched)s,
    '$[*]' COLUMNS ( -- noqa: CP02
      learner_id BIGINT PATH '$[0]', -- noqa: PRS
      domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') COLLATE utf8mb4_0900_ai_ci PATH '$[1]',
      ref_id BIGINT PATH '$[2]'
    )
  ) AS touched
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
    AND groupe.learner_id = touched.learner_id
    AND touched.domain = 'UA'
    AND plan.ua_ref_id = touched.ref_id
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
  SELECT
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

scope_sum AS (
  SELECT
    member.scope_id,
    learner_sum.target_id,
    SUM(learner_sum.part) AS part,
    SUM(learner_sum.whole) AS whole,
    SUM(learner_sum.reconstructed) AS reconstructed
  FROM learner_sum
  INNER JOIN member
    ON member.learner_id = learner_sum.learner_id
  GROUP BY member.scope_id, learner_sum.target_id
)

SELECT
  'PCT_COUVERTURE_UA',
  scope_id,
  target_id,
  %(sign)s,
  part,
  0,
  whole,
  reconstructed
FROM scope_sum;

-- step: kpi_value: PROGRESSION_MOY | table=kpi_value figure=PROGRESSION_MOY

INSERT INTO stage_contribution (figure, scope_id, target_id, sign, part, done, whole, reconstructed)
WITH member AS (
  SELECT
    scope_id,
    learner_id
  FROM stage_member
  WHERE sign = %(sign)s
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
  CROSS JOIN JSON_TABLE(
    %(touched)s,
    '$[*]' COLUMNS ( -- noqa: CP02
      learner_id BIGINT PATH '$[0]', -- noqa: PRS
      domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') COLLATE utf8mb4_0900_ai_ci PATH '$[1]',
      ref_id BIGINT PATH '$[2]'
    )
  ) AS touched
  INNER JOIN kpi_src_realisation AS history
    ON history.valid_to >= day.utc_end
    AND history.valid_from < day.utc_end
    AND history.learner_id = touched.learner_id
    AND history.domain = touched.domain
    AND history.ref_id = touched.ref_id
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
  SELECT
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
  WHERE closure.is_self = 1
  GROUP BY observation.learner_id, closure.ancestor_id
),

scope_sum AS (
  SELECT
    member.scope_id,
    learner_sum.target_id,
    SUM(learner_sum.part) AS part,
    SUM(learner_sum.whole) AS whole,
    SUM(learner_sum.reconstructed) AS reconstructed
  FROM learner_sum
  INNER JOIN member
    ON member.learner_id = learner_sum.learner_id
  GROUP BY member.scope_id, learner_sum.target_id
)

SELECT
  'PROGRESSION_MOY',
  scope_id,
  target_id,
  %(sign)s,
  part,
  0,
  whole,
  reconstructed
FROM scope_sum;

-- step: kpi_state_count: ETATS | table=kpi_state_count figure=ETATS

INSERT INTO stage_state (scope_id, target_id, domain, state_code, sign, n)
WITH member AS (
  SELECT
    scope_id,
    learner_id
  FROM stage_member
  WHERE sign = %(sign)s
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
  CROSS JOIN JSON_TABLE(
    %(touched)s,
    '$[*]' COLUMNS ( -- noqa: CP02
      learner_id BIGINT PATH '$[0]', -- noqa: PRS
      domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') COLLATE utf8mb4_0900_ai_ci PATH '$[1]',
      ref_id BIGINT PATH '$[2]'
    )
  ) AS touched
  INNER JOIN kpi_src_realisation AS history
    ON history.valid_to >= day.utc_end
    AND history.valid_from < day.utc_end
    AND history.learner_id = touched.learner_id
    AND history.domain = touched.domain
    AND history.ref_id = touched.ref_id
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

learner_count AS (
  SELECT
    observation.learner_id,
    closure.ancestor_id AS target_id,
    observation.domain,
    observation.state_code,
    COUNT(*) AS n
  FROM observation
  INNER JOIN kpi_target_closure AS closure
    ON closure.target_type = observation.domain
    AND closure.ref_id = observation.ref_id
  GROUP BY observation.learner_id, closure.ancestor_id, observation.domain, observation.state_code
),

state_sum AS (
  SELECT
    member.scope_id,
    learner_count.target_id,
    learner_count.domain,
    learner_count.state_code,
    SUM(learner_count.n) AS whole
  FROM learner_count
  INNER JOIN member
    ON member.learner_id = learner_count.learner_id
  GROUP BY member.scope_id, learner_count.target_id, learner_count.domain, learner_count.state_code
)

SELECT
  scope_id,
  target_id,
  domain,
  state_code,
  %(sign)s,
  whole
FROM state_sum;

-- step: orders of states
INSERT INTO stage_state_order (domain, state_code, sign, lowest, highest)
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
  CROSS JOIN JSON_TABLE(
    %(touched)s,
    '$[*]' COLUMNS ( -- noqa: CP02
      learner_id BIGINT PATH '$[0]', -- noqa: PRS
      domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') COLLATE utf8mb4_0900_ai_ci PATH '$[1]',
      ref_id BIGINT PATH '$[2]'
    )
  ) AS touched
  INNER JOIN kpi_src_realisation AS history
    ON history.valid_to >= day.utc_end
    AND history.valid_from < day.utc_end
    AND history.learner_id = touched.learner_id
    AND history.domain = touched.domain
    AND history.ref_id = touched.ref_id
  WHERE
    day.date_id = %(as_of)s
    AND history.domain IN ('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE')
)

SELECT
  domain,
  state_code,
  %(sign)s,
  MIN(state_order),
  MAX(state_order)
FROM realisation
GROUP BY domain, state_code;

-- step: kpi_percentiles: DELAI_ACQUIS_MICRO | table=kpi_percentiles figure=DELAI_ACQUIS_MICRO

INSERT INTO stage_delay (fact_table, figure, scope_id, target_id, event_id, sign, microseconds, reconstructed)
WITH member AS (
  SELECT
    scope_id,
    learner_id
  FROM stage_member
  WHERE sign = %(sign)s
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
  CROSS JOIN JSON_TABLE(
    %(touched)s,
    '$[*]' COLUMNS ( -- noqa: CP02
      learner_id BIGINT PATH '$[0]', -- noqa: PRS
      domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') COLLATE utf8mb4_0900_ai_ci PATH '$[1]',
      ref_id BIGINT PATH '$[2]'
    )
  ) AS touched
  INNER JOIN kpi_src_realisation AS history
    ON history.valid_to >= day.utc_end
    AND history.valid_from < day.utc_end
    AND history.learner_id = touched.learner_id
    AND history.domain = touched.domain
    AND history.ref_id = touched.ref_id
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
  'kpi_percentiles',
  'DELAI_ACQUIS_MICRO',
  scope_id,
  target_id,
  event_id,
  %(sign)s,
  microseconds,
  reconstructed
FROM sample;

-- step: kpi_percentiles: DELAI_FEEDBACK | table=kpi_percentiles figure=DELAI_FEEDBACK needs=feedback

INSERT INTO stage_delay (fact_table, figure, scope_id, target_id, event_id, sign, microseconds, reconstructed)
WITH member AS (
  SELECT
    scope_id,
    learner_id
  FROM stage_member
  WHERE sign = %(sign)s
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
  FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (learner_id BIGINT PATH '$')) AS wanted
  INNER JOIN kpi_src_feedback AS history
    ON history.learner_id = wanted.learner_id
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
  'kpi_percentiles',
  'DELAI_FEEDBACK',
  scope_id,
  target_id,
  event_id,
  %(sign)s,
  microseconds,
  reconstructed
FROM sample;

-- step: kpi_plan_gap: ECART_PLAN | table=kpi_plan_gap figure=ECART_PLAN

INSERT INTO stage_contribution (figure, scope_id, target_id, sign, part, done, whole, reconstructed)
WITH member AS (
  SELECT
    scope_id,
    learner_id
  FROM stage_member
  WHERE sign = %(sign)s
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
  CROSS JOIN JSON_TABLE(
    %(touched)s,
    '$[*]' COLUMNS ( -- noqa: CP02
      learner_id BIGINT PATH '$[0]', -- noqa: PRS
      domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') COLLATE utf8mb4_0900_ai_ci PATH '$[1]',
      ref_id BIGINT PATH '$[2]'
    )
  ) AS touched
  INNER JOIN kpi_src_realisation AS history
    ON history.valid_to >= day.utc_end
    AND history.valid_from < day.utc_end
    AND history.learner_id = touched.learner_id
    AND history.domain = touched.domain
    AND history.ref_id = touched.ref_id
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
  CROSS JOIN JSON_TABLE(
    %(touched)s,
    '$[*]' COLUMNS ( -- noqa: CP02
      learner_id BIGINT PATH '$[0]', -- noqa: PRS
      domain ENUM('MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE') COLLATE utf8mb4_0900_ai_ci PATH '$[1]',
      ref_id BIGINT PATH '$[2]'
    )
  ) AS touched
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
    AND groupe.learner_id = touched.learner_id
    AND touched.domain = 'UA'
    AND plan.ua_ref_id = touched.ref_id
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
  SELECT
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

scope_sum AS (
  SELECT
    member.scope_id,
    learner_sum.target_id,
    SUM(learner_sum.part) AS part,
    SUM(learner_sum.done) AS done,
    SUM(learner_sum.whole) AS whole
  FROM learner_sum
  INNER JOIN member
    ON member.learner_id = learner_sum.learner_id
  GROUP BY member.scope_id, learner_sum.target_id
)

SELECT
  'ECART_PLAN',
  scope_id,
  target_id,
  %(sign)s,
  part,
  done,
  whole,
  0
FROM scope_sum;

-- step: scopes begun or ended | phase=look gives=begun_or_ended
-- Scopes that have members today and had none before, or the other way round: their periods close on another day.
SELECT changed.scope_id
FROM (
  SELECT
    scope_id,
    SUM(sign = -1) AS before_it,
    SUM(sign = 1) AS after_it
  FROM stage_member
  GROUP BY scope_id
  HAVING (before_it = 0) <> (after_it = 0)
) AS changed
INNER JOIN kpi_scope
  ON kpi_scope.id = changed.scope_id
INNER JOIN kpi_time AS day
  ON day.date_id = %(as_of)s
WHERE NOT EXISTS (
  SELECT 1
  FROM kpi_src_membership AS other
  WHERE
    other.valid_to >= day.utc_end
    AND other.valid_from < day.utc_end
    AND (other.active_from IS NULL OR other.active_from < day.utc_end)
    AND (other.active_to IS NULL OR other.active_to >= day.utc_end)
    AND other.scope_type = kpi_scope.scope_type
    AND other.scope_ref_id = kpi_scope.ref_key
    AND other.learner_id NOT IN (
      SELECT wanted.learner_id
      FROM JSON_TABLE(%(learners)s, '$[*]' COLUMNS (learner_id BIGINT PATH '$')) AS wanted
    )
);

-- step: states of another order | phase=look gives=reordered
-- How many states the learners' rows order otherwise than the day's rows do (those of everybody and everything), or no row has.
SELECT COUNT(*)
FROM stage_state_order AS learners
LEFT JOIN kpi_scope
  ON kpi_scope.scope_type = 'GLOBAL'
LEFT JOIN kpi_target
  ON kpi_target.target_type = 'GLOBAL'
LEFT JOIN kpi_state_count AS kept
  ON kept.date_id = %(as_of)s
  AND kept.period = 'D'
  AND kept.scope_id = kpi_scope.id
  AND kept.target_id = kpi_target.id
  AND kept.domain = learners.domain
  AND kept.state_code = learners.state_code
WHERE
  kept.id IS NULL
  OR learners.lowest <> kept.state_ordre
  OR learners.highest <> kept.state_ordre;

-- step: periods that have rows | phase=look gives=latest
-- Each period's last row is what the tiles of all scopes are told by. The least of an index is one row read; EXISTS reads a buffer full.
SELECT
  (SELECT MIN(scope_id) FROM kpi_value WHERE date_id = %(as_of)s AND period = 'D') IS NOT NULL AS has_d,
  (SELECT MIN(scope_id) FROM kpi_value WHERE date_id = %(week_last)s AND period = 'W') IS NOT NULL AS has_w,
  (SELECT MIN(scope_id) FROM kpi_value WHERE date_id = %(month_last)s AND period = 'M') IS NOT NULL AS has_m,
  (SELECT MIN(scope_id) FROM kpi_value WHERE date_id = %(as_of)s AND period = 'R') IS NOT NULL AS has_r;
