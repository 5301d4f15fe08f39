"""The words the school is made of: people, titles and remarks, in accented French and Arabic."""

from __future__ import annotations

FIRST_NAMES = (
    "Yasmine", "Amine", "Éléonore", "Benoît", "Zineb", "Hamza", "فاطمة الزهراء", "Soufiane",
    "Salma", "Mehdi", "Inès", "Othmane", "Noémie", "محمد", "Imane", "Ayoub", "Khadija", "Anas",
    "Chaïma", "Ilyas", "Hajar", "Youssef", "Françoise", "Omar", "Meryem", "عبد الرحمن", "Nada",
    "Reda", "Aïcha", "Walid", "Ghita", "Zakaria", "Loubna", "Tarik", "سلمى", "Rim", "Adil",
)  # fmt: skip

LAST_NAMES = (
    "El Amrani", "Benjelloun", "Dupré", "Ait Lahcen", "Bouzidi", "Chraïbi", "Tazi", "Naciri",
    "العلوي", "Berrada", "Haddad", "Lefèvre", "Ouazzani", "Kabbaj", "بنعلي", "Idrissi",
    "Sefrioui", "Mansouri", "N'Diaye", "Zerouali", "Rachidi", "Skalli", "Fassi-Fihri", "Belkacem",
    "الإدريسي", "Guessous", "Lahlou", "Moutaouakil", "Jaïdi",
)  # fmt: skip

PROGRAMMES = (
    ("DD", "Développement digital"),
    ("RS", "Réseaux & sécurité"),
    ("DG", "Design graphique"),
)

MODULES = (
    (
        "Concevoir une application web",
        "Programmer côté serveur",
        "Développer une interface réactive",
        "Livrer et maintenir un logiciel",
    ),
    (
        "Administrer un réseau local",
        "Sécuriser les accès",
        "Superviser l’infrastructure",
        "Virtualiser et déployer",
    ),
)

COMPETENCE_VERBS = (
    "Analyser le besoin",
    "Réaliser la solution",
    "Vérifier la qualité",
    "Présenter « à l’oral »",
)

TOPICS = (
    (
        "Maquettes et ergonomie", "Modèle entité-association", "قواعد البيانات", "Requêtes SQL",
        "HTML sémantique", "Feuilles de style", "Contrôleurs et routes", "Éloquent & migrations",
        "Authentification", "Validation des données", "Composants", "État partagé",
        "Accessibilité", "Tests unitaires", "واجهات المستخدم", "Appels d’API", "Files d’attente",
        "Intégration continue", "Journalisation", "Déploiement", "Documentation",
        "Gestion de versions",
    ),
    (
        "Modèle OSI", "Adressage IPv4 & IPv6", "أمن الشبكات", "Commutation", "Routage",
        "Réseaux locaux virtuels", "Service DHCP", "Résolution de noms", "Annuaire", "Pare-feu",
        "Chiffrement", "Certificats", "Détection d’intrusions", "Sauvegardes", "الحوسبة السحابية",
        "Hyperviseurs", "Conteneurs", "Supervision", "Métrologie", "Journaux système",
        "Automatisation", "Plan de reprise",
    ),
)  # fmt: skip

UNIT_PATTERNS = ("Découvrir : {}", "Mettre en pratique : {}", "Approfondir : {}", "تطبيق: {}")
CHAPTER_PATTERNS = ("Cours – {}", "Tutoriel – {}", "Quiz – {}")
TASK_TITLES = (
    "Tutoriels du chapitre",
    "Prototype",
    "Réalisation du projet",
    "Présentation orale / عرض شفوي",
)
SCRIPT_LIKE_NAME = "Échapper <script>alert('XSS')</script> & \"guillemets\""

STATE_NAMES = {
    "TODO": "À faire",
    "IN_PROGRESS_INTRO": "Introduction",
    "IN_PROGRESS_INTERMEDIAIRE": "Intermédiaire",
    "IN_PROGRESS_AVANCE": "Avancé",
    "IN_PROGRESS_CHAPITRE": "Chapitres en cours",
    "IN_PROGRESS_PROTOTYPE": "Prototype en cours",
    "IN_PROGRESS_PROJET": "Projet en cours",
    "DONE": "Terminé",
    "PAUSED": "En pause",
    "BLOCKED": "Bloqué",
}
WORKFLOW = (
    ("TODO", "À faire"),
    ("PAUSED", "En pause"),
    ("IN_PROGRESS", "En cours"),
    ("REVISION_NECESSAIRE", "Révision nécessaire"),
    ("READY_FOR_LIVE_CODING", "Prêt pour le live coding"),
    ("IN_LIVE_CODING", "En live coding"),
    ("TO_APPROVE", "À valider"),
    ("LATE", "En retard"),
    ("NOT_VALIDATED", "Non validé"),
    ("APPROVED", "Validé"),
)

# What a row of the history says: pieces like "Label : value", of which that of the state names the new one.
PIECE_END = " </br> "
STATE_PIECE = "État : {}"
STARTED_PIECES = (
    "",
    "Remarques de l’apprenant : قيد الإنجاز",
    "Remarques de l’apprenant : début du travail",
)
HANDED_IN_PIECES = (
    "",
    "Lien : dépôt Git, branche main",
    "Remarques de l’apprenant : تم إرسال العمل",
    "Remarques de l’apprenant : nouvelle version",
)
APPROVED_PIECES = (
    "Remarques du formateur : très bon travail, validé.",
    "Remarques du formateur : attention à l’indentation.",
    "Remarques du formateur : عمل ممتاز",
)
REVISION_PIECES = (
    "Remarques du formateur : à revoir, la règle n’est pas respectée.",
    "Remarques du formateur : il manque les tests.",
    "Remarques du formateur : يرجى إعادة المحاولة",
)
TOUCHED_PIECE = "Lien : dépôt Git, branche dev"


def person(number: int) -> tuple[str, str]:
    """Return the (last name, first name) at that position; pairs repeat after 29 × 37."""
    return LAST_NAMES[number % len(LAST_NAMES)], FIRST_NAMES[number % len(FIRST_NAMES)]


def programme(number: int) -> tuple[str, str]:
    """Return the (code, name) of the programme at that position, from 0."""
    if number < len(PROGRAMMES):
        return PROGRAMMES[number]
    return f"F{number + 1}", f"Filière {number + 1}"


def cycled(words: tuple[str, ...], number: int) -> str:
    """Return the word at that position, going round; the round is added from the second on."""
    turn, place = divmod(number, len(words))
    return words[place] if turn == 0 else f"{words[place]} ({turn + 1})"
