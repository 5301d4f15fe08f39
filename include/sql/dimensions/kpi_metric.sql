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
  LEFT JOIN kpi_metric AS stored
    ON stored.code = header.code
  WHERE
    stored.id IS NULL
    OR NOT (
      stored.label = header.label
      AND stored.unit = header.unit
      AND stored.agg = header.agg
      AND stored.higher_is_better = header.higher_is_better
      AND stored.category = header.category
      AND stored.target_levels = header.target_levels
      AND stored.description <=> header.description
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
