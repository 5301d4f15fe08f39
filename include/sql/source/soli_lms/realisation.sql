/*
relation: realisation
counts: >
  One row per learner and thing to learn (module, competence, micro-competence or UA): where he stands on it now, as
  the LMS says. Two source rows for one of these: the one with the greatest id; reject.sql lists the others.
reads:
  realisation_modules: [
    id, apprenant_id, module_id, etat_realisation_module_id, date_debut, date_fin, progression_cache, note_cache,
    bareme_cache, dernier_update, created_at, updated_at]
  realisation_competences: [
    id, apprenant_id, competence_id, etat_realisation_competence_id, date_debut, date_fin, progression_cache,
    note_cache, bareme_cache, dernier_update, created_at, updated_at]
  realisation_micro_competences: [
    id, apprenant_id, micro_competence_id, etat_realisation_micro_competence_id, date_debut, date_fin,
    progression_cache, note_cache, bareme_cache, dernier_update, created_at, updated_at]
  realisation_uas: [
    id, realisation_micro_competence_id, unite_apprentissage_id, etat_realisation_ua_id, date_debut, date_fin,
    progression_cache, note_cache, bareme_cache, dernier_update, created_at, updated_at]
  etat_realisation_modules: [id, code, ordre]
  etat_realisation_competences: [id, code, ordre]
  etat_realisation_micro_competences: [id, code, ordre]
  etat_realisation_uas: [id, code, ordre]
types: {date_debut: datetime, date_fin: datetime, dernier_update: datetime, created_at: timestamp, updated_at: timestamp}
hints: [last_activity_at]
notes: >
  A realisation of a UA has no learner of its own: he is that of its own realisation_micro_competence_id. (Going
  through the UA's micro-competence instead makes MySQL join every UA with every learner.) Final is DONE only, though
  PAUSED and BLOCKED come after it; a row without a state has state_code and state_order NULL. Dates, marks and
  progress come out as they are: the capture judges them. dernier_update is a hint: the LMS sets it on every row that
  it recomputes, on all of them at once now and then, and whenever a person saves one.
example: >
  realisation_modules 120 and 123, both of learner 12 and module 2, the second one DONE (ordre 5) with 34 out of 40:
  one row, MODULE, 2, 12, DONE, 5, final, progress 100, score 34, score_max 40.
*/
{#- Per domain: the table, its column for what is learnt, its newest rows below, its dictionary of states. #}
{%- set domains = [
  ('MODULE', 'realisation_modules', 'module_id', 'newest_modules', 'etat_realisation_module'),
  ('COMPETENCE', 'realisation_competences', 'competence_id', 'newest_competences', 'etat_realisation_competence'),
  ('MICRO_COMPETENCE', 'realisation_micro_competences', 'micro_competence_id', 'newest_micro_competences',
   'etat_realisation_micro_competence'),
  ('UA', 'realisation_uas', 'unite_apprentissage_id', 'newest_uas', 'etat_realisation_ua'),
] %}
WITH newest_modules AS (
  SELECT
    id,
    apprenant_id AS learner_id,
    ROW_NUMBER() OVER (PARTITION BY apprenant_id, module_id ORDER BY id DESC) AS nth
  FROM {{ live('realisation_modules') }}
  WHERE {{ of_learners('apprenant_id') }}
),

newest_competences AS (
  SELECT
    id,
    apprenant_id AS learner_id,
    ROW_NUMBER() OVER (PARTITION BY apprenant_id, competence_id ORDER BY id DESC) AS nth
  FROM {{ live('realisation_competences') }}
  WHERE {{ of_learners('apprenant_id') }}
),

newest_micro_competences AS (
  SELECT
    id,
    apprenant_id AS learner_id,
    ROW_NUMBER() OVER (PARTITION BY apprenant_id, micro_competence_id ORDER BY id DESC) AS nth
  FROM {{ live('realisation_micro_competences') }}
  WHERE {{ of_learners('apprenant_id') }}
),

newest_uas AS (
  SELECT
    uas.id,
    parents.apprenant_id AS learner_id,
    ROW_NUMBER() OVER (PARTITION BY parents.apprenant_id, uas.unite_apprentissage_id ORDER BY uas.id DESC) AS nth
  FROM {{ live('realisation_uas', 'uas') }}
  INNER JOIN {{ live('realisation_micro_competences', 'parents') }}
    ON parents.id = uas.realisation_micro_competence_id
  WHERE {{ of_learners('parents.apprenant_id') }}
)

{% for domain, table, ref_id, newest, state in domains -%}
SELECT
  '{{ domain }}' AS domain,
  realisations.{{ ref_id }} AS ref_id,
  newest.learner_id,
  {{ text('states.code') }} AS state_code,
  states.ordre AS state_order,
  COALESCE(states.code = 'DONE', FALSE) AS is_final,
  realisations.progression_cache AS progress_pct,
  realisations.note_cache AS score,
  realisations.bareme_cache AS score_max,
  {{ utc('realisations.date_debut') | indent(2) }} AS started_at,
  {{ utc('realisations.date_fin') | indent(2) }} AS finished_at,
  {{ utc('realisations.dernier_update') | indent(2) }} AS last_activity_at,
  realisations.created_at,
  realisations.updated_at AS changed_at
FROM {{ newest }} AS newest
INNER JOIN {{ live(table, 'realisations') }}
  ON realisations.id = newest.id
LEFT JOIN {{ live(state ~ 's', 'states') }}
  ON states.id = realisations.{{ state }}_id
WHERE newest.nth = 1
{%- if not loop.last %}
UNION ALL
{% endif %}
{%- endfor %}
