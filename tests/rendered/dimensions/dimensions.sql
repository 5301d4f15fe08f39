/*
Scopes and targets from the captured source: rows are created as needed, labels refreshed (compared byte by byte, for the accents),
ids kept for ever. The tree of targets is unfolded into kpi_target_closure. The script of task dimensions.
*/
-- step: kpi_scope
INSERT INTO kpi_scope (scope_type, ref_id, label)
SELECT
  new.scope_type,
  new.ref_id,
  new.label
FROM (
  SELECT
    source.scope_type,
    NULLIF(source.ref_id, 0) AS ref_id,
    source.label
  FROM kpi_src_scope AS source
  LEFT JOIN kpi_scope AS existing
    ON existing.scope_type = source.scope_type
    AND existing.ref_key = source.ref_id
  WHERE
    existing.id IS NULL
    OR NOT (existing.label <=> source.label COLLATE utf8mb4_0900_bin)
) AS new
ON DUPLICATE KEY UPDATE
  label = new.label;

-- step: kpi_target
INSERT INTO kpi_target (target_type, ref_id, label)
SELECT
  new.target_type,
  new.ref_id,
  new.label
FROM (
  SELECT
    source.target_type,
    NULLIF(source.ref_id, 0) AS ref_id,
    source.label
  FROM kpi_src_target AS source
  LEFT JOIN kpi_target AS existing
    ON existing.target_type = source.target_type
    AND existing.ref_key = source.ref_id
  WHERE
    existing.id IS NULL
    OR NOT (existing.label <=> source.label COLLATE utf8mb4_0900_bin)
) AS new
ON DUPLICATE KEY UPDATE
  label = new.label;

-- step: closure | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_closure (
  target_type ENUM('GLOBAL', 'MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE', 'REFERENTIEL') NOT NULL,
  ref_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  ancestor_id BIGINT NOT NULL,
  ancestor_type ENUM('GLOBAL', 'MODULE', 'UA', 'COMPETENCE', 'MICRO_COMPETENCE', 'REFERENTIEL') NOT NULL,
  is_self TINYINT(1) NOT NULL,
  PRIMARY KEY (target_type, ref_id, ancestor_id)
) COLLATE utf8mb4_0900_ai_ci;

-- step: unfold the tree
INSERT INTO stage_closure (target_type, ref_id, target_id, ancestor_id, ancestor_type, is_self)
WITH RECURSIVE edge AS (
  -- A target without a parent, or whose parent is not known, hangs directly under GLOBAL.
  SELECT
    child.id AS child_id,
    COALESCE(parent.id, top.id) AS parent_id
  FROM kpi_src_target AS source
  INNER JOIN kpi_target AS child
    ON child.target_type = source.target_type
    AND child.ref_key = source.ref_id
  INNER JOIN kpi_target AS top
    ON top.target_type = 'GLOBAL'
    AND top.ref_key = 0
  LEFT JOIN kpi_target AS parent
    ON parent.target_type = source.parent_type
    AND parent.ref_key = COALESCE(source.parent_ref_id, 0)
  WHERE source.target_type <> 'GLOBAL'
),

closure AS (
  SELECT
    id AS descendant_id,
    id AS ancestor_id
  FROM kpi_target
  UNION DISTINCT
  SELECT
    closure.descendant_id,
    edge.parent_id
  FROM closure
  INNER JOIN edge
    ON edge.child_id = closure.ancestor_id
)

SELECT
  target.target_type,
  target.ref_key,
  target.id,
  ancestor.id,
  ancestor.target_type,
  target.id = ancestor.id
FROM closure
INNER JOIN kpi_target AS target
  ON target.id = closure.descendant_id
INNER JOIN kpi_target AS ancestor
  ON ancestor.id = closure.ancestor_id;

-- step: kpi_target_closure: remove
DELETE existing
FROM kpi_target_closure AS existing
LEFT JOIN stage_closure AS stage
  ON stage.target_type = existing.target_type
  AND stage.ref_id = existing.ref_id
  AND stage.ancestor_id = existing.ancestor_id
WHERE stage.ancestor_id IS NULL;

-- step: kpi_target_closure: add
INSERT INTO kpi_target_closure (target_type, ref_id, target_id, ancestor_id, ancestor_type, is_self)
SELECT
  stage.target_type,
  stage.ref_id,
  stage.target_id,
  stage.ancestor_id,
  stage.ancestor_type,
  stage.is_self
FROM stage_closure AS stage
LEFT JOIN kpi_target_closure AS existing
  ON existing.target_type = stage.target_type
  AND existing.ref_id = stage.ref_id
  AND existing.ancestor_id = stage.ancestor_id
WHERE existing.ancestor_id IS NULL;
