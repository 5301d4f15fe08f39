{# The events of the local days %(since)s to %(as_of)s; a window that begins before the calendar begins with it. An event that is made once, on
   one target, is not sought again in the sample. Members are those at the end of the day. -#}
delay AS (
  SELECT
    event.learner_id,
    event.domain,
    event.ref_id,
    event.event_id,
    TIMESTAMPDIFF(MICROSECOND, event.began_at, event.happened_at) AS microseconds,
    event.reconstructed
  FROM kpi_time AS window_start
  INNER JOIN kpi_time AS window_end
    ON window_end.date_id = %(as_of)s
  INNER JOIN event
    ON event.happened_at >= window_start.utc_start
    AND event.happened_at < window_end.utc_end
  WHERE
    window_start.date_id = (
      SELECT MIN(kpi_time.date_id)
      FROM kpi_time
      WHERE kpi_time.date_id >= %(since)s
    )
),

sample AS (
  SELECT{{ ' DISTINCT' if not figure.made_once }}
    member.scope_id,
    closure.ancestor_id AS target_id,
    delay.event_id,
    delay.microseconds,
    delay.reconstructed
  FROM delay
  INNER JOIN kpi_target_closure AS closure
    ON closure.target_type = delay.domain
    AND closure.ref_id = delay.ref_id
    AND closure.ancestor_type IN ('{{ figure.target_levels | join("', '") }}')
  INNER JOIN member
    ON member.learner_id = delay.learner_id
)
