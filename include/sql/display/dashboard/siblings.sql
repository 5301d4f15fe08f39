/*
A metric on a target for all scopes of one type: the best, highest or lowest as the metric is, and the scope asked for. Scopes with
equal values have the same rank.
*/
WITH ranked AS (
  SELECT
    scope.id,
    scope.scope_type AS type,
    scope.ref_id,
    scope.label,
    v.value_num AS value,
    v.sample_size,
    v.numerator,
    v.denominator,
    RANK() OVER best_first AS `rank`,
    ROW_NUMBER() OVER (best_first ROWS UNBOUNDED PRECEDING) AS place,
    COUNT(*) OVER () AS scopes
  FROM kpi_scope AS scope
  INNER JOIN kpi_value AS v
    ON v.scope_id = scope.id
    AND v.target_id = %(target)s
    AND v.metric_id = %(metric)s
    AND v.period = %(period)s
    AND v.date_id = %(date)s
  WHERE
    scope.scope_type = %(type)s
    AND v.value_num IS NOT NULL
  WINDOW best_first AS (ORDER BY IF(%(higher_is_better)s, -v.value_num, v.value_num))
)

SELECT
  id,
  type,
  ref_id,
  label,
  value,
  sample_size,
  numerator,
  denominator,
  `rank`,
  id = %(scope)s AS chosen,
  scopes
FROM ranked
WHERE
  place <= %(limit)s
  OR id = %(scope)s
ORDER BY place
