/*
One metric of the dictionary, from the header of its .sql file: written when new or different.
*/
INSERT INTO kpi_metric (code, label, unit, agg, higher_is_better, category, target_levels, description)
SELECT
  new.code,
  new.label,
  new.unit,
  new.agg,
  new.higher_is_better,
  new.category,
  new.target_levels,
  new.description
FROM (
  SELECT
    header.code,
    header.label,
    header.unit,
    header.agg,
    header.higher_is_better,
    header.category,
    header.target_levels,
    header.description
  FROM (
    SELECT
      %(code)s AS code,
      %(label)s AS label,
      %(unit)s AS unit,
      %(agg)s AS agg,
      %(higher_is_better)s AS higher_is_better,
      %(category)s AS category,
      %(target_levels)s AS target_levels,
      %(description)s AS description
  ) AS header
  LEFT JOIN kpi_metric AS existing
    ON existing.code = header.code
  WHERE
    existing.id IS NULL
    OR NOT (
      existing.label = header.label COLLATE utf8mb4_0900_bin
      AND existing.unit = header.unit
      AND existing.agg = header.agg
      AND existing.higher_is_better = header.higher_is_better
      AND existing.category = header.category
      AND existing.target_levels = header.target_levels
      AND existing.description <=> header.description COLLATE utf8mb4_0900_bin
    )
) AS new
ON DUPLICATE KEY UPDATE
  label = new.label,
  unit = new.unit,
  agg = new.agg,
  higher_is_better = new.higher_is_better,
  category = new.category,
  target_levels = new.target_levels,
  description = new.description
