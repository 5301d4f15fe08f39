/*
How many GLOBAL rows the adapter gives, how many of them have an id, and how many rows it gives at all.
*/
SELECT
  COUNT(IF(adapter_row.scope_type = 'GLOBAL', 1, NULL)) AS n,
  COUNT(IF(adapter_row.scope_type = 'GLOBAL', adapter_row.ref_id, NULL)) AS with_id,
  COUNT(*) AS n_all
FROM (
/*
relation: scope
counts: >
  One row per point of view that figures are computed for: everybody (GLOBAL, without id), and each session,
  group, sub-group, trainer and learner of the LMS. Learners who are no longer active have their row too, since
  their past figures stay.
reads:
  session_formations: [id, code, titre]
  groupes: [id, code, nom]
  sous_groupes: [id, nom, groupe_id]
  formateurs: [id, prenom, nom]
  apprenants: [id, prenom, nom]
notes: >
  A label is "code – name" where both exist and differ, else the one there is, cut at 191 characters. A sub-group
  is labelled with its group's code, since "Sous-groupe A" alone exists in every group.
example: >
  Group 7 (code DEV101, nom "Développement 1") gives GROUPE, 7, "DEV101 – Développement 1";
  learner 12 (prenom Zoé, nom Bennani) gives APPRENANT, 12, "Zoé BENNANI".
*/
WITH named AS (
  SELECT
    'GLOBAL' AS scope_type,
    NULL AS ref_id,
    NULL AS code,
    'Tous les apprenants' AS name
  UNION ALL
  SELECT
    'SESSION' AS scope_type,
    id AS ref_id,
    CONVERT(code USING utf8mb4) COLLATE utf8mb4_unicode_ci AS code,
    CONVERT(titre USING utf8mb4) COLLATE utf8mb4_unicode_ci AS name
  FROM `lms`.session_formations
  UNION ALL
  SELECT
    'GROUPE' AS scope_type,
    id AS ref_id,
    CONVERT(code USING utf8mb4) COLLATE utf8mb4_unicode_ci AS code,
    CONVERT(nom USING utf8mb4) COLLATE utf8mb4_unicode_ci AS name
  FROM `lms`.groupes
  UNION ALL
  SELECT
    'SOUS_GROUPE' AS scope_type,
    sous_groupes.id AS ref_id,
    CONVERT(groupes.code USING utf8mb4) COLLATE utf8mb4_unicode_ci AS code,
    CONVERT(sous_groupes.nom USING utf8mb4) COLLATE utf8mb4_unicode_ci AS name
  FROM `lms`.sous_groupes
  LEFT JOIN `lms`.groupes
    ON groupes.id = sous_groupes.groupe_id
  UNION ALL
  SELECT
    'FORMATEUR' AS scope_type,
    id AS ref_id,
    NULL AS code,
    CONCAT_WS(' ', CONVERT(prenom USING utf8mb4) COLLATE utf8mb4_unicode_ci, UPPER(CONVERT(nom USING utf8mb4) COLLATE utf8mb4_unicode_ci)) AS name
  FROM `lms`.formateurs
  UNION ALL
  SELECT
    'APPRENANT' AS scope_type,
    id AS ref_id,
    NULL AS code,
    CONCAT_WS(' ', CONVERT(prenom USING utf8mb4) COLLATE utf8mb4_unicode_ci, UPPER(CONVERT(nom USING utf8mb4) COLLATE utf8mb4_unicode_ci)) AS name
  FROM `lms`.apprenants
  WHERE TRUE
)

SELECT
  scope_type,
  ref_id,
  LEFT(CONCAT_WS(' – ', NULLIF(code, ''), NULLIF(NULLIF(name, ''), code)), 191) AS label
FROM named
) AS adapter_row
