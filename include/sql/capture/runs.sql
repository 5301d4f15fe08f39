/*
The started and the final run that each version to open belongs to (design, "Believe a source's instant unless the history
contradicts it"). A run is a chain of adjoining versions that are started (state other than TODO), or final. The latest
version of the row before the change tells it: `earlier`; where the change replaces that version (it would not have
lasted), the version before it may be the one that adjoins: `before_it`. No capture has seen a version that was reconstructed
and is closed: its last_seen_at is NULL. The open version is of another row when its creation is another one, and all are of
another learner's when the id was used again. Who first saw a run is a capture of all learners: until there is one, each capture alone
takes the place of the one before, so that an end that a person saves an hour after is believed with these captures and without them.
*/
INSERT INTO run_realisation (
  domain, ref_id, learner_id, valid_from, started_from, started_seen_at, unstarted_seen_at, final_from, final_seen_at,
  unfinal_seen_at
)
SELECT
  change_row.domain,
  change_row.ref_id,
  change_row.learner_id,
  GREATEST(change_row.new_from, COALESCE(change_row.open_from, change_row.new_from)) AS valid_from,
  CASE
    WHEN NOT (change_row.state_code <> 'TODO') THEN NULL
    WHEN earlier.started_from IS NOT NULL AND (change_row.open_from IS NOT NULL OR earlier.valid_to = change_row.new_from) THEN earlier.started_from
    WHEN before_it.started_from IS NOT NULL THEN before_it.started_from
    ELSE GREATEST(change_row.new_from, COALESCE(change_row.open_from, change_row.new_from))
  END AS started_from,
  CASE
    WHEN NOT (change_row.state_code <> 'TODO') THEN NULL
    WHEN earlier.started_from IS NOT NULL AND (change_row.open_from IS NOT NULL OR earlier.valid_to = change_row.new_from) THEN {{ history.seen_whole('earlier.started_seen_at') }}
    WHEN before_it.started_from IS NOT NULL THEN {{ history.seen_whole('before_it.started_seen_at') }}
    ELSE %(captured_at)s
  END AS started_seen_at,
  CASE
    WHEN earlier.learner_id IS NOT NULL AND earlier.started_from IS NULL THEN IF(earlier.valid_to = '9999-12-31', {{ history.previous('seen') }}, earlier.last_seen_at)
    ELSE earlier.unstarted_seen_at
  END AS unstarted_seen_at,
  CASE
    WHEN NOT change_row.is_final THEN NULL
    WHEN earlier.final_from IS NOT NULL AND (change_row.open_from IS NOT NULL OR earlier.valid_to = change_row.new_from) THEN earlier.final_from
    WHEN before_it.final_from IS NOT NULL THEN before_it.final_from
    ELSE GREATEST(change_row.new_from, COALESCE(change_row.open_from, change_row.new_from))
  END AS final_from,
  CASE
    WHEN NOT change_row.is_final THEN NULL
    WHEN earlier.final_from IS NOT NULL AND (change_row.open_from IS NOT NULL OR earlier.valid_to = change_row.new_from) THEN {{ history.seen_whole('earlier.final_seen_at') }}
    WHEN before_it.final_from IS NOT NULL THEN {{ history.seen_whole('before_it.final_seen_at') }}
    ELSE %(captured_at)s
  END AS final_seen_at,
  CASE
    WHEN earlier.learner_id IS NOT NULL AND earlier.final_from IS NULL THEN IF(earlier.valid_to = '9999-12-31', {{ history.previous('seen') }}, earlier.last_seen_at)
    ELSE earlier.unfinal_seen_at
  END AS unfinal_seen_at
FROM change_realisation AS change_row
{{ history.last_seen('change_row.learner_id') }}
LEFT JOIN reused_learner
  ON reused_learner.learner_id = change_row.learner_id
LEFT JOIN LATERAL (
  SELECT version.*
  FROM kpi_src_realisation AS version
  WHERE
    version.learner_id = change_row.learner_id
    AND version.domain = change_row.domain
    AND version.ref_id = change_row.ref_id
  ORDER BY version.valid_from DESC
  LIMIT 1
) AS earlier
  ON (change_row.open_from IS NULL OR COALESCE(earlier.created_at = change_row.created_at, TRUE))
  AND reused_learner.learner_id IS NULL
LEFT JOIN kpi_src_realisation AS before_it
  ON change_row.new_from <= change_row.open_from
  AND earlier.learner_id IS NOT NULL
  AND COALESCE(before_it.created_at = change_row.created_at, TRUE)
  AND before_it.valid_to = change_row.open_from
  AND before_it.domain = change_row.domain
  AND before_it.ref_id = change_row.ref_id
  AND before_it.learner_id = change_row.learner_id
WHERE change_row.kind <> 'vanished';
