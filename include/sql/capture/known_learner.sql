-- step: scope: create known learners | phase=create relation=scope
CREATE TEMPORARY TABLE IF NOT EXISTS known_learner (
  learner_id BIGINT NOT NULL PRIMARY KEY
) COLLATE utf8mb4_0900_ai_ci;

-- step: scope: list known learners | phase=find relation=scope
INSERT INTO known_learner (learner_id)
SELECT ref_id
FROM stage_scope
WHERE
  scope_type = 'APPRENANT'
  AND ref_id IS NOT NULL;
