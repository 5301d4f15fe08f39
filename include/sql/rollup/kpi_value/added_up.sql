{# One metric of a week or month from its D rows, by SUM, RATIO_OF_SUMS or WEIGHTED_MEAN. -#}
INSERT INTO stage_kpi_value (date_id, scope_id, target_id, metric_id, value_num, numerator, denominator, sample_size, extra_json)
SELECT
  %(date_id)s,
  added.scope_id,
  added.target_id,
  added.metric_id,
{%- for column in ('value_num', 'numerator', 'denominator') %}
  {{ rollup.GIVES[metric.rollup][column] | replace('%s', metric.factor) }},
{%- endfor %}
  added.whole,
  {{ rollup.told(
    "IF(added.reconstructed > 0, JSON_OBJECT('reconstructed', CAST(added.reconstructed AS SIGNED)), NULL)",
    'stage_closing.as_of',
    'stage_closing.done_days',
    'stage_closing.is_over AND stage_closing.done_days = DATEDIFF(stage_closing.as_of, %(first)s) + 1'
  ) }}
FROM stage_closing
INNER JOIN (
  SELECT
    fact.scope_id,
    fact.target_id,
    fact.metric_id
{%- for name, value in (dict(rollup.ADDED[metric.rollup], **rollup.SAMPLE)).items() %},
    SUM({{ value }}) AS {{ name }}
{%- endfor %}
  FROM kpi_value AS fact
  INNER JOIN kpi_metric
    ON kpi_metric.id = fact.metric_id
    AND kpi_metric.code = '{{ metric.code }}'
  WHERE
    fact.date_id >= %(first)s
    AND fact.date_id <= %(last)s
    AND fact.period = 'D'
  GROUP BY fact.scope_id, fact.target_id, fact.metric_id
) AS added
  ON added.scope_id = stage_closing.scope_id
