/*
Percentiles rise (p50 ≤ p75 ≤ p90) and rest on a sample, and everybody's row on everything has all the events of the day that the measure's
file finds in the history. A day without any has no rows, which is right: so there is no count of rows to begin with, but one compared
with the history.
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
    'DELAI_ACQUIS_MICRO' AS measure_code,
    COUNT(DISTINCT event.event_id) AS n
  FROM learner
  INNER JOIN (
    WITH realisation AS (
      SELECT
        history.learner_id,
        history.domain,
        history.ref_id,
        history.state_code,
        history.state_order,
        history.is_final,
        history.progress_pct,
        history.score,
        history.score_max,
        history.started_at,
        history.finished_at,
        history.last_activity_at,
        history.origin = 'RECONSTRUCTED' AS reconstructed,
        day.date_id AS first_day,
        day.date_id AS last_day
      FROM kpi_time AS day
      INNER JOIN kpi_src_realisation AS history IGNORE INDEX (uq_realisation)
        ON history.valid_to >= day.utc_end
        AND history.valid_from < day.utc_end
      WHERE
        day.date_id = %(as_of)s
        AND history.domain IN ('MICRO_COMPETENCE')
    )

    /*
    code: DELAI_ACQUIS_MICRO
    label: "Délais d'acquisition des micro-compétences"
    label_en: Time to acquire micro-competences
    unit: jours
    agg: PERCENTILE
    target_levels: [GLOBAL, MODULE, COMPETENCE, MICRO_COMPETENCE]
    reads: {realisation: [MICRO_COMPETENCE]}
    rollup: RECOMPUTE
    description: >
      Median, 75th and 90th percentiles, by linear interpolation, of the time in days of 24 h from start to end of the
      micro-competences at or below the target that were finished within the period and are final at its end.
    example: >
      Delays of 1, 2, 3 and 10 days: p50 = 2.5000, p75 = 4.7500, p90 = 7.9000, sample_size = 4.
    */
    SELECT
      learner_id,
      domain,
      ref_id,
      CONCAT(learner_id, ':', ref_id) AS event_id,
      started_at AS began_at,
      finished_at AS happened_at,
      reconstructed,
      first_day,
      last_day
    FROM realisation
    WHERE
      is_final = 1
      AND started_at IS NOT NULL

  ) AS event
    ON event.learner_id = learner.learner_id
    AND event.happened_at >= learner.utc_start
    AND event.happened_at < learner.utc_end
  UNION ALL
  SELECT
    'DELAI_FEEDBACK' AS measure_code,
    COUNT(DISTINCT event.event_id) AS n
  FROM learner
  INNER JOIN (
    WITH feedback AS (
      SELECT
        history.learner_id,
        history.kind,
        history.submission_id,
        history.target_type,
        history.target_ref_id,
        history.submitted_at,
        history.feedback_at,
        history.captured_at,
        0 AS reconstructed,
        DATE '1900-01-01' AS first_day,
        DATE '9999-12-31' AS last_day
      FROM kpi_src_feedback AS history
    )

    /*
    code: DELAI_FEEDBACK
    label: "Délais de feedback"
    label_en: Time to feedback
    unit: heures
    agg: PERCENTILE
    target_levels: [GLOBAL, MODULE, COMPETENCE, MICRO_COMPETENCE]
    reads: {feedback: [MODULE, COMPETENCE, MICRO_COMPETENCE]}
    rollup: RECOMPUTE
    description: >
      Median, 75th and 90th percentiles, by linear interpolation, of the time in hours from a submission to its first feedback,
      over the feedback given within the period on targets at or under the target; a submission counts once per cell.
    example: >
      Delays of 2 and 5 hours: p50 = 3.5000, p75 = 4.2500, p90 = 4.7000, sample_size = 2.
    */
    SELECT
      learner_id,
      target_type AS domain,
      target_ref_id AS ref_id,
      CONCAT_WS(':', kind, submission_id, learner_id, captured_at) AS event_id,
      submitted_at AS began_at,
      feedback_at AS happened_at,
      reconstructed,
      first_day,
      last_day
    FROM feedback
    WHERE submitted_at IS NOT NULL

  ) AS event
    ON event.learner_id = learner.learner_id
    AND event.happened_at >= learner.utc_start
    AND event.happened_at < learner.utc_end
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
