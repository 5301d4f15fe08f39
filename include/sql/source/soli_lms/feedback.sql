/*
relation: feedback
counts: >
  One row per answered submission and UA that its task hangs on. A learner submits when he hands a task in: his own row
  of its history names a state whose workflow is TO_APPROVE or READY_FOR_LIVE_CODING. The answer is the next that a
  trainer does on it: his row with remarks (isFeedback = 1) or one that names a state of APPROVED, NOT_VALIDATED,
  REVISION_NECESSAIRE or IN_LIVE_CODING, or his comment. What is handed in again before counts from the last time.
  Nothing is said of submissions that wait for an answer.
reads:
  apprenants: [id, user_id]
  formateurs: [id, user_id]
  projets: [id, formateur_id]
  taches: [id, projet_id]
  workflow_taches: [id, code]
  etat_realisation_taches: [nom, formateur_id, workflow_tache_id]
  realisation_projets: [id, apprenant_id]
  realisation_taches: [id, tache_id, realisation_projet_id]
  historique_realisation_taches: [id, realisation_tache_id, dateModification, changement, isFeedback, user_id]
  commentaire_realisation_taches: [id, realisation_tache_id, dateCommentaire, formateur_id]
  realisation_chapitres: [realisation_ua_id, realisation_tache_id]
  realisation_ua_prototypes: [realisation_ua_id, realisation_tache_id]
  realisation_ua_projets: [realisation_ua_id, realisation_tache_id]
  realisation_uas: [id, unite_apprentissage_id]
types: {dateModification: datetime, dateCommentaire: datetime}
notes: >
  kind is TACHE: the work on a task. submission_id is the id of the history row. changement is pieces like
  "Label : value" with " </br> " between them; a piece names a state when it ends with " : " and the state's nom in the
  words of the project's trainer, byte for byte. A state that he renamed since is no longer recognised in old rows. A row
  that names no state is activity, no submission. At the same instant answers come before submissions, so that one never
  answers what was handed in in the same second; then the history comes before comments, then the smaller id. A task
  that hangs on no UA gives one row on GLOBAL. Several trainers with one user: the smallest id. Things happen in the
  order of the wall clock; in the hour that a clock change repeats that order can be wrong.
example: >
  On a task of UA 31 learner 12 writes "État : À valider" at 09:00 (history 70) and again at 10:00 (history 72), and
  "Lien : dépôt Git" at 11:00 (history 73); trainer 3 comments at 14:30 and at 15:00: one row, TACHE, 72, 12, UA, 31, submitted
  at 10:00, feedback at 14:30, trainer 3.
*/
{#- The tasks of the learners captured alone, all others; of_learners leaves nobody out in a whole capture. #}
{%- macro of_tasks(task_id) -%}
{% if only_learners | default(false) -%}
{{ task_id }} IN (
  SELECT their_tasks.id
  FROM {{ live('realisation_taches', 'their_tasks') }}
  INNER JOIN {{ live('realisation_projets', 'their_projects') }}
    ON their_projects.id = their_tasks.realisation_projet_id
  WHERE {{ of_learners('their_projects.apprenant_id') }}
)
{%- else -%}
TRUE
{%- endif %}
{%- endmacro %}
{#- A piece of the row `history` names a state with one of these workflow codes, of the trainer whose project its task is of. Counted, row by
    row: of an EXISTS MySQL would make a join, and begin it with all projects times all learners. #}
{%- macro names_state(codes) -%}
(
  SELECT COUNT(*)
  FROM {{ live('realisation_taches', 'saved') }}
  INNER JOIN {{ live('taches') }}
    ON taches.id = saved.tache_id
  INNER JOIN {{ live('projets') }}
    ON projets.id = taches.projet_id
  INNER JOIN {{ live('etat_realisation_taches', 'states') }}
    ON states.formateur_id = projets.formateur_id
  INNER JOIN {{ live('workflow_taches', 'workflow') }}
    ON workflow.id = states.workflow_tache_id
  WHERE
    saved.id = history.realisation_tache_id
    AND workflow.code IN ({{ "'" ~ codes | join("', '") ~ "'" }})
    AND LOCATE(
      CONVERT(CONCAT(' : ', states.nom, ' </br> ') USING utf8mb4) COLLATE utf8mb4_bin,
      CONVERT(CONCAT(history.changement, ' </br> ') USING utf8mb4) COLLATE utf8mb4_bin
    ) > 0
) > 0
{%- endmacro %}
WITH trainer_users AS (
  SELECT
    user_id,
    MIN(id) AS trainer_id
  FROM {{ live('formateurs') }}
  WHERE user_id IS NOT NULL
  GROUP BY user_id
),

events AS (
  SELECT
    history.realisation_tache_id AS task_id,
    history.`dateModification` AS happened_at,
    1 AS is_submission,
    0 AS is_comment,
    history.id AS event_id,
    apprenants.id AS learner_id,
    NULL AS trainer_id
  FROM {{ live('historique_realisation_taches', 'history') }}
  INNER JOIN {{ live('realisation_taches', 'tasks') }}
    ON tasks.id = history.realisation_tache_id
  INNER JOIN {{ live('realisation_projets', 'projects') }}
    ON projects.id = tasks.realisation_projet_id
  INNER JOIN {{ live('apprenants') }}
    ON apprenants.id = projects.apprenant_id
    AND apprenants.user_id = history.user_id
  WHERE
    {{ of_learners('projects.apprenant_id') }}
    AND {{ names_state(['TO_APPROVE', 'READY_FOR_LIVE_CODING']) | indent(4) }}
  UNION ALL
  SELECT
    history.realisation_tache_id AS task_id,
    history.`dateModification` AS happened_at,
    0 AS is_submission,
    0 AS is_comment,
    history.id AS event_id,
    NULL AS learner_id,
    trainer_users.trainer_id
  FROM {{ live('historique_realisation_taches', 'history') }}
  INNER JOIN trainer_users
    ON trainer_users.user_id = history.user_id
  WHERE
    {{ of_tasks('history.realisation_tache_id') | indent(4) }}
    AND (
      history.`isFeedback` = 1
      OR {{ names_state(['APPROVED', 'NOT_VALIDATED', 'REVISION_NECESSAIRE', 'IN_LIVE_CODING']) | indent(6) }}
    )
  UNION ALL
  SELECT
    realisation_tache_id AS task_id,
    `dateCommentaire` AS happened_at,
    0 AS is_submission,
    1 AS is_comment,
    id AS event_id,
    NULL AS learner_id,
    formateur_id AS trainer_id
  FROM {{ live('commentaire_realisation_taches') }}
  WHERE
    formateur_id IS NOT NULL
    AND {{ of_tasks('realisation_tache_id') | indent(4) }}
),

followed_events AS (
  SELECT
    task_id,
    is_submission,
    event_id,
    learner_id,
    happened_at,
    LEAD(happened_at) OVER on_task AS next_at,
    LEAD(trainer_id) OVER on_task AS next_trainer_id
  FROM events
  WINDOW on_task AS (PARTITION BY task_id ORDER BY happened_at, is_submission, is_comment, event_id)
),

answered_submissions AS (
  SELECT
    task_id,
    event_id AS submission_id,
    learner_id,
    {{ utc('happened_at') | indent(4) }} AS submitted_at,
    {{ utc('next_at') | indent(4) }} AS feedback_at,
    next_trainer_id AS trainer_id
  FROM followed_events
  WHERE
    is_submission = 1
    AND next_trainer_id IS NOT NULL
),

task_links AS (
  SELECT
    realisation_tache_id AS task_id,
    realisation_ua_id
  FROM {{ live('realisation_chapitres') }}
  WHERE
    realisation_tache_id IS NOT NULL
    AND {{ of_tasks('realisation_tache_id') | indent(4) }}
  UNION ALL
  SELECT
    realisation_tache_id AS task_id,
    realisation_ua_id
  FROM {{ live('realisation_ua_prototypes') }}
  WHERE {{ of_tasks('realisation_tache_id') | indent(4) }}
  UNION ALL
  SELECT
    realisation_tache_id AS task_id,
    realisation_ua_id
  FROM {{ live('realisation_ua_projets') }}
  WHERE {{ of_tasks('realisation_tache_id') | indent(4) }}
),

task_uas AS (
  SELECT DISTINCT
    task_links.task_id,
    realisation_uas.unite_apprentissage_id AS ua_id
  FROM task_links
  INNER JOIN {{ live('realisation_uas') }}
    ON realisation_uas.id = task_links.realisation_ua_id
)

SELECT
  'TACHE' AS kind,
  answered_submissions.submission_id,
  answered_submissions.learner_id,
  IF(task_uas.ua_id IS NULL, 'GLOBAL', 'UA') AS target_type,
  task_uas.ua_id AS target_ref_id,
  answered_submissions.submitted_at,
  answered_submissions.feedback_at,
  answered_submissions.trainer_id
FROM answered_submissions
LEFT JOIN task_uas
  ON task_uas.task_id = answered_submissions.task_id
