{# An adapter's word for the first state; and the first capture, which knows what the rows' own dates prove. #}
-- step: realisation: refuse another first state | relation=realisation gives=first_state
SELECT
  domain,
  state_code,
  n
FROM (
  SELECT
    domain,
    usable_state_code AS state_code,
    COUNT(*) AS n,
    MAX(usable_is_final OR progress_pct > 0 OR COALESCE(score, started_at, finished_at) IS NOT NULL) AS has_begun,
    ROW_NUMBER() OVER (PARTITION BY domain ORDER BY MIN(usable_state_order), usable_state_code) AS nth,
    MAX(usable_state_code = 'TODO') OVER (PARTITION BY domain) AS has_todo
  FROM stage_realisation
  WHERE state_code IS NOT NULL
  GROUP BY
    domain,
    usable_state_code
) AS state
WHERE
  nth = 1
  AND n >= 10
  AND has_todo = 0
  AND COALESCE(has_begun, 0) = 0;

-- step: realisation: first states | phase=create relation=realisation
CREATE TEMPORARY TABLE IF NOT EXISTS first_state (
  domain {{ enum(domains) }} NOT NULL PRIMARY KEY,
  state_order INT NOT NULL
) COLLATE utf8mb4_0900_ai_ci;

-- step: realisation: find first states | phase=find relation=realisation when=first
INSERT INTO first_state (domain, state_order)
SELECT
  domain,
  MIN(usable_state_order)
FROM stage_realisation
WHERE usable_state_code = 'TODO'
GROUP BY domain;

-- step: realisation: reconstruct | relation=realisation when=first
{% include 'capture/reconstruction.sql' %}

-- step: realisation: count | relation=realisation when=first gives=counts
SELECT
  COUNT(*) AS staged,
  COUNT(*) AS n_new,
  0 AS n_changed,
  0 AS n_vanished,
  0 AS n_reopened
FROM stage_realisation;
