/*
relation: target
counts: >
  One row per thing that is learnt, with the one it belongs to: UA → micro-competence → competence → module →
  filière (REFERENTIEL) → GLOBAL. GLOBAL itself has neither id nor parent.
reads:
  filieres: [id, code, nom]
  modules: [id, code, nom, filiere_id]
  competences: [id, code, nom, module_id]
  micro_competences: [id, code, titre, competence_id]
  unite_apprentissages: [id, code, nom, micro_competence_id]
notes: >
  A parent that is NULL or does not exist gives parent_type and parent_ref_id NULL: the target then hangs directly
  under GLOBAL. A label is "code – name" where both exist and differ, cut at 191 characters.
example: >
  UA 31 (code NULL, nom "Les boucles", micro_competence_id 4) gives UA, 31, "Les boucles", MICRO_COMPETENCE, 4.
*/
WITH named AS (
  SELECT
    'GLOBAL' AS target_type,
    NULL AS ref_id,
    NULL AS code,
    'Toute la formation' AS name,
    NULL AS parent_type,
    NULL AS parent_ref_id
  UNION ALL
  SELECT
    'REFERENTIEL' AS target_type,
    id AS ref_id,
    {{ text('code') }} AS code,
    {{ text('nom') }} AS name,
    'GLOBAL' AS parent_type,
    NULL AS parent_ref_id
  FROM {{ live('filieres') }}
  UNION ALL
  SELECT
    'MODULE' AS target_type,
    modules.id AS ref_id,
    {{ text('modules.code') }} AS code,
    {{ text('modules.nom') }} AS name,
    IF(filieres.id IS NULL, NULL, 'REFERENTIEL') AS parent_type,
    filieres.id AS parent_ref_id
  FROM {{ live('modules') }}
  LEFT JOIN {{ live('filieres') }}
    ON filieres.id = modules.filiere_id
  UNION ALL
  SELECT
    'COMPETENCE' AS target_type,
    competences.id AS ref_id,
    {{ text('competences.code') }} AS code,
    {{ text('competences.nom') }} AS name,
    IF(modules.id IS NULL, NULL, 'MODULE') AS parent_type,
    modules.id AS parent_ref_id
  FROM {{ live('competences') }}
  LEFT JOIN {{ live('modules') }}
    ON modules.id = competences.module_id
  UNION ALL
  SELECT
    'MICRO_COMPETENCE' AS target_type,
    micro_competences.id AS ref_id,
    {{ text('micro_competences.code') }} AS code,
    {{ text('micro_competences.titre') }} AS name,
    IF(competences.id IS NULL, NULL, 'COMPETENCE') AS parent_type,
    competences.id AS parent_ref_id
  FROM {{ live('micro_competences') }}
  LEFT JOIN {{ live('competences') }}
    ON competences.id = micro_competences.competence_id
  UNION ALL
  SELECT
    'UA' AS target_type,
    unite_apprentissages.id AS ref_id,
    {{ text('unite_apprentissages.code') }} AS code,
    {{ text('unite_apprentissages.nom') }} AS name,
    IF(micro_competences.id IS NULL, NULL, 'MICRO_COMPETENCE') AS parent_type,
    micro_competences.id AS parent_ref_id
  FROM {{ live('unite_apprentissages') }}
  LEFT JOIN {{ live('micro_competences') }}
    ON micro_competences.id = unite_apprentissages.micro_competence_id
)

SELECT
  target_type,
  ref_id,
  LEFT(CONCAT_WS(' – ', NULLIF(code, ''), NULLIF(NULLIF(name, ''), code)), 191) AS label,
  parent_type,
  parent_ref_id
FROM named
