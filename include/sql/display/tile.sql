/*
The tiles of a group and a module in the last week, from the one row of kpi_tile_cache: the numbers of tiles.sql for the period W.
*/
SELECT
  t.label AS target,
  m.code,
  m.label,
  CAST(JSON_EXTRACT(c.week_figures, CONCAT('$.', m.code, '.value')) AS DECIMAL(12, 4)) AS value_num,
  m.unit,
  CAST(JSON_EXTRACT(c.week_figures, CONCAT('$.', m.code, '.sample_size')) AS SIGNED) AS sample_size
FROM kpi_tile_cache AS c
INNER JOIN kpi_scope AS s ON s.id = c.scope_id
INNER JOIN kpi_target AS t ON t.id = c.target_id
INNER JOIN kpi_metric AS m ON JSON_CONTAINS_PATH(c.week_figures, 'one', CONCAT('$.', m.code)) = 1
WHERE
  s.scope_type = 'GROUPE'
  AND s.ref_id = %(groupe_id)s
  AND t.target_type = 'MODULE'
  AND t.ref_id = %(module_id)s
ORDER BY m.code
