/*
Open the new versions, with the instants that are believed: what the source says, unless it is missing or the captures contradict
it; then the beginning of the run. A replaced start is never later than the end; an end before its start is set aside.
*/
INSERT INTO kpi_src_realisation (
  valid_to, domain, ref_id, learner_id, valid_from, state_code, state_order, is_final, progress_pct, score, score_max, source_started_at, source_finished_at, last_activity_at, created_at, started_at,
  finished_at, started_from, started_seen_at, unstarted_seen_at, final_from, final_seen_at, unfinal_seen_at, origin
)
WITH judged AS (
  SELECT
    change_row.*,
    run.valid_from,
    run.started_from,
    run.started_seen_at,
    run.unstarted_seen_at,
    run.final_from,
    run.final_seen_at,
    run.unfinal_seen_at,
    change_row.source_started_at IS NULL
    OR COALESCE(change_row.source_started_at < run.unstarted_seen_at, FALSE)
    OR change_row.source_started_at > run.started_seen_at AS start_replaced,
    CASE
      WHEN run.final_from IS NULL THEN NULL
      WHEN
        change_row.source_finished_at IS NULL
        OR COALESCE(change_row.source_finished_at < run.unfinal_seen_at, FALSE)
        OR change_row.source_finished_at > run.final_seen_at
        THEN run.final_from
      ELSE change_row.source_finished_at
    END AS believed_finish
  FROM change_realisation AS change_row
  INNER JOIN run_realisation AS run
    ON run.domain = change_row.domain
    AND run.ref_id = change_row.ref_id
    AND run.learner_id = change_row.learner_id
),

believed AS (
  SELECT
    judged.*,
    CASE
      WHEN started_from IS NULL THEN NULL
      WHEN start_replaced THEN LEAST(started_from, COALESCE(believed_finish, started_from))
      ELSE source_started_at
    END AS believed_start
  FROM judged
)

SELECT
  '9999-12-31',
  domain,
  ref_id,
  learner_id,
  valid_from,
  state_code,
  state_order,
  is_final,
  progress_pct,
  score,
  score_max,
  source_started_at,
  source_finished_at,
  last_activity_at,
  created_at,
  believed_start,
  IF(believed_finish < believed_start, NULL, believed_finish),
  started_from,
  started_seen_at,
  unstarted_seen_at,
  final_from,
  final_seen_at,
  unfinal_seen_at,
  'CAPTURED'
FROM believed;
