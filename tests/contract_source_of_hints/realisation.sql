/*
relation: realisation
counts: The rows of a table that already has the contract's columns; its last activity moves without anything having happened.
reads:
  realisation: [domain, ref_id, learner_id, state_code, state_order, is_final, progress_pct, score, score_max, started_at, finished_at, last_activity_at, created_at, changed_at]
hints: [last_activity_at]
*/
{% include 'source/contract/realisation.sql' %}
