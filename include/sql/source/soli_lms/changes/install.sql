-- Triggers that tell kpi_incremental of changes in Soli-LMS: each puts the learner concerned on the list kpi_change. Optional;
-- the KPI database must be on the LMS's own server. Run by an administrator, with the mysql client, in the LMS's database:
--
--   sed -e 's/@kpi_db/kpi/g; s/@kpi_change/kpi_change/g' install.sql | mysql lms
--
--   @kpi_db      database with the kpi_* tables
--   @kpi_change  the account whose rights the triggers have: it can put rows on the list and cannot log in
--
-- The row is written in the LMS's own transaction, and is gone when that is rolled back. An error in a trigger, whatever it is, is
-- ignored: the LMS never sees one, and the night finds what was missed. Only the account @kpi_change must not be dropped before
-- the triggers are (remove.sql): MySQL then refuses the LMS's statements. An UPDATE that leaves alone all that figures rest on
-- (a script that recomputes every row and sets dernier_update, a hint) notes nothing. Rows that go by ON DELETE CASCADE fire no
-- trigger of their own: the deletion of a learner, group, sub-group or trainer is watched for them, and a learner is always captured
-- whole.
-- The triggers lock nothing that they read, so that no transaction of the LMS waits for another because of them; hence the lists
-- of members in JSON: MySQL locks what an INSERT … SELECT reads.
-- What changes a figure and is not watched, since it is of no learner: the plan, sessions and whose they are, the curriculum; nor is a
-- row that is marked as deleted (deleted_at) where a table has that column. The night sees it.
CREATE USER IF NOT EXISTS '@kpi_change'@'localhost' ACCOUNT LOCK;
GRANT INSERT (domain, ref_id, learner_id) ON `@kpi_db`.kpi_change TO '@kpi_change'@'localhost';
-- In the name of a whole database `_` stands for any character, unless the server knows partial revokes.
SET @kpi_grant = CONCAT(
  'GRANT SELECT, TRIGGER ON `', IF(@@partial_revokes, DATABASE(), REPLACE(DATABASE(), '_', '\\_')),
  '`.* TO ''@kpi_change''@''localhost'''
);
PREPARE kpi_grant FROM @kpi_grant;
EXECUTE kpi_grant;
DEALLOCATE PREPARE kpi_grant;

DELIMITER //

DROP TRIGGER IF EXISTS `kpi_change_realisation_modules_insert`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_realisation_modules_insert`
AFTER INSERT ON `realisation_modules` FOR EACH ROW
BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('MODULE', NEW.module_id, NEW.apprenant_id);
END//

DROP TRIGGER IF EXISTS `kpi_change_realisation_modules_update`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_realisation_modules_update`
AFTER UPDATE ON `realisation_modules` FOR EACH ROW
BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  IF NOT (
    NEW.apprenant_id <=> OLD.apprenant_id
    AND NEW.module_id <=> OLD.module_id
    AND NEW.etat_realisation_module_id <=> OLD.etat_realisation_module_id
    AND NEW.progression_cache <=> OLD.progression_cache
    AND NEW.note_cache <=> OLD.note_cache
    AND NEW.bareme_cache <=> OLD.bareme_cache
    AND NEW.date_debut <=> OLD.date_debut
    AND NEW.date_fin <=> OLD.date_fin
  ) THEN
    INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('MODULE', NEW.module_id, NEW.apprenant_id);
    IF NEW.apprenant_id <> OLD.apprenant_id THEN
      INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('MODULE', OLD.module_id, OLD.apprenant_id);
    END IF;
  END IF;
END//

DROP TRIGGER IF EXISTS `kpi_change_realisation_modules_delete`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_realisation_modules_delete`
AFTER DELETE ON `realisation_modules` FOR EACH ROW
BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('MODULE', OLD.module_id, OLD.apprenant_id);
END//

DROP TRIGGER IF EXISTS `kpi_change_realisation_competences_insert`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_realisation_competences_insert`
AFTER INSERT ON `realisation_competences` FOR EACH ROW
BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('COMPETENCE', NEW.competence_id, NEW.apprenant_id);
END//

DROP TRIGGER IF EXISTS `kpi_change_realisation_competences_update`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_realisation_competences_update`
AFTER UPDATE ON `realisation_competences` FOR EACH ROW
BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  IF NOT (
    NEW.apprenant_id <=> OLD.apprenant_id
    AND NEW.competence_id <=> OLD.competence_id
    AND NEW.etat_realisation_competence_id <=> OLD.etat_realisation_competence_id
    AND NEW.progression_cache <=> OLD.progression_cache
    AND NEW.note_cache <=> OLD.note_cache
    AND NEW.bareme_cache <=> OLD.bareme_cache
    AND NEW.date_debut <=> OLD.date_debut
    AND NEW.date_fin <=> OLD.date_fin
  ) THEN
    INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('COMPETENCE', NEW.competence_id, NEW.apprenant_id);
    IF NEW.apprenant_id <> OLD.apprenant_id THEN
      INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('COMPETENCE', OLD.competence_id, OLD.apprenant_id);
    END IF;
  END IF;
END//

DROP TRIGGER IF EXISTS `kpi_change_realisation_competences_delete`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_realisation_competences_delete`
AFTER DELETE ON `realisation_competences` FOR EACH ROW
BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('COMPETENCE', OLD.competence_id, OLD.apprenant_id);
END//

DROP TRIGGER IF EXISTS `kpi_change_realisation_micro_competences_insert`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_realisation_micro_competences_insert`
AFTER INSERT ON `realisation_micro_competences` FOR EACH ROW
BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('MICRO_COMPETENCE', NEW.micro_competence_id, NEW.apprenant_id);
END//

DROP TRIGGER IF EXISTS `kpi_change_realisation_micro_competences_update`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_realisation_micro_competences_update`
AFTER UPDATE ON `realisation_micro_competences` FOR EACH ROW
BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  IF NOT (
    NEW.apprenant_id <=> OLD.apprenant_id
    AND NEW.micro_competence_id <=> OLD.micro_competence_id
    AND NEW.etat_realisation_micro_competence_id <=> OLD.etat_realisation_micro_competence_id
    AND NEW.progression_cache <=> OLD.progression_cache
    AND NEW.note_cache <=> OLD.note_cache
    AND NEW.bareme_cache <=> OLD.bareme_cache
    AND NEW.date_debut <=> OLD.date_debut
    AND NEW.date_fin <=> OLD.date_fin
  ) THEN
    INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('MICRO_COMPETENCE', NEW.micro_competence_id, NEW.apprenant_id);
    IF NEW.apprenant_id <> OLD.apprenant_id THEN
      INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('MICRO_COMPETENCE', OLD.micro_competence_id, OLD.apprenant_id);
    END IF;
  END IF;
END//

DROP TRIGGER IF EXISTS `kpi_change_realisation_micro_competences_delete`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_realisation_micro_competences_delete`
AFTER DELETE ON `realisation_micro_competences` FOR EACH ROW
BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('MICRO_COMPETENCE', OLD.micro_competence_id, OLD.apprenant_id);
END//

DROP TRIGGER IF EXISTS `kpi_change_realisation_uas_insert`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_realisation_uas_insert`
AFTER INSERT ON `realisation_uas` FOR EACH ROW
BEGIN
  DECLARE learner BIGINT;
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  SELECT apprenant_id INTO learner FROM realisation_micro_competences WHERE id = NEW.realisation_micro_competence_id;
  INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('UA', NEW.unite_apprentissage_id, learner);
END//

DROP TRIGGER IF EXISTS `kpi_change_realisation_uas_update`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_realisation_uas_update`
AFTER UPDATE ON `realisation_uas` FOR EACH ROW
BEGIN
  DECLARE learner BIGINT;
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  IF NOT (
    NEW.realisation_micro_competence_id <=> OLD.realisation_micro_competence_id
    AND NEW.unite_apprentissage_id <=> OLD.unite_apprentissage_id
    AND NEW.etat_realisation_ua_id <=> OLD.etat_realisation_ua_id
    AND NEW.progression_cache <=> OLD.progression_cache
    AND NEW.note_cache <=> OLD.note_cache
    AND NEW.bareme_cache <=> OLD.bareme_cache
    AND NEW.date_debut <=> OLD.date_debut
    AND NEW.date_fin <=> OLD.date_fin
  ) THEN
    SELECT apprenant_id INTO learner FROM realisation_micro_competences WHERE id = NEW.realisation_micro_competence_id;
    INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('UA', NEW.unite_apprentissage_id, learner);
    IF NEW.realisation_micro_competence_id <> OLD.realisation_micro_competence_id THEN
      SELECT apprenant_id INTO learner FROM realisation_micro_competences WHERE id = OLD.realisation_micro_competence_id;
      INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('UA', OLD.unite_apprentissage_id, learner);
    END IF;
  END IF;
END//

DROP TRIGGER IF EXISTS `kpi_change_realisation_uas_delete`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_realisation_uas_delete`
AFTER DELETE ON `realisation_uas` FOR EACH ROW
BEGIN
  DECLARE learner BIGINT;
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  SELECT apprenant_id INTO learner FROM realisation_micro_competences WHERE id = OLD.realisation_micro_competence_id;
  INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('UA', OLD.unite_apprentissage_id, learner);
END//

DROP TRIGGER IF EXISTS `kpi_change_apprenants_insert`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_apprenants_insert`
AFTER INSERT ON `apprenants` FOR EACH ROW
BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('LEARNER', NEW.id, NEW.id);
END//

DROP TRIGGER IF EXISTS `kpi_change_apprenants_update`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_apprenants_update`
AFTER UPDATE ON `apprenants` FOR EACH ROW
BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  IF NOT (
    NEW.actif <=> OLD.actif
    AND NEW.nom <=> OLD.nom
    AND NEW.prenom <=> OLD.prenom
    AND NEW.user_id <=> OLD.user_id
    AND NEW.created_at <=> OLD.created_at
  ) THEN
    INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('LEARNER', NEW.id, NEW.id);
  END IF;
END//

DROP TRIGGER IF EXISTS `kpi_change_apprenants_delete`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_apprenants_delete`
AFTER DELETE ON `apprenants` FOR EACH ROW
BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('LEARNER', OLD.id, OLD.id);
END//

DROP TRIGGER IF EXISTS `kpi_change_apprenant_groupe_insert`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_apprenant_groupe_insert`
AFTER INSERT ON `apprenant_groupe` FOR EACH ROW
BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('MEMBERSHIP', NEW.groupe_id, NEW.apprenant_id);
END//

DROP TRIGGER IF EXISTS `kpi_change_apprenant_groupe_update`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_apprenant_groupe_update`
AFTER UPDATE ON `apprenant_groupe` FOR EACH ROW
BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  IF NOT (
    NEW.groupe_id <=> OLD.groupe_id
    AND NEW.apprenant_id <=> OLD.apprenant_id
    AND NEW.created_at <=> OLD.created_at
  ) THEN
    INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('MEMBERSHIP', NEW.groupe_id, NEW.apprenant_id);
    IF NEW.apprenant_id <> OLD.apprenant_id THEN
      INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('MEMBERSHIP', OLD.groupe_id, OLD.apprenant_id);
    END IF;
  END IF;
END//

DROP TRIGGER IF EXISTS `kpi_change_apprenant_groupe_delete`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_apprenant_groupe_delete`
AFTER DELETE ON `apprenant_groupe` FOR EACH ROW
BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('MEMBERSHIP', OLD.groupe_id, OLD.apprenant_id);
END//

DROP TRIGGER IF EXISTS `kpi_change_apprenant_sous_groupe_insert`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_apprenant_sous_groupe_insert`
AFTER INSERT ON `apprenant_sous_groupe` FOR EACH ROW
BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('MEMBERSHIP', NEW.sous_groupe_id, NEW.apprenant_id);
END//

DROP TRIGGER IF EXISTS `kpi_change_apprenant_sous_groupe_update`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_apprenant_sous_groupe_update`
AFTER UPDATE ON `apprenant_sous_groupe` FOR EACH ROW
BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  IF NOT (
    NEW.sous_groupe_id <=> OLD.sous_groupe_id
    AND NEW.apprenant_id <=> OLD.apprenant_id
    AND NEW.created_at <=> OLD.created_at
  ) THEN
    INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('MEMBERSHIP', NEW.sous_groupe_id, NEW.apprenant_id);
    IF NEW.apprenant_id <> OLD.apprenant_id THEN
      INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('MEMBERSHIP', OLD.sous_groupe_id, OLD.apprenant_id);
    END IF;
  END IF;
END//

DROP TRIGGER IF EXISTS `kpi_change_apprenant_sous_groupe_delete`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_apprenant_sous_groupe_delete`
AFTER DELETE ON `apprenant_sous_groupe` FOR EACH ROW
BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('MEMBERSHIP', OLD.sous_groupe_id, OLD.apprenant_id);
END//

DROP TRIGGER IF EXISTS `kpi_change_formateur_groupe_insert`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_formateur_groupe_insert`
AFTER INSERT ON `formateur_groupe` FOR EACH ROW
BEGIN
  DECLARE members JSON;
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  SELECT JSON_ARRAYAGG(apprenant_id) INTO members FROM apprenant_groupe WHERE groupe_id = NEW.groupe_id;
  INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id)
  SELECT DISTINCT 'MEMBERSHIP', NEW.groupe_id, listed.learner_id
  FROM JSON_TABLE(members, '$[*]' COLUMNS (learner_id BIGINT PATH '$')) AS listed;
END//

DROP TRIGGER IF EXISTS `kpi_change_formateur_groupe_update`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_formateur_groupe_update`
AFTER UPDATE ON `formateur_groupe` FOR EACH ROW
BEGIN
  DECLARE members JSON;
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  IF NOT (
    NEW.groupe_id <=> OLD.groupe_id
    AND NEW.formateur_id <=> OLD.formateur_id
    AND NEW.created_at <=> OLD.created_at
  ) THEN
    SELECT JSON_ARRAYAGG(apprenant_id) INTO members FROM apprenant_groupe WHERE groupe_id = NEW.groupe_id;
    INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id)
    SELECT DISTINCT 'MEMBERSHIP', NEW.groupe_id, listed.learner_id
    FROM JSON_TABLE(members, '$[*]' COLUMNS (learner_id BIGINT PATH '$')) AS listed;
    IF NEW.groupe_id <> OLD.groupe_id THEN
      SELECT JSON_ARRAYAGG(apprenant_id) INTO members FROM apprenant_groupe WHERE groupe_id = OLD.groupe_id;
      INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id)
      SELECT DISTINCT 'MEMBERSHIP', OLD.groupe_id, listed.learner_id
      FROM JSON_TABLE(members, '$[*]' COLUMNS (learner_id BIGINT PATH '$')) AS listed;
    END IF;
  END IF;
END//

DROP TRIGGER IF EXISTS `kpi_change_formateur_groupe_delete`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_formateur_groupe_delete`
AFTER DELETE ON `formateur_groupe` FOR EACH ROW
BEGIN
  DECLARE members JSON;
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  SELECT JSON_ARRAYAGG(apprenant_id) INTO members FROM apprenant_groupe WHERE groupe_id = OLD.groupe_id;
  INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id)
  SELECT DISTINCT 'MEMBERSHIP', OLD.groupe_id, listed.learner_id
  FROM JSON_TABLE(members, '$[*]' COLUMNS (learner_id BIGINT PATH '$')) AS listed;
END//

DROP TRIGGER IF EXISTS `kpi_change_groupes_delete`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_groupes_delete`
BEFORE DELETE ON `groupes` FOR EACH ROW
BEGIN
  DECLARE members JSON;
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  SELECT JSON_ARRAYAGG(apprenant_id) INTO members FROM apprenant_groupe WHERE groupe_id = OLD.id;
  INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id)
  SELECT DISTINCT 'MEMBERSHIP', OLD.id, listed.learner_id
  FROM JSON_TABLE(members, '$[*]' COLUMNS (learner_id BIGINT PATH '$')) AS listed;
END//

DROP TRIGGER IF EXISTS `kpi_change_sous_groupes_delete`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_sous_groupes_delete`
BEFORE DELETE ON `sous_groupes` FOR EACH ROW
BEGIN
  DECLARE members JSON;
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  SELECT JSON_ARRAYAGG(apprenant_id) INTO members FROM apprenant_sous_groupe WHERE sous_groupe_id = OLD.id;
  INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id)
  SELECT DISTINCT 'MEMBERSHIP', OLD.id, listed.learner_id
  FROM JSON_TABLE(members, '$[*]' COLUMNS (learner_id BIGINT PATH '$')) AS listed;
END//

DROP TRIGGER IF EXISTS `kpi_change_formateurs_delete`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_formateurs_delete`
BEFORE DELETE ON `formateurs` FOR EACH ROW
BEGIN
  DECLARE members JSON;
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  SELECT JSON_ARRAYAGG(JSON_ARRAY(pivot.groupe_id, pivot.apprenant_id)) INTO members
  FROM formateur_groupe
  INNER JOIN apprenant_groupe AS pivot
    ON pivot.groupe_id = formateur_groupe.groupe_id
  WHERE formateur_groupe.formateur_id = OLD.id;
  INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id)
  SELECT DISTINCT 'MEMBERSHIP', listed.groupe_id, listed.learner_id
  FROM JSON_TABLE(
    members, '$[*]' COLUMNS (groupe_id BIGINT PATH '$[0]', learner_id BIGINT PATH '$[1]')
  ) AS listed;
END//

DROP TRIGGER IF EXISTS `kpi_change_historique_realisation_taches_insert`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_historique_realisation_taches_insert`
AFTER INSERT ON `historique_realisation_taches` FOR EACH ROW
BEGIN
  DECLARE learner BIGINT;
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  SELECT projects.apprenant_id INTO learner
  FROM realisation_taches AS tasks
  INNER JOIN realisation_projets AS projects
    ON projects.id = tasks.realisation_projet_id
  WHERE tasks.id = NEW.realisation_tache_id;
  INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('FEEDBACK', NEW.realisation_tache_id, learner);
END//

DROP TRIGGER IF EXISTS `kpi_change_commentaire_realisation_taches_insert`//

CREATE DEFINER = '@kpi_change'@'localhost' TRIGGER `kpi_change_commentaire_realisation_taches_insert`
AFTER INSERT ON `commentaire_realisation_taches` FOR EACH ROW
BEGIN
  DECLARE learner BIGINT;
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  SELECT projects.apprenant_id INTO learner
  FROM realisation_taches AS tasks
  INNER JOIN realisation_projets AS projects
    ON projects.id = tasks.realisation_projet_id
  WHERE tasks.id = NEW.realisation_tache_id;
  INSERT INTO `@kpi_db`.kpi_change (domain, ref_id, learner_id) VALUES ('FEEDBACK', NEW.realisation_tache_id, learner);
END//

DELIMITER ;
