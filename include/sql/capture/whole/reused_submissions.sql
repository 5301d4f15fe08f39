{# Submissions whose id another learner had before, who is gone from it. #}
{% import 'macros/history.sql' as history with context -%}
{% call history.reject('feedback', 'ids used by another learner') %}
SELECT
  CONCAT_WS(':', event.kind, event.submission_id, event.learner_id) AS source_key,
  'learner_id' AS field,
  'reused_id' AS reason,
  CONCAT('captured before as of learner ', MAX(earlier.learner_id)) AS detail
FROM kpi_src_feedback AS event
INNER JOIN kpi_src_feedback AS earlier
  ON earlier.kind = event.kind
  AND earlier.submission_id = event.submission_id
  AND earlier.learner_id <> event.learner_id
  AND earlier.captured_at < event.captured_at
LEFT JOIN stage_feedback AS stage
  ON stage.kind = earlier.kind
  AND stage.submission_id = earlier.submission_id
  AND stage.learner_id = earlier.learner_id
WHERE
  event.captured_at > %(previous)s
  AND stage.submission_id IS NULL
GROUP BY event.kind, event.submission_id, event.learner_id
{% endcall %}
