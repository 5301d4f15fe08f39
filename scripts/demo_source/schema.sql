-- The tables of the learning-management system that figures are made from, and `demo_clock`.
-- Column names, types and nullability are those of the real source. Where a foreign key is left out, a comment says why.
-- `schema.py` reads the column lists from here, so keep one column a line.

CREATE TABLE filieres (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  code varchar(255) NOT NULL,
  nom varchar(255) NULL,
  reference varchar(255) NOT NULL UNIQUE,
  created_at timestamp NULL,
  updated_at timestamp NULL
);

CREATE TABLE annee_formations (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  titre varchar(255) NOT NULL,
  date_debut date NOT NULL,
  date_fin date NOT NULL,
  reference varchar(255) NOT NULL UNIQUE,
  created_at timestamp NULL,
  updated_at timestamp NULL
);

CREATE TABLE session_formations (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  titre varchar(255) NOT NULL,
  code varchar(255) NULL,
  ordre int NOT NULL,
  date_debut date NULL,
  date_fin date NULL,
  filiere_id bigint unsigned NULL,
  annee_formation_id bigint unsigned NULL,
  reference varchar(255) NOT NULL UNIQUE,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (filiere_id) REFERENCES filieres (id),
  FOREIGN KEY (annee_formation_id) REFERENCES annee_formations (id)
);

-- There is no table of users in this extract: `user_id` is a plain number.
CREATE TABLE apprenants (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  nom varchar(255) NOT NULL,
  prenom varchar(255) NOT NULL,
  actif tinyint(1) NOT NULL DEFAULT 1,
  date_inscription date NULL,
  user_id bigint unsigned NULL,
  reference varchar(255) NOT NULL UNIQUE,
  created_at timestamp NULL,
  updated_at timestamp NULL
);

CREATE TABLE formateurs (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  nom varchar(255) NOT NULL,
  prenom varchar(255) NOT NULL,
  user_id bigint unsigned NULL,
  reference varchar(255) NOT NULL UNIQUE,
  created_at timestamp NULL,
  updated_at timestamp NULL
);

CREATE TABLE groupes (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  code varchar(255) NOT NULL,
  nom varchar(255) NULL,
  filiere_id bigint unsigned NULL,
  annee_formation_id bigint unsigned NULL,
  reference varchar(255) NOT NULL UNIQUE,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (filiere_id) REFERENCES filieres (id),
  FOREIGN KEY (annee_formation_id) REFERENCES annee_formations (id)
);

CREATE TABLE sous_groupes (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  nom varchar(255) NOT NULL,
  groupe_id bigint unsigned NOT NULL,
  reference varchar(255) NOT NULL UNIQUE,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (groupe_id) REFERENCES groupes (id)
);

-- Pivots have neither id nor unique key: a pair can be there twice.
CREATE TABLE apprenant_groupe (
  groupe_id bigint unsigned NOT NULL,
  apprenant_id bigint unsigned NOT NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (groupe_id) REFERENCES groupes (id) ON DELETE CASCADE,
  FOREIGN KEY (apprenant_id) REFERENCES apprenants (id) ON DELETE CASCADE
);

CREATE TABLE apprenant_sous_groupe (
  apprenant_id bigint unsigned NOT NULL,
  sous_groupe_id bigint unsigned NOT NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (apprenant_id) REFERENCES apprenants (id) ON DELETE CASCADE,
  FOREIGN KEY (sous_groupe_id) REFERENCES sous_groupes (id) ON DELETE CASCADE
);

CREATE TABLE formateur_groupe (
  groupe_id bigint unsigned NOT NULL,
  formateur_id bigint unsigned NOT NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (groupe_id) REFERENCES groupes (id) ON DELETE CASCADE,
  FOREIGN KEY (formateur_id) REFERENCES formateurs (id) ON DELETE CASCADE
);

CREATE TABLE modules (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  code varchar(255) NOT NULL,
  nom varchar(255) NOT NULL,
  masse_horaire varchar(255) NOT NULL,
  filiere_id bigint unsigned NOT NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (filiere_id) REFERENCES filieres (id)
);

CREATE TABLE competences (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  code varchar(255) NOT NULL,
  mini_code varchar(255) NOT NULL,
  nom varchar(255) NOT NULL,
  module_id bigint unsigned NOT NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (module_id) REFERENCES modules (id)
);

CREATE TABLE micro_competences (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  titre varchar(255) NOT NULL,
  code varchar(255) NOT NULL,
  ordre int NOT NULL,
  competence_id bigint unsigned NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (competence_id) REFERENCES competences (id)
);

CREATE TABLE unite_apprentissages (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  code varchar(255) NULL,
  nom varchar(255) NOT NULL,
  ordre int NOT NULL,
  micro_competence_id bigint unsigned NOT NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (micro_competence_id) REFERENCES micro_competences (id)
);

CREATE TABLE chapitres (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  nom varchar(255) NOT NULL,
  code varchar(255) NULL,
  duree_en_heure double NOT NULL,
  unite_apprentissage_id bigint unsigned NOT NULL,
  formateur_id bigint unsigned NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (unite_apprentissage_id) REFERENCES unite_apprentissages (id),
  FOREIGN KEY (formateur_id) REFERENCES formateurs (id)
);

-- `unite_apprentissage_id` has no foreign key: some alignments point to UAs that do not exist.
CREATE TABLE alignement_uas (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  ordre int NOT NULL,
  unite_apprentissage_id bigint unsigned NOT NULL,
  session_formation_id bigint unsigned NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  KEY alignement_uas_unite (unite_apprentissage_id),
  FOREIGN KEY (session_formation_id) REFERENCES session_formations (id)
);

-- `sys_color_id` points to a table of colours that is not part of this extract.
CREATE TABLE etat_realisation_modules (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  code varchar(255) NOT NULL,
  nom varchar(255) NOT NULL,
  ordre int NOT NULL,
  sys_color_id bigint unsigned NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL
);

CREATE TABLE etat_realisation_competences (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  code varchar(255) NOT NULL,
  nom varchar(255) NOT NULL,
  ordre int NOT NULL,
  sys_color_id bigint unsigned NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL
);

CREATE TABLE etat_realisation_micro_competences (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  code varchar(255) NOT NULL,
  nom varchar(255) NOT NULL,
  ordre int NOT NULL,
  sys_color_id bigint unsigned NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL
);

CREATE TABLE etat_realisation_uas (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  code varchar(255) NOT NULL,
  nom varchar(255) NOT NULL,
  ordre int NOT NULL,
  sys_color_id bigint unsigned NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL
);

CREATE TABLE realisation_modules (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  apprenant_id bigint unsigned NOT NULL,
  module_id bigint unsigned NOT NULL,
  etat_realisation_module_id bigint unsigned NULL,
  date_debut datetime NULL,
  date_fin datetime NULL,
  progression_cache double NOT NULL DEFAULT 0,
  note_cache double NULL,
  bareme_cache double NULL,
  dernier_update datetime NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (apprenant_id) REFERENCES apprenants (id) ON DELETE CASCADE,
  FOREIGN KEY (module_id) REFERENCES modules (id) ON DELETE CASCADE,
  FOREIGN KEY (etat_realisation_module_id) REFERENCES etat_realisation_modules (id)
);

CREATE TABLE realisation_competences (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  apprenant_id bigint unsigned NOT NULL,
  realisation_module_id bigint unsigned NOT NULL,
  competence_id bigint unsigned NOT NULL,
  etat_realisation_competence_id bigint unsigned NULL,
  date_debut datetime NULL,
  date_fin datetime NULL,
  progression_cache double NOT NULL DEFAULT 0,
  note_cache double NULL,
  bareme_cache double NULL,
  dernier_update datetime NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (apprenant_id) REFERENCES apprenants (id) ON DELETE CASCADE,
  FOREIGN KEY (realisation_module_id) REFERENCES realisation_modules (id) ON DELETE CASCADE,
  FOREIGN KEY (competence_id) REFERENCES competences (id) ON DELETE CASCADE,
  FOREIGN KEY (etat_realisation_competence_id) REFERENCES etat_realisation_competences (id)
);

CREATE TABLE realisation_micro_competences (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  apprenant_id bigint unsigned NOT NULL,
  realisation_competence_id bigint unsigned NOT NULL,
  micro_competence_id bigint unsigned NOT NULL,
  etat_realisation_micro_competence_id bigint unsigned NULL,
  date_debut datetime NULL,
  date_fin datetime NULL,
  progression_cache double NOT NULL DEFAULT 0,
  note_cache double NULL,
  bareme_cache double NULL,
  dernier_update datetime NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (apprenant_id) REFERENCES apprenants (id) ON DELETE CASCADE,
  FOREIGN KEY (realisation_competence_id) REFERENCES realisation_competences (id) ON DELETE CASCADE,
  FOREIGN KEY (micro_competence_id) REFERENCES micro_competences (id) ON DELETE CASCADE,
  FOREIGN KEY (etat_realisation_micro_competence_id) REFERENCES etat_realisation_micro_competences (id)
);

CREATE TABLE realisation_uas (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  realisation_micro_competence_id bigint unsigned NOT NULL,
  unite_apprentissage_id bigint unsigned NOT NULL,
  etat_realisation_ua_id bigint unsigned NULL,
  date_debut datetime NULL,
  date_fin datetime NULL,
  progression_cache double NOT NULL DEFAULT 0,
  note_cache double NULL,
  bareme_cache double NULL,
  dernier_update datetime NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (realisation_micro_competence_id) REFERENCES realisation_micro_competences (id) ON DELETE CASCADE,
  FOREIGN KEY (unite_apprentissage_id) REFERENCES unite_apprentissages (id) ON DELETE CASCADE,
  FOREIGN KEY (etat_realisation_ua_id) REFERENCES etat_realisation_uas (id)
);

CREATE TABLE projets (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  titre varchar(255) NOT NULL,
  formateur_id bigint unsigned NOT NULL,
  filiere_id bigint unsigned NOT NULL,
  session_formation_id bigint unsigned NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (formateur_id) REFERENCES formateurs (id),
  FOREIGN KEY (filiere_id) REFERENCES filieres (id),
  FOREIGN KEY (session_formation_id) REFERENCES session_formations (id)
);

CREATE TABLE taches (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  titre varchar(255) NOT NULL,
  projet_id bigint unsigned NOT NULL,
  chapitre_id bigint unsigned NULL,
  dateDebut datetime NULL,
  dateFin datetime NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (projet_id) REFERENCES projets (id) ON DELETE CASCADE,
  FOREIGN KEY (chapitre_id) REFERENCES chapitres (id)
);

CREATE TABLE affectation_projets (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  groupe_id bigint unsigned NULL,
  sous_groupe_id bigint unsigned NULL,
  projet_id bigint unsigned NOT NULL,
  date_debut datetime NOT NULL,
  date_fin datetime NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (groupe_id) REFERENCES groupes (id),
  FOREIGN KEY (sous_groupe_id) REFERENCES sous_groupes (id),
  FOREIGN KEY (projet_id) REFERENCES projets (id) ON DELETE CASCADE
);

CREATE TABLE workflow_taches (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  code varchar(255) NOT NULL,
  titre varchar(255) NOT NULL,
  ordre int NOT NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL
);

CREATE TABLE etat_realisation_taches (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  nom varchar(255) NOT NULL,
  formateur_id bigint unsigned NOT NULL,
  workflow_tache_id bigint unsigned NOT NULL,
  ordre int NOT NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (formateur_id) REFERENCES formateurs (id),
  FOREIGN KEY (workflow_tache_id) REFERENCES workflow_taches (id)
);

CREATE TABLE realisation_projets (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  apprenant_id bigint unsigned NOT NULL,
  affectation_projet_id bigint unsigned NOT NULL,
  date_debut date NOT NULL,
  date_fin date NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (apprenant_id) REFERENCES apprenants (id) ON DELETE CASCADE,
  FOREIGN KEY (affectation_projet_id) REFERENCES affectation_projets (id) ON DELETE CASCADE
);

CREATE TABLE realisation_taches (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  tache_id bigint unsigned NOT NULL,
  realisation_projet_id bigint unsigned NOT NULL,
  etat_realisation_tache_id bigint unsigned NOT NULL,
  dateDebut datetime NULL,
  dateFin datetime NULL,
  note double NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (tache_id) REFERENCES taches (id) ON DELETE CASCADE,
  FOREIGN KEY (realisation_projet_id) REFERENCES realisation_projets (id) ON DELETE CASCADE,
  FOREIGN KEY (etat_realisation_tache_id) REFERENCES etat_realisation_taches (id)
);

CREATE TABLE historique_realisation_taches (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  realisation_tache_id bigint unsigned NOT NULL,
  dateModification datetime NOT NULL,
  changement longtext NOT NULL,
  isFeedback tinyint(1) NOT NULL DEFAULT 0,
  user_id bigint unsigned NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (realisation_tache_id) REFERENCES realisation_taches (id) ON DELETE CASCADE
);

CREATE TABLE commentaire_realisation_taches (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  realisation_tache_id bigint unsigned NOT NULL,
  dateCommentaire datetime NOT NULL,
  formateur_id bigint unsigned NULL,
  apprenant_id bigint unsigned NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (realisation_tache_id) REFERENCES realisation_taches (id) ON DELETE CASCADE,
  FOREIGN KEY (formateur_id) REFERENCES formateurs (id),
  FOREIGN KEY (apprenant_id) REFERENCES apprenants (id) ON DELETE CASCADE
);

-- The dictionary behind `etat_realisation_chapitre_id` is not part of this extract.
CREATE TABLE realisation_chapitres (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  realisation_ua_id bigint unsigned NOT NULL,
  chapitre_id bigint unsigned NOT NULL,
  realisation_tache_id bigint unsigned NULL,
  etat_realisation_chapitre_id bigint unsigned NULL,
  date_debut datetime NULL,
  date_fin datetime NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (realisation_ua_id) REFERENCES realisation_uas (id) ON DELETE CASCADE,
  FOREIGN KEY (chapitre_id) REFERENCES chapitres (id),
  FOREIGN KEY (realisation_tache_id) REFERENCES realisation_taches (id) ON DELETE CASCADE
);

CREATE TABLE realisation_ua_prototypes (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  realisation_ua_id bigint unsigned NOT NULL,
  realisation_tache_id bigint unsigned NOT NULL,
  note double NULL,
  bareme double NOT NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (realisation_ua_id) REFERENCES realisation_uas (id) ON DELETE CASCADE,
  FOREIGN KEY (realisation_tache_id) REFERENCES realisation_taches (id) ON DELETE CASCADE
);

CREATE TABLE realisation_ua_projets (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  realisation_ua_id bigint unsigned NOT NULL,
  realisation_tache_id bigint unsigned NOT NULL,
  note double NULL,
  bareme double NOT NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  FOREIGN KEY (realisation_ua_id) REFERENCES realisation_uas (id) ON DELETE CASCADE,
  FOREIGN KEY (realisation_tache_id) REFERENCES realisation_taches (id) ON DELETE CASCADE
);

-- Not a table of the source: where the demo stands (UTC) and what it was generated with. One row.
CREATE TABLE demo_clock (
  id tinyint unsigned NOT NULL PRIMARY KEY,
  stands_at datetime(6) NOT NULL,
  app_timezone varchar(64) NOT NULL,
  parameters json NOT NULL
);
