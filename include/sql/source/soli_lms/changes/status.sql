-- The state of each trigger of install.sql in the LMS's database: installed, missing, or without its account (MySQL then refuses
-- the LMS's statements: install again, or remove). Run by an administrator in the LMS's database.
SELECT
  expected.table_name,
  expected.event,
  CASE
    WHEN installed.TRIGGER_NAME IS NULL THEN 'missing'
    WHEN definer.USER IS NULL THEN 'WITHOUT ITS ACCOUNT'
    ELSE 'installed'
  END AS state,
  installed.CREATED AS since
FROM (
  SELECT 'realisation_modules' AS table_name, 'INSERT' AS event, 'kpi_change_realisation_modules_insert' AS trigger_name
  UNION ALL SELECT 'realisation_modules', 'UPDATE', 'kpi_change_realisation_modules_update'
  UNION ALL SELECT 'realisation_modules', 'DELETE', 'kpi_change_realisation_modules_delete'
  UNION ALL SELECT 'realisation_competences', 'INSERT', 'kpi_change_realisation_competences_insert'
  UNION ALL SELECT 'realisation_competences', 'UPDATE', 'kpi_change_realisation_competences_update'
  UNION ALL SELECT 'realisation_competences', 'DELETE', 'kpi_change_realisation_competences_delete'
  UNION ALL SELECT 'realisation_micro_competences', 'INSERT', 'kpi_change_realisation_micro_competences_insert'
  UNION ALL SELECT 'realisation_micro_competences', 'UPDATE', 'kpi_change_realisation_micro_competences_update'
  UNION ALL SELECT 'realisation_micro_competences', 'DELETE', 'kpi_change_realisation_micro_competences_delete'
  UNION ALL SELECT 'realisation_uas', 'INSERT', 'kpi_change_realisation_uas_insert'
  UNION ALL SELECT 'realisation_uas', 'UPDATE', 'kpi_change_realisation_uas_update'
  UNION ALL SELECT 'realisation_uas', 'DELETE', 'kpi_change_realisation_uas_delete'
  UNION ALL SELECT 'apprenants', 'INSERT', 'kpi_change_apprenants_insert'
  UNION ALL SELECT 'apprenants', 'UPDATE', 'kpi_change_apprenants_update'
  UNION ALL SELECT 'apprenants', 'DELETE', 'kpi_change_apprenants_delete'
  UNION ALL SELECT 'apprenant_groupe', 'INSERT', 'kpi_change_apprenant_groupe_insert'
  UNION ALL SELECT 'apprenant_groupe', 'UPDATE', 'kpi_change_apprenant_groupe_update'
  UNION ALL SELECT 'apprenant_groupe', 'DELETE', 'kpi_change_apprenant_groupe_delete'
  UNION ALL SELECT 'apprenant_sous_groupe', 'INSERT', 'kpi_change_apprenant_sous_groupe_insert'
  UNION ALL SELECT 'apprenant_sous_groupe', 'UPDATE', 'kpi_change_apprenant_sous_groupe_update'
  UNION ALL SELECT 'apprenant_sous_groupe', 'DELETE', 'kpi_change_apprenant_sous_groupe_delete'
  UNION ALL SELECT 'formateur_groupe', 'INSERT', 'kpi_change_formateur_groupe_insert'
  UNION ALL SELECT 'formateur_groupe', 'UPDATE', 'kpi_change_formateur_groupe_update'
  UNION ALL SELECT 'formateur_groupe', 'DELETE', 'kpi_change_formateur_groupe_delete'
  UNION ALL SELECT 'groupes', 'DELETE', 'kpi_change_groupes_delete'
  UNION ALL SELECT 'sous_groupes', 'DELETE', 'kpi_change_sous_groupes_delete'
  UNION ALL SELECT 'formateurs', 'DELETE', 'kpi_change_formateurs_delete'
  UNION ALL SELECT 'historique_realisation_taches', 'INSERT', 'kpi_change_historique_realisation_taches_insert'
  UNION ALL SELECT 'commentaire_realisation_taches', 'INSERT', 'kpi_change_commentaire_realisation_taches_insert'
) AS expected
LEFT JOIN information_schema.TRIGGERS AS installed
  ON installed.TRIGGER_SCHEMA = DATABASE()
  AND installed.TRIGGER_NAME = expected.trigger_name
LEFT JOIN information_schema.USER_ATTRIBUTES AS definer
  ON CONCAT(definer.USER, '@', definer.HOST) = installed.DEFINER
ORDER BY expected.table_name, expected.event;
