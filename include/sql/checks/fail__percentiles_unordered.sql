/*
Percentiles rise (p50 ≤ p75 ≤ p90) and rest on a sample; on a day with feedback or acquisitions of the learners there are, everybody's
row is there. A day without any has no rows, which is right: so the first column compares with the history.
*/
SELECT
  COALESCE(MAX(fact.sample_size), 0) = MAX(expected.n) AS feedback_all_counted,
  COALESCE(SUM(every.p50 > every.p75 OR every.p75 > every.p90 OR every.sample_size < 1 OR every.p50 IS NULL), 0) = 0 AS all_rise
FROM (
  SELECT COUNT(DISTINCT feedback.submission_id) AS n
  FROM kpi_time AS day
  INNER JOIN kpi_src_feedback AS feedback
    ON feedback.feedback_at >= day.utc_start
    AND feedback.feedback_at < day.utc_end
    AND feedback.submitted_at IS NOT NULL
  INNER JOIN kpi_src_membership AS membership
    ON membership.scope_type = 'GLOBAL'
    AND membership.learner_id = feedback.learner_id
    AND membership.valid_to >= day.utc_end
    AND membership.valid_from < day.utc_end
    AND (membership.active_from IS NULL OR membership.active_from < day.utc_end)
    AND (membership.active_to IS NULL OR membership.active_to >= day.utc_end)
  WHERE day.date_id = %(date_id)s
) AS expected
LEFT JOIN kpi_percentiles AS every
  ON every.date_id = %(date_id)s
  AND every.period = 'D'
LEFT JOIN kpi_percentiles AS fact
  ON fact.id = every.id
  AND fact.date_id = every.date_id
  AND fact.measure_code = 'DELAI_FEEDBACK'
  AND fact.scope_id IN (SELECT kpi_scope.id FROM kpi_scope WHERE kpi_scope.scope_type = 'GLOBAL')
  AND fact.target_id IN (SELECT kpi_target.id FROM kpi_target WHERE kpi_target.target_type = 'GLOBAL')
