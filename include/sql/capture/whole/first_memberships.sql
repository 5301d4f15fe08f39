{# The first capture: a membership lasts since it began, or since the learner did. #}
{% import 'macros/history.sql' as history with context -%}
-- step: membership: learners' beginnings | phase=create relation=membership
CREATE TEMPORARY TABLE IF NOT EXISTS learner_since (
  learner_id BIGINT NOT NULL PRIMARY KEY,
  active_from DATETIME(6) NULL
) COLLATE utf8mb4_0900_ai_ci;

-- step: membership: note when learners began | relation=membership when=first
INSERT INTO learner_since (learner_id, active_from)
SELECT
  learner_id,
  active_from
FROM stage_membership
WHERE scope_type = 'APPRENANT';

-- step: membership: find new and changed | phase=find relation=membership when=first
INSERT INTO change_membership (scope_type, scope_ref_id, learner_id, kind, new_from, active_from, active_to)
SELECT
  stage.scope_type,
  stage.scope_ref_id,
  stage.learner_id,
  'new',
  LEAST(COALESCE(stage.active_from, learner_since.active_from, '1970-01-01'), {{ history.stamp() }}),
  stage.active_from,
  stage.active_to
FROM kpi_time AS day
INNER JOIN stage_membership AS stage
LEFT JOIN learner_since
  ON learner_since.learner_id = stage.learner_id
WHERE day.date_id = %(day)s;
