/*
One capture of the source: the script of task capture. Each relation of the contract is read by the adapter's SELECT, staged, checked
and compared with the open versions of its history; what cannot be used goes to kpi_reject.
*/
{% set folder = 'capture/whole/' %}
{% set source = source_schema() %}
{% set soft_deleted = soft_deleted_tables() %}
{% include 'capture/before.sql' %}

{% include 'capture/scope.sql' %}

{% include 'capture/target.sql' %}

{% include 'capture/known_learner.sql' %}

{% include 'capture/membership.sql' %}

{% include 'capture/realisation.sql' %}

{% include 'capture/plan.sql' %}

{% include 'capture/feedback.sql' %}
{% if 'reject' in adapter_relations() %}
{% include 'capture/reject.sql' %}
{% endif %}

-- step: reject: count | gives=rejected
SELECT
  relation,
  COUNT(*) AS n
FROM kpi_reject
WHERE last_seen_at = %(captured_at)s
GROUP BY relation;
