/*
The history as it was before the capture that kpi_before_capture names: what that capture, and those of some learners since, have written is
removed, what they closed, replaced or removed is put back. The ledger keeps them, as TAKEN_BACK. Changes that they had taken up
are pending again.
*/

-- step: kpi_src_realisation: remove | table=kpi_src_realisation counts=deleted when=first
DELETE FROM kpi_src_realisation;

-- step: kpi_src_realisation: remove | table=kpi_src_realisation counts=deleted when=later
DELETE written
FROM kpi_before_realisation AS was
INNER JOIN kpi_src_realisation AS written
  ON written.valid_from >= was.written_from
  AND written.domain = was.domain
  AND written.ref_id = was.ref_id
  AND written.learner_id = was.learner_id;

-- step: kpi_src_realisation: put back | table=kpi_src_realisation counts=inserted when=later
INSERT INTO kpi_src_realisation (valid_to, domain, ref_id, learner_id, valid_from, state_code, state_order, is_final, progress_pct, score, score_max, started_at, finished_at, last_activity_at, created_at, source_started_at, source_finished_at, started_from, started_seen_at, unstarted_seen_at, final_from, final_seen_at, unfinal_seen_at, last_seen_at, origin)
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
  started_at,
  finished_at,
  last_activity_at,
  created_at,
  source_started_at,
  source_finished_at,
  started_from,
  started_seen_at,
  unstarted_seen_at,
  final_from,
  final_seen_at,
  unfinal_seen_at,
  last_seen_at,
  origin
FROM kpi_before_realisation
WHERE valid_from IS NOT NULL;

-- step: kpi_src_membership: remove | table=kpi_src_membership counts=deleted when=first
DELETE FROM kpi_src_membership;

-- step: kpi_src_membership: remove | table=kpi_src_membership counts=deleted when=later
DELETE written
FROM kpi_before_membership AS was
INNER JOIN kpi_src_membership AS written
  ON written.valid_from >= was.written_from
  AND written.scope_type = was.scope_type
  AND written.scope_ref_id = was.scope_ref_id
  AND written.learner_id = was.learner_id;

-- step: kpi_src_membership: put back | table=kpi_src_membership counts=inserted when=later
INSERT INTO kpi_src_membership (valid_to, scope_type, scope_ref_id, learner_id, valid_from, active_from, active_to, origin)
SELECT
  '9999-12-31',
  scope_type,
  scope_ref_id,
  learner_id,
  valid_from,
  active_from,
  active_to,
  origin
FROM kpi_before_membership
WHERE valid_from IS NOT NULL;

-- step: kpi_src_plan: remove | table=kpi_src_plan counts=deleted when=first
DELETE FROM kpi_src_plan;

-- step: kpi_src_plan: remove | table=kpi_src_plan counts=deleted when=later
DELETE written
FROM kpi_before_plan AS was
INNER JOIN kpi_src_plan AS written
  ON written.valid_from >= was.written_from
  AND written.scope_type = was.scope_type
  AND written.scope_ref_id = was.scope_ref_id
  AND written.ua_ref_id = was.ua_ref_id;

-- step: kpi_src_plan: put back | table=kpi_src_plan counts=inserted when=later
INSERT INTO kpi_src_plan (valid_to, scope_type, scope_ref_id, ua_ref_id, valid_from, due_on, created_at, origin)
SELECT
  '9999-12-31',
  scope_type,
  scope_ref_id,
  ua_ref_id,
  valid_from,
  due_on,
  created_at,
  origin
FROM kpi_before_plan
WHERE valid_from IS NOT NULL;

-- step: kpi_src_feedback: remove | table=kpi_src_feedback counts=deleted
DELETE FROM kpi_src_feedback
WHERE captured_at >= %(captured_at)s;

-- step: kpi_src_scope: empty
DELETE FROM kpi_src_scope;

-- step: kpi_src_scope: fill as before
INSERT INTO kpi_src_scope (scope_type, ref_id, label)
SELECT
  scope_type,
  ref_id,
  label
FROM kpi_before_scope;

-- step: kpi_src_target: empty
DELETE FROM kpi_src_target;

-- step: kpi_src_target: fill as before
INSERT INTO kpi_src_target (target_type, ref_id, label, parent_type, parent_ref_id)
SELECT
  target_type,
  ref_id,
  label,
  parent_type,
  parent_ref_id
FROM kpi_before_target;

-- step: kpi_src_learner: empty
DELETE FROM kpi_src_learner;

-- step: kpi_src_learner: fill as before
INSERT INTO kpi_src_learner (learner_id, captured_at)
SELECT
  learner_id,
  captured_at
FROM kpi_before_learner;

-- step: kpi_reject: empty
DELETE FROM kpi_reject;

-- step: kpi_reject: fill as before
INSERT INTO kpi_reject (id, relation, source_key, field, reason, detail, first_seen_at, last_seen_at)
SELECT
  id,
  relation,
  source_key,
  field,
  reason,
  detail,
  first_seen_at,
  last_seen_at
FROM kpi_before_reject;

-- step: kpi_change: pending again
UPDATE kpi_change
SET done_at = NULL
WHERE done_at >= %(made_at)s;

-- step: kpi_open_day: close
DELETE FROM kpi_open_day;

-- step: kpi_run: captures taken back
UPDATE kpi_run
SET state = 'TAKEN_BACK'
WHERE
  table_name LIKE 'kpi\_src\_%'
  AND state = 'DONE'
  AND id > %(run_id)s;

-- step: kpi_before_realisation: empty
DELETE FROM kpi_before_realisation;

-- step: kpi_before_membership: empty
DELETE FROM kpi_before_membership;

-- step: kpi_before_plan: empty
DELETE FROM kpi_before_plan;

-- step: kpi_before_scope: empty
DELETE FROM kpi_before_scope;

-- step: kpi_before_target: empty
DELETE FROM kpi_before_target;

-- step: kpi_before_learner: empty
DELETE FROM kpi_before_learner;

-- step: kpi_before_reject: empty
DELETE FROM kpi_before_reject;

-- step: kpi_before_capture: empty
DELETE FROM kpi_before_capture;
