/*
A metric on a target for a scope's siblings: the best, highest or lowest as the metric is, and the scope itself. Siblings are all
scopes of its type; of a learner, with `among_learners`, those who are in a group with him now. Equal values have the same rank.
*/
WITH sibling AS (
  SELECT
    id,
    scope_type,
    ref_id,
    label
  FROM kpi_scope
  WHERE id = %(scope)s
  UNION DISTINCT
  SELECT
    scope.id,
    scope.scope_type,
    scope.ref_id,
    scope.label
  FROM kpi_scope AS learner_scope
  INNER JOIN kpi_src_membership AS own
    ON own.learner_id = learner_scope.ref_id
    AND own.scope_type = 'GROUPE'
    AND own.valid_to = '9999-12-31'
  INNER JOIN kpi_src_membership AS other
    ON other.valid_to = '9999-12-31'
    AND other.scope_type = 'GROUPE'
    AND other.scope_ref_id = own.scope_ref_id
  INNER JOIN kpi_scope AS scope
    ON scope.scope_type = 'APPRENANT'
    AND scope.ref_key = other.learner_id
  WHERE learner_scope.id = %(scope)s
),

ranked AS (
  SELECT
    sibling.id,
    sibling.scope_type AS type,
    sibling.ref_id,
    sibling.label,
    v.value_num AS value,
    v.sample_size,
    v.numerator,
    v.denominator,
    RANK() OVER best_first AS `rank`,
    ROW_NUMBER() OVER (best_first ROWS UNBOUNDED PRECEDING) AS place,
    COUNT(*) OVER () AS scopes
  FROM sibling
  INNER JOIN kpi_value AS v
    ON v.scope_id = sibling.id
    AND v.target_id = %(target)s
    AND v.metric_id = %(metric)s
    AND v.period = %(period)s
    AND v.date_id = %(date)s
  WHERE v.value_num IS NOT NULL
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
  place <= %(most)s
  OR id = %(scope)s
ORDER BY place
