/*
Percentiles rise (p50 ≤ p75 ≤ p90) and rest on a sample, and everybody's row on everything has all the acquisitions and feedback of the
day. A day without any has no rows, which is right: so there is no count of rows to begin with, but one compared with the history.
*/
WITH learner AS (
  SELECT
    membership.learner_id,
    day.utc_start,
    day.utc_end
  FROM kpi_time AS day
  INNER JOIN kpi_src_membership AS membership
    ON membership.scope_type = 'GLOBAL'
    AND membership.valid_to >= day.utc_end
    AND membership.valid_from < day.utc_end
    AND (membership.active_from IS NULL OR membership.active_from < day.utc_end)
    AND (membership.active_to IS NULL OR membership.active_to >= day.utc_end)
  WHERE day.date_id = %(date_id)s
),

expected AS (
  SELECT
    'DELAI_FEEDBACK' AS measure_code,
    COUNT(DISTINCT feedback.kind, feedback.submission_id, feedback.learner_id, feedback.captured_at) AS n
  FROM learner
  INNER JOIN kpi_src_feedback AS feedback
    ON feedback.learner_id = learner.learner_id
    AND feedback.feedback_at >= learner.utc_start
    AND feedback.feedback_at < learner.utc_end
  WHERE feedback.submitted_at IS NOT NULL
  UNION ALL
  SELECT
    IF(finished.domain = 'COMPETENCE', 'DELAI_ACQUIS_COMP', 'DELAI_ACQUIS_MICRO'),
    COUNT(*)
  FROM learner
  INNER JOIN kpi_src_realisation AS finished
    ON finished.learner_id = learner.learner_id
    AND finished.valid_to >= learner.utc_end
    AND finished.valid_from < learner.utc_end
    AND finished.finished_at >= learner.utc_start
    AND finished.finished_at < learner.utc_end
  WHERE
    finished.domain IN ('COMPETENCE', 'MICRO_COMPETENCE')
    AND finished.is_final = 1
    AND finished.started_at IS NOT NULL
  GROUP BY finished.domain
),

fact AS (
  SELECT
    figure.measure_code,
    figure.p50,
    figure.p75,
    figure.p90,
    figure.sample_size,
    kpi_scope.scope_type = 'GLOBAL' AND kpi_target.target_type = 'GLOBAL' AS is_everything
  FROM kpi_percentiles AS figure
  LEFT JOIN kpi_scope
    ON kpi_scope.id = figure.scope_id
  LEFT JOIN kpi_target
    ON kpi_target.id = figure.target_id
  WHERE
    figure.date_id = %(date_id)s
    AND figure.period = 'D'
)

SELECT
  (
    SELECT SUM(COALESCE(fact.sample_size, 0) <> expected.n) = 0
    FROM expected
    LEFT JOIN fact
      ON fact.measure_code = expected.measure_code
      AND fact.is_everything = 1
  ) AS all_delays_counted,
  (
    SELECT COALESCE(SUM(COALESCE(fact.p50 > fact.p75 OR fact.p75 > fact.p90 OR fact.sample_size < 1, 1)), 0) = 0
    FROM fact
  ) AS all_rise
