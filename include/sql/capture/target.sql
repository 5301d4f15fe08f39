-- step: target: create stage
CREATE TEMPORARY TABLE IF NOT EXISTS stage_target (
  target_type ENUM('GLOBAL', 'MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE', 'REFERENTIEL') NOT NULL,
  ref_id BIGINT NULL,
  label VARCHAR(1000) NULL,
  parent_type ENUM('GLOBAL', 'MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE', 'REFERENTIEL') NULL,
  parent_ref_id BIGINT NULL,
  ref_key BIGINT AS (COALESCE(ref_id, 0)) STORED NOT NULL,
  PRIMARY KEY (target_type, ref_key)
);

-- step: target: read
{% include 'source/' ~ adapter ~ '/target.sql' %};

-- step: target: count
SELECT
  COUNT(*) AS staged,
  SUM(existing.ref_id IS NULL) AS n_new,
  SUM(
    existing.ref_id IS NOT NULL
    AND NOT (existing.label <=> LEFT(stage.label, 191) COLLATE utf8mb4_0900_bin
    AND existing.parent_type <=> stage.parent_type
    AND existing.parent_ref_id <=> stage.parent_ref_id)
  ) AS n_changed,
  0 AS n_vanished,
  0 AS n_reopened
FROM stage_target AS stage
LEFT JOIN kpi_src_target AS existing
  ON existing.target_type = stage.target_type
  AND existing.ref_id = stage.ref_key;

-- step: target: keep current
-- Labels are compared byte by byte: a corrected accent or capital is a change.
INSERT INTO kpi_src_target (target_type, ref_id, label, parent_type, parent_ref_id)
SELECT
  new.target_type,
  new.ref_id,
  new.label,
  new.parent_type,
  new.parent_ref_id
FROM (
  SELECT
    stage.target_type,
    stage.ref_key AS ref_id,
    LEFT(stage.label, 191) AS label,
    stage.parent_type,
    stage.parent_ref_id
  FROM stage_target AS stage
  LEFT JOIN kpi_src_target AS existing
    ON existing.target_type = stage.target_type
    AND existing.ref_id = stage.ref_key
  WHERE
    existing.ref_id IS NULL
    OR NOT (
      existing.label <=> LEFT(stage.label, 191) COLLATE utf8mb4_0900_bin
      AND existing.parent_type <=> stage.parent_type
      AND existing.parent_ref_id <=> stage.parent_ref_id
    )
) AS new
ON DUPLICATE KEY UPDATE
  label = new.label,
  parent_type = new.parent_type,
  parent_ref_id = new.parent_ref_id;
