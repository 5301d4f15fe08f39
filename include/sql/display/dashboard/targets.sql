/*
The tree of targets now in force: each target with the one that it hangs under, the root with none. A target whose parent is
not known hangs directly under the root, as in kpi_target_closure.
*/
SELECT
  target.id,
  target.target_type AS type,
  target.ref_id,
  target.label,
  CASE WHEN target.target_type <> 'GLOBAL' THEN COALESCE(parent.id, root.id) END AS parent_id
FROM kpi_target AS target
LEFT JOIN kpi_target AS root
  ON root.target_type = 'GLOBAL'
  AND root.ref_key = 0
LEFT JOIN kpi_src_target AS source
  ON source.target_type = target.target_type
  AND source.ref_id = target.ref_key
LEFT JOIN kpi_target AS parent
  ON parent.target_type = source.parent_type
  AND parent.ref_key = COALESCE(source.parent_ref_id, 0)
ORDER BY target.target_type, target.label, target.id
