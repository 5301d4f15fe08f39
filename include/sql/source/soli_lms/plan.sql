/*
relation: plan
counts: >
  One row per (group, UA) that is planned: the UA is aligned on a session of the group's filière and year, and due on
  that session's last day. Aligned on several sessions, it is due on the earliest.
reads:
  alignement_uas: [unite_apprentissage_id, session_formation_id, created_at]
  session_formations: [id, filiere_id, annee_formation_id, date_fin]
  groupes: [id, filiere_id, annee_formation_id]
types: {date_fin: date, created_at: timestamp}
notes: >
  An alignment whose session is NULL, missing or without date_fin (NULL, or a zero date) plans nothing. created_at is that of the earliest
  alignment that counts, and NULL (always) as soon as one of them is undated. Alignments to UAs that do not exist come
  out as rows, for the capture to reject. Timestamps are cast before MIN, which makes a zero date, refused in strict
  mode, of a group without any (MySQL 9.7.4).
example: >
  UA 31 aligned on sessions 5 (ends 2026-01-16) and 9 (ends 2026-03-13), both of group 7's filière and year:
  GROUPE, 7, 31, due on 2026-01-16.
*/
SELECT
  'GROUPE' AS scope_type,
  groupes.id AS scope_ref_id,
  alignments.unite_apprentissage_id AS ua_ref_id,
  MIN(sessions.date_fin) AS due_on,
  IF(COUNT(alignments.created_at) = COUNT(*), MIN(CAST(alignments.created_at AS DATETIME(6))), NULL) AS created_at
FROM {{ live('alignement_uas', 'alignments') }}
INNER JOIN {{ live('session_formations', 'sessions') }}
  ON sessions.id = alignments.session_formation_id
INNER JOIN {{ live('groupes') }}
  ON groupes.filiere_id = sessions.filiere_id
  AND groupes.annee_formation_id = sessions.annee_formation_id
WHERE {{ is_day('sessions.date_fin') }}
GROUP BY
  groupes.id,
  alignments.unite_apprentissage_id
