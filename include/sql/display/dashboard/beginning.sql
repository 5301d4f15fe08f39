/*
What a page shows first: everybody, and the first module that has figures for everybody on a day.
*/
SELECT
  scope.id AS scope,
  (
    SELECT target.id
    FROM kpi_value AS v
    INNER JOIN kpi_target AS target
      ON target.id = v.target_id
      AND target.target_type = 'MODULE'
    WHERE
      v.date_id = %(date)s
      AND v.period = 'D'
      AND v.scope_id = scope.id
    ORDER BY target.label, target.id
    LIMIT 1
  ) AS target
FROM kpi_scope AS scope
WHERE
  scope.scope_type = 'GLOBAL'
  AND scope.ref_key = 0
