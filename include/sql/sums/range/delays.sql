{# For each day of the range the events of the `window` days up to it, on the days on which what they rest on is in force. -#}
{% import 'sets/in_force.sql' as in_force -%}
happened AS (
  SELECT
    event.learner_id,
    event.domain,
    event.ref_id,
    event.event_id,
    TIMESTAMPDIFF(MICROSECOND, event.began_at, event.happened_at) AS microseconds,
    event.reconstructed,
    {{ in_force.local_day('event.happened_at') }} AS happened_on,
    event.first_day,
    event.last_day
  FROM kpi_time AS window_start
  INNER JOIN kpi_time AS window_end
    ON window_end.date_id = %(last)s
  INNER JOIN event
    ON event.happened_at >= window_start.utc_start
    AND event.happened_at < window_end.utc_end
  WHERE
    window_start.date_id = (
      SELECT MIN(kpi_time.date_id)
      FROM kpi_time
      WHERE kpi_time.date_id >= %(first)s - INTERVAL {{ window - 1 }} DAY
    )
),

delay AS (
  SELECT
    learner_id,
    domain,
    ref_id,
    event_id,
    microseconds,
    reconstructed,
    GREATEST(first_day, happened_on, CAST(%(first)s AS DATE)) AS first_day,
    LEAST(last_day, happened_on + INTERVAL {{ window - 1 }} DAY, CAST(%(last)s AS DATE)) AS last_day
  FROM happened
),

sample AS (
  SELECT{{ ' DISTINCT' if not figure.made_once }}
    calendar.date_id,
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
    AND member.first_day <= delay.last_day
    AND member.last_day >= delay.first_day
  INNER JOIN {{ in_force.each_day_of('GREATEST(member.first_day, delay.first_day)', 'LEAST(member.last_day, delay.last_day)') }}
)
