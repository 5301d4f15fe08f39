-- A school of @learners learners who each have 10 micro-competences, 60 UAs and 60 tasks with one answered submission.

INSERT INTO apprenants (id, nom, prenom, user_id, reference)
WITH RECURSIVE numbers AS (
  SELECT 1 AS n
  UNION ALL
  SELECT n + 1 FROM numbers WHERE n < @learners
)
SELECT n, 'Nom', 'Prénom', 1000 + n, n FROM numbers;

INSERT INTO formateurs (id, nom, prenom, user_id, reference) VALUES (1, 'Nom', 'Prénom', 1, 1);

INSERT INTO groupes (id, code, filiere_id, annee_formation_id, reference)
SELECT id, id, 1, 1, id FROM apprenants WHERE id <= @learners / 25;

INSERT INTO apprenant_groupe (apprenant_id, groupe_id) SELECT id, 1 + id % (@learners DIV 25) FROM apprenants;

INSERT INTO formateur_groupe (formateur_id, groupe_id) SELECT 1, id FROM groupes;

INSERT INTO micro_competences (id, titre, code, ordre) SELECT id, '', '', 1 FROM apprenants WHERE id <= 10;

INSERT INTO unite_apprentissages (id, nom, ordre, micro_competence_id)
SELECT micro_competences.id + 10 * sixth.id, '', 1, micro_competences.id
FROM micro_competences
INNER JOIN apprenants AS sixth ON sixth.id <= 6;

INSERT INTO session_formations (id, titre, ordre, date_debut, date_fin, filiere_id, annee_formation_id, reference)
SELECT id, '', id, '2026-01-05', '2026-01-16', 1, 1, id FROM apprenants WHERE id <= 6;

INSERT INTO alignement_uas (ordre, unite_apprentissage_id, session_formation_id)
SELECT 1, id, 1 + id % 6 FROM unite_apprentissages;

INSERT INTO realisation_micro_competences (apprenant_id, realisation_competence_id, micro_competence_id)
SELECT apprenants.id, 1, micro_competences.id FROM apprenants CROSS JOIN micro_competences;

INSERT INTO realisation_uas (realisation_micro_competence_id, unite_apprentissage_id)
SELECT parents.id, unite_apprentissages.id
FROM realisation_micro_competences AS parents
INNER JOIN unite_apprentissages ON unite_apprentissages.micro_competence_id = parents.micro_competence_id;

INSERT INTO workflow_taches (id, code, titre, ordre) VALUES (7, 'TO_APPROVE', '', 7), (10, 'APPROVED', '', 10);

INSERT INTO etat_realisation_taches (id, nom, formateur_id, workflow_tache_id, ordre)
VALUES (1, 'À valider', 1, 7, 1), (2, 'Validé', 1, 10, 2);

INSERT INTO projets (id, titre, formateur_id, filiere_id) SELECT id, '', 1, 1 FROM apprenants WHERE id <= 20;

INSERT INTO taches (id, titre, projet_id) SELECT id, '', 1 + id % 20 FROM unite_apprentissages;

INSERT INTO realisation_projets (id, apprenant_id, affectation_projet_id, date_debut)
SELECT id, id, 1, '2026-01-05' FROM apprenants;

INSERT INTO realisation_taches (tache_id, realisation_projet_id, etat_realisation_tache_id)
SELECT unite_apprentissages.id, realisation_projets.id, 1 FROM realisation_projets CROSS JOIN unite_apprentissages;

INSERT INTO historique_realisation_taches (realisation_tache_id, dateModification, changement, isFeedback, user_id)
SELECT id, '2026-01-12 09:00:00', 'État : À valider', 0, 1000 + realisation_projet_id FROM realisation_taches
UNION ALL
SELECT id, '2026-01-13 09:00:00', 'État : Validé', 0, 1 FROM realisation_taches;

INSERT INTO realisation_chapitres (realisation_ua_id, chapitre_id, realisation_tache_id)
SELECT realisation_uas.id, 1, tasks.id
FROM realisation_taches AS tasks
INNER JOIN realisation_micro_competences AS parents ON parents.apprenant_id = tasks.realisation_projet_id
INNER JOIN realisation_uas
  ON realisation_uas.realisation_micro_competence_id = parents.id
  AND realisation_uas.unite_apprentissage_id = tasks.tache_id;
