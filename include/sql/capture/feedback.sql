{% import 'macros/history.sql' as history with context -%}
{% import 'macros/usable.sql' as usable -%}
{% set dates = ['submitted_at', 'feedback_at'] -%}
-- step: feedback: create stage | phase=create relation=feedback
CREATE TEMPORARY TABLE IF NOT EXISTS stage_feedback (
  kind VARCHAR(32) NOT NULL,
  submission_id DECIMAL(20, 0) NOT NULL,
  learner_id DECIMAL(20, 0) NOT NULL,
  target_type {{ enum(target_types) }} NOT NULL,
  source_target_ref_id DECIMAL(20, 0) NULL,
  submitted_at DATETIME(6) NULL,
  feedback_at DATETIME(6) NULL,
  trainer_id DECIMAL(20, 0) NULL,
  target_ref_id DECIMAL(20, 0) AS (COALESCE(source_target_ref_id, 0)) STORED NOT NULL,
  PRIMARY KEY (kind, submission_id, learner_id, target_type, target_ref_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: feedback: create changes | phase=create relation=feedback
CREATE TEMPORARY TABLE IF NOT EXISTS change_feedback (
  kind VARCHAR(32) NOT NULL,
  submission_id BIGINT NOT NULL,
  learner_id BIGINT NOT NULL,
  PRIMARY KEY (kind, submission_id, learner_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: feedback: read | phase=find relation=feedback gives=relation
{{ history.read('feedback') }};

{% call history.reject('feedback', 'unknown learners and targets', phase='find') %}
SELECT
  CONCAT_WS(':', stage.kind, stage.submission_id, stage.learner_id, stage.target_type, stage.target_ref_id) AS source_key,
  '' AS field,
  CASE
    WHEN
      {{ usable.odd_id('stage.submission_id') }}
      OR {{ usable.odd_id('stage.learner_id') }}
      OR {{ usable.odd_id('stage.source_target_ref_id') }}
      THEN 'id_out_of_range'
    WHEN stage_target.ref_key IS NULL THEN 'unknown_target'
    ELSE 'unknown_learner'
  END AS reason,
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
  OR {{ usable.odd_id('stage.submission_id') }}
{% endcall %}

-- step: feedback: leave out unknown | phase=find relation=feedback
DELETE stage
FROM stage_feedback AS stage
LEFT JOIN known_learner
  ON known_learner.learner_id = stage.learner_id
LEFT JOIN {{ history.targets() }}
  ON stage_target.target_type = stage.target_type
  AND stage_target.ref_key = stage.target_ref_id
WHERE
  known_learner.learner_id IS NULL
  OR stage_target.ref_key IS NULL
  OR {{ usable.odd_id('stage.submission_id') }};

{% call history.reject('feedback', 'unusable dates', phase='find', hint=usable.as_they_are()) %}
{{ usable.odd_dates('feedback', "CONCAT_WS(':', stage.kind, stage.submission_id, stage.learner_id, stage.target_type, stage.target_ref_id)", dates) }}
{% endcall %}

{{ usable.leave_out_odd_dates('feedback', dates) }}

{% call history.reject('feedback', 'unusable trainers', phase='find') %}
SELECT
  CONCAT_WS(':', kind, submission_id, learner_id, target_type, target_ref_id) AS source_key,
  'trainer_id' AS field,
  'id_out_of_range' AS reason,
  trainer_id AS detail
FROM stage_feedback
WHERE {{ usable.odd_id('trainer_id') }}
{% endcall %}

-- step: feedback: leave out unusable trainers | phase=find relation=feedback
UPDATE stage_feedback
SET trainer_id = NULL
WHERE {{ usable.odd_id('trainer_id') }};

{% call history.reject('feedback', 'feedback not after its submission') %}
SELECT
  CONCAT_WS(':', kind, submission_id, learner_id, target_type, target_ref_id) AS source_key,
  'feedback_at' AS field,
  'feedback_not_after_submission' AS reason,
  CONCAT(feedback_at, ' <= ', submitted_at) AS detail
FROM stage_feedback
WHERE feedback_at <= submitted_at
{% endcall %}

-- step: feedback: find new | phase=find relation=feedback
-- An event of which no capture took the same submission; the same id with another instant is another submission.
INSERT INTO change_feedback (kind, submission_id, learner_id)
SELECT DISTINCT
  stage.kind,
  stage.submission_id,
  stage.learner_id
FROM stage_feedback AS stage
LEFT JOIN kpi_src_feedback AS existing
  ON existing.kind = stage.kind
  AND existing.submission_id = stage.submission_id
  AND existing.learner_id = stage.learner_id
  AND COALESCE(existing.submitted_at = stage.submitted_at, TRUE)
WHERE existing.submission_id IS NULL;

{% call history.reject('feedback', 'ids used for another submission') %}
SELECT
  CONCAT_WS(':', new_event.kind, new_event.submission_id, new_event.learner_id) AS source_key,
  'submitted_at' AS field,
  'reused_id' AS reason,
  CONCAT('captured before as submitted at ', MAX(existing.submitted_at)) AS detail
FROM change_feedback AS new_event
INNER JOIN kpi_src_feedback AS existing
  ON existing.kind = new_event.kind
  AND existing.submission_id = new_event.submission_id
  AND existing.learner_id = new_event.learner_id
GROUP BY new_event.kind, new_event.submission_id, new_event.learner_id
{% endcall %}

{% set relation = 'feedback' -%}
{% include folder ~ 'plausible.sql' %}

-- step: feedback: append | relation=feedback
INSERT INTO kpi_src_feedback (
  kind, submission_id, learner_id, target_type, target_ref_id, submitted_at, feedback_at, trainer_id, captured_at
)
SELECT
  stage.kind,
  stage.submission_id,
  stage.learner_id,
  stage.target_type,
  stage.target_ref_id,
  stage.submitted_at,
  IF(stage.feedback_at <= stage.submitted_at, NULL, stage.feedback_at),
  stage.trainer_id,
  %(captured_at)s
FROM change_feedback AS new_event
INNER JOIN stage_feedback AS stage
  ON stage.kind = new_event.kind
  AND stage.submission_id = new_event.submission_id
  AND stage.learner_id = new_event.learner_id;

{% include folder ~ 'reused_submissions.sql' ignore missing %}

-- step: feedback: count | relation=feedback gives=counts
SELECT
  COUNT(*) AS staged,
  COUNT(new_event.submission_id) AS n_new,
  0 AS n_changed,
  0 AS n_vanished,
  0 AS n_reopened
FROM stage_feedback AS stage
LEFT JOIN change_feedback AS new_event
  ON new_event.kind = stage.kind
  AND new_event.submission_id = stage.submission_id
  AND new_event.learner_id = stage.learner_id;
