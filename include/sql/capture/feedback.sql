{% import 'macros/history.sql' as history with context -%}
-- step: feedback: create stage
CREATE TEMPORARY TABLE IF NOT EXISTS stage_feedback (
  submission_id BIGINT NOT NULL,
  learner_id BIGINT NOT NULL,
  target_type ENUM('GLOBAL', 'MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE', 'REFERENTIEL') NOT NULL,
  source_target_ref_id BIGINT NULL,
  submitted_at DATETIME(6) NULL,
  feedback_at DATETIME(6) NULL,
  trainer_id BIGINT NULL,
  target_ref_id BIGINT AS (COALESCE(source_target_ref_id, 0)) STORED NOT NULL,
  PRIMARY KEY (submission_id, target_type, target_ref_id)
);

-- step: feedback: create changes
CREATE TEMPORARY TABLE IF NOT EXISTS change_feedback (
  submission_id BIGINT NOT NULL PRIMARY KEY
);

-- step: feedback: read
{{ history.read('feedback') }};

{% call history.reject('feedback', 'unknown learners and targets') %}
SELECT
  CONCAT_WS(':', stage.submission_id, stage.target_type, stage.target_ref_id) AS source_key,
  '' AS field,
  IF(stage_target.ref_key IS NULL, 'unknown_target', 'unknown_learner') AS reason,
  NULL AS detail
FROM stage_feedback AS stage
LEFT JOIN known_learner
  ON known_learner.learner_id = stage.learner_id
LEFT JOIN {{ history.targets() }}
  ON stage_target.target_type = stage.target_type
  AND stage_target.ref_key = stage.target_ref_id
WHERE
  known_learner.learner_id IS NULL
  OR stage_target.ref_key IS NULL
{% endcall %}

-- step: feedback: leave out unknown
DELETE stage
FROM stage_feedback AS stage
LEFT JOIN known_learner
  ON known_learner.learner_id = stage.learner_id
LEFT JOIN {{ history.targets() }}
  ON stage_target.target_type = stage.target_type
  AND stage_target.ref_key = stage.target_ref_id
WHERE
  known_learner.learner_id IS NULL
  OR stage_target.ref_key IS NULL;

{% call history.reject('feedback', 'feedback not after its submission') %}
SELECT
  CONCAT_WS(':', submission_id, target_type, target_ref_id) AS source_key,
  'feedback_at' AS field,
  'feedback_not_after_submission' AS reason,
  CONCAT(feedback_at, ' <= ', submitted_at) AS detail
FROM stage_feedback
WHERE feedback_at <= submitted_at
{% endcall %}

-- step: feedback: find new
INSERT INTO change_feedback (submission_id)
SELECT DISTINCT stage.submission_id
FROM stage_feedback AS stage
LEFT JOIN kpi_src_feedback AS existing
  ON existing.submission_id = stage.submission_id
WHERE existing.submission_id IS NULL;

-- step: feedback: append
INSERT INTO kpi_src_feedback (
  submission_id, target_type, target_ref_id, learner_id, submitted_at, feedback_at, trainer_id, captured_at
)
SELECT
  stage.submission_id,
  stage.target_type,
  stage.target_ref_id,
  stage.learner_id,
  stage.submitted_at,
  IF(stage.feedback_at <= stage.submitted_at, NULL, stage.feedback_at),
  stage.trainer_id,
  %(captured_at)s
FROM change_feedback
INNER JOIN stage_feedback AS stage
  ON stage.submission_id = change_feedback.submission_id;

-- step: feedback: count
SELECT
  COUNT(*) AS staged,
  COUNT(change_feedback.submission_id) AS n_new,
  0 AS n_changed,
  0 AS n_vanished,
  0 AS n_reopened
FROM stage_feedback AS stage
LEFT JOIN change_feedback
  ON change_feedback.submission_id = stage.submission_id;
