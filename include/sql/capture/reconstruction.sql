/*
The first capture ever: what a row's own dates prove (design, "First capture ever"), marked RECONSTRUCTED. Up to three versions a row:
  part 0  TODO, progress 0, from its creation
  part 1  under way in a state not known, from its start
  part 2  as it is now, from its end if final, else from its last activity
A date that is missing or later than the capture proves nothing; a part that would not last is left out.
Example: created on 1 March, started on the 2nd, last active on the 5th, now IN_PROGRESS: TODO [1st, 2nd), UNKNOWN
[2nd, 5th), IN_PROGRESS [5th, ∞).
*/
INSERT INTO kpi_src_realisation (
  valid_to, domain, ref_id, learner_id, valid_from, state_code, state_order, is_final, progress_pct, score, score_max, source_started_at, source_finished_at, last_activity_at, created_at, started_at,
  finished_at, started_from, started_seen_at, final_from, final_seen_at, origin
)
WITH dated AS (
  SELECT
    stage.*,
    usable_state_code <> 'TODO' AS is_started,
    IF(created_at <= %(captured_at)s, created_at, NULL) AS created,
    IF(started_at <= %(captured_at)s AND usable_state_code <> 'TODO', started_at, NULL) AS started,
    IF(finished_at <= %(captured_at)s AND usable_is_final, finished_at, NULL) AS finished,
    IF(last_activity_at <= %(captured_at)s, last_activity_at, NULL) AS last_active,
    {{ history.stamp() }} AS stamp
  FROM kpi_time AS day
  INNER JOIN stage_realisation AS stage
  WHERE day.date_id = %(day)s
),

bounded AS (
  SELECT
    dated.*,
    COALESCE(finished, last_active, started, created, stamp) AS now_from
  FROM dated
),

believed AS (
  SELECT
    bounded.*,
    IF(started < now_from, started, NULL) AS under_way_from,
    IF(usable_is_final, COALESCE(finished, now_from), NULL) AS believed_finish
  FROM bounded
),

parted AS (
  SELECT
    believed.*,
    part.n AS part,
    COALESCE(under_way_from, now_from) AS started_run_from,
    CASE part.n
      WHEN 0 THEN created
      WHEN 1 THEN under_way_from
      ELSE now_from
    END AS valid_from,
    CASE part.n
      WHEN 0 THEN COALESCE(under_way_from, now_from)
      WHEN 1 THEN now_from
      ELSE '9999-12-31'
    END AS valid_to
  FROM believed
  INNER JOIN (SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2) AS part
),

version AS (
  SELECT
    parted.*,
    CASE
      WHEN part = 0 OR NOT is_started THEN NULL
      WHEN started IS NOT NULL THEN started
      ELSE LEAST(started_run_from, COALESCE(believed_finish, started_run_from))
    END AS believed_start
  FROM parted
  WHERE valid_from < valid_to
)

SELECT
  valid_to,
  version.domain,
  ref_id,
  learner_id,
  valid_from,
  CASE part WHEN 0 THEN 'TODO' WHEN 1 THEN 'UNKNOWN' ELSE usable_state_code END,
  CASE part WHEN 0 THEN COALESCE(first_state.state_order, 0) WHEN 1 THEN 999 ELSE usable_state_order END,
  IF(part = 2, usable_is_final, 0),
  CASE part WHEN 0 THEN 0 WHEN 2 THEN usable_progress_pct END,
  IF(part = 2, usable_score, NULL),
  IF(part = 2, usable_score_max, NULL),
  started_at,
  finished_at,
  CASE part WHEN 1 THEN started WHEN 2 THEN last_activity_at END,
  created_at,
  believed_start,
  IF(part = 2 AND NOT COALESCE(believed_finish < believed_start, FALSE), believed_finish, NULL),
  IF(part > 0 AND is_started, started_run_from, NULL),
  IF(part > 0 AND is_started, %(captured_at)s, NULL),
  IF(part = 2 AND usable_is_final, now_from, NULL),
  IF(part = 2 AND usable_is_final, %(captured_at)s, NULL),
  'RECONSTRUCTED'
FROM version
LEFT JOIN first_state
  ON first_state.domain = version.domain;
