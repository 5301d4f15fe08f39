/*
relation: reject
counts: >
  One row per source row that the other files of this adapter leave out or bend: a realisation that a newer row for
  the same learner and target replaces, or that has no learner; a target whose parent does not exist; an alignment
  whose session does not exist; a session's zero date, which counts as none.
reads:
  realisation_modules: [id, apprenant_id, module_id]
  realisation_competences: [id, apprenant_id, competence_id]
  realisation_micro_competences: [id, apprenant_id, micro_competence_id]
  realisation_uas: [id, realisation_micro_competence_id, unite_apprentissage_id]
  filieres: [id]
  modules: [id, filiere_id]
  competences: [id, module_id]
  micro_competences: [id, competence_id]
  unite_apprentissages: [id, micro_competence_id]
  alignement_uas: [id, unite_apprentissage_id, session_formation_id]
  session_formations: [id, date_debut, date_fin]
notes: >
  source_key is the row's key in the contract, followed by # and the id of the source row where several have that
  key. Foreign keys forbid all but the first of these; an import that switches them off does not.
example: >
  realisation_modules 120 and 123, both of learner 12 and module 2: realisation, MODULE:2:12#120, whole row,
  duplicate_row, "id 123 kept, id 120 set aside".
*/
WITH realisations AS (
  SELECT
    id,
    'MODULE' AS domain,
    module_id AS ref_id,
    apprenant_id AS learner_id,
    MAX(id) OVER (PARTITION BY apprenant_id, module_id) AS kept_id
  FROM {{ live('realisation_modules') }}
  UNION ALL
  SELECT
    id,
    'COMPETENCE' AS domain,
    competence_id AS ref_id,
    apprenant_id AS learner_id,
    MAX(id) OVER (PARTITION BY apprenant_id, competence_id) AS kept_id
  FROM {{ live('realisation_competences') }}
  UNION ALL
  SELECT
    id,
    'MICRO_COMPETENCE' AS domain,
    micro_competence_id AS ref_id,
    apprenant_id AS learner_id,
    MAX(id) OVER (PARTITION BY apprenant_id, micro_competence_id) AS kept_id
  FROM {{ live('realisation_micro_competences') }}
  UNION ALL
  SELECT
    uas.id,
    'UA' AS domain,
    uas.unite_apprentissage_id AS ref_id,
    parents.apprenant_id AS learner_id,
    MAX(uas.id) OVER (PARTITION BY parents.apprenant_id, uas.unite_apprentissage_id) AS kept_id
  FROM {{ live('realisation_uas', 'uas') }}
  INNER JOIN {{ live('realisation_micro_competences', 'parents') }}
    ON parents.id = uas.realisation_micro_competence_id
)

SELECT
  'realisation' AS relation,
  CONCAT(domain, ':', ref_id, ':', learner_id, '#', id) AS source_key,
  NULL AS field,
  'duplicate_row' AS reason,
  CONCAT('id ', kept_id, ' kept, id ', id, ' set aside') AS detail
FROM realisations
WHERE id < kept_id
UNION ALL
SELECT
  'realisation' AS relation,
  CONCAT('UA:', uas.unite_apprentissage_id, '#', uas.id) AS source_key,
  NULL AS field,
  'unknown_learner' AS reason,
  CONCAT('realisation_micro_competence_id ', uas.realisation_micro_competence_id, ' does not exist') AS detail
FROM {{ live('realisation_uas', 'uas') }}
LEFT JOIN {{ live('realisation_micro_competences', 'parents') }}
  ON parents.id = uas.realisation_micro_competence_id
WHERE parents.id IS NULL
UNION ALL
SELECT
  'target' AS relation,
  CONCAT('MODULE:', modules.id) AS source_key,
  'parent_ref_id' AS field,
  'unknown_parent' AS reason,
  CONCAT('filiere_id ', modules.filiere_id, ' does not exist') AS detail
FROM {{ live('modules') }}
LEFT JOIN {{ live('filieres') }}
  ON filieres.id = modules.filiere_id
WHERE
  modules.filiere_id IS NOT NULL
  AND filieres.id IS NULL
UNION ALL
SELECT
  'target' AS relation,
  CONCAT('COMPETENCE:', competences.id) AS source_key,
  'parent_ref_id' AS field,
  'unknown_parent' AS reason,
  CONCAT('module_id ', competences.module_id, ' does not exist') AS detail
FROM {{ live('competences') }}
LEFT JOIN {{ live('modules') }}
  ON modules.id = competences.module_id
WHERE
  competences.module_id IS NOT NULL
  AND modules.id IS NULL
UNION ALL
SELECT
  'target' AS relation,
  CONCAT('MICRO_COMPETENCE:', micro_competences.id) AS source_key,
  'parent_ref_id' AS field,
  'unknown_parent' AS reason,
  CONCAT('competence_id ', micro_competences.competence_id, ' does not exist') AS detail
FROM {{ live('micro_competences') }}
LEFT JOIN {{ live('competences') }}
  ON competences.id = micro_competences.competence_id
WHERE
  micro_competences.competence_id IS NOT NULL
  AND competences.id IS NULL
UNION ALL
SELECT
  'target' AS relation,
  CONCAT('UA:', unite_apprentissages.id) AS source_key,
  'parent_ref_id' AS field,
  'unknown_parent' AS reason,
  CONCAT('micro_competence_id ', unite_apprentissages.micro_competence_id, ' does not exist') AS detail
FROM {{ live('unite_apprentissages') }}
LEFT JOIN {{ live('micro_competences') }}
  ON micro_competences.id = unite_apprentissages.micro_competence_id
WHERE
  unite_apprentissages.micro_competence_id IS NOT NULL
  AND micro_competences.id IS NULL
UNION ALL
SELECT
  'plan' AS relation,
  CONCAT('UA:', alignments.unite_apprentissage_id, '#', alignments.id) AS source_key,
  'due_on' AS field,
  'unknown_session' AS reason,
  CONCAT('session_formation_id ', alignments.session_formation_id, ' does not exist') AS detail
FROM {{ live('alignement_uas', 'alignments') }}
LEFT JOIN {{ live('session_formations') }}
  ON session_formations.id = alignments.session_formation_id
WHERE
  alignments.session_formation_id IS NOT NULL
  AND session_formations.id IS NULL
UNION ALL
SELECT
  'membership' AS relation,
  CONCAT('SESSION:', id) AS source_key,
  'active_from' AS field,
  'zero_date' AS reason,
  CONCAT('date_debut ', date_debut, ' is no date') AS detail
FROM {{ source }}.session_formations
WHERE NOT {{ is_day('date_debut') }}
UNION ALL
SELECT
  'membership' AS relation,
  CONCAT('SESSION:', id) AS source_key,
  'active_to' AS field,
  'zero_date' AS reason,
  CONCAT('date_fin ', date_fin, ' is no date') AS detail
FROM {{ source }}.session_formations
WHERE NOT {{ is_day('date_fin') }}
