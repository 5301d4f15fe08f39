/*
One capture of the source: the script of task capture. Each relation of the contract is read by the adapter's SELECT, staged, checked
and compared with the open versions of its history; what cannot be used goes to kpi_reject.
*/
{% set source = source_schema() %}
{% include 'capture/scope.sql' %}

{% include 'capture/target.sql' %}

-- step: scope: create known learners
CREATE TEMPORARY TABLE IF NOT EXISTS known_learner (
  learner_id BIGINT NOT NULL PRIMARY KEY
);

-- step: scope: list known learners
INSERT INTO known_learner (learner_id)
SELECT ref_id
FROM stage_scope
WHERE
  scope_type = 'APPRENANT'
  AND ref_id IS NOT NULL;

{% include 'capture/realisation.sql' %}

{% include 'capture/membership.sql' %}

{% include 'capture/plan.sql' %}

{% include 'capture/feedback.sql' %}
{% if 'reject' in adapter_relations() %}
{% include 'capture/reject.sql' %}
{% endif %}

-- step: reject: count
SELECT
  relation,
  COUNT(*) AS n
FROM kpi_reject
WHERE last_seen_at = %(captured_at)s
GROUP BY relation;
