/*
What identifies a submission: its kind, its id and the learner, on one target, and the capture that took it, since an id can be used again for
another submission. MySQL has no ADD COLUMN IF NOT EXISTS, so it is asked for first; column and key change in one statement, all or nothing.
*/
SET @add_kind = IF(
  (SELECT COUNT(*) FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'kpi_src_feedback' AND column_name = 'kind') = 0,
  'ALTER TABLE kpi_src_feedback ADD COLUMN kind VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci NOT NULL DEFAULT ''TACHE'' FIRST, DROP PRIMARY KEY, ADD PRIMARY KEY (kind, submission_id, learner_id, target_type, target_ref_id, captured_at)',
  'DO 0'
);

PREPARE add_kind FROM @add_kind;

EXECUTE add_kind;

DEALLOCATE PREPARE add_kind;

ALTER TABLE kpi_src_feedback ALTER COLUMN kind DROP DEFAULT;

-- Captures before this version kept parents that are of no higher level, and circles of them: such a target hangs under GLOBAL.
UPDATE kpi_src_target
SET parent_type = NULL, parent_ref_id = NULL
WHERE
  FIELD(parent_type, 'UA', 'MICRO_COMPETENCE', 'COMPETENCE', 'MODULE', 'REFERENTIEL', 'GLOBAL')
  <= FIELD(target_type, 'UA', 'MICRO_COMPETENCE', 'COMPETENCE', 'MODULE', 'REFERENTIEL', 'GLOBAL');
