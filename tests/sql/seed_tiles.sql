-- The design's query 5.1 as its user gave it, word for word.
-- Dernière semaine (period='W') pour un groupe + module
SELECT
  t.label AS target, m.code, m.label, v.value_num, m.unit
FROM kpi_value v
JOIN kpi_metric m  ON m.id = v.metric_id
JOIN kpi_target t  ON t.id = v.target_id
JOIN kpi_scope  s  ON s.id = v.scope_id
WHERE s.scope_type='GROUPE' AND s.ref_id=:groupe_id
  AND t.target_type='MODULE' AND t.ref_id=:module_id
  AND v.period='W' AND v.date_id=(SELECT MAX(date_id) FROM kpi_value WHERE period='W');
