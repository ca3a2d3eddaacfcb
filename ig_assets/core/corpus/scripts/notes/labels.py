"""Translates a note's name of a property into our label, from several languages."""

from __future__ import annotations

import re

_NAMES = {
    "id": "id",
    "topic": "topic, thema, tema, sujet, thème, argomento, onderwerp",
    "hook_style": "hook style, hook type, hook_type, style of hook",
    "author": "author, authors, writer, autor, autorin, auteur, autrice, autore",
    "language": "language, lang, sprache, idioma, langue, lingua, taal, língua",
    "hook": "hook, aufhänger, gancho, accroche, gancio",
    "cta": "cta",
    "call_to_action": "call to action, handlungsaufforderung, llamada a la acción, "
    "appel à l'action, chamada para ação",
    "performance": "performance",
    "title": "title, titel, título, titre, titolo",
}
_OURS = {
    name.strip(): ours for ours, names in _NAMES.items() for name in names.split(",")
}

# Names of properties that Notion, Obsidian, Bear and their users give to pages.
_PROPERTIES = frozenset(name.strip() for name in """
    status, state, stage, platform, platforms, channel, tags, tag, labels, aliases,
    created, created time, created at, created by, date created, last edited,
    last edited time, last edited by, edited, updated, modified, date, publish date,
    published, published on, publish on, published at, posted, posted on, post date,
    release date, due, due date, due on, deadline, scheduled, schedule, owner, assignee,
    assigned, assigned to, assign, responsible, editor, videographer, priority, type,
    content type, format, url, link, links, post url, views, reach, likes, comments,
    shares, saves, impressions, plays, project, campaign, client, brand, product,
    series, length, duration, runtime, category, categories, pillar, content pillar,
    content pillars, audience, target audience, sprint, budget, files, files & media,
    attachments, related, parent, parent item, sub-item, archived, score, rating,
    word count, month, week, quarter, place, plattform, schlagwörter, erstellt,
    erstellt am, bearbeitet, datum, veröffentlicht, veröffentlicht am, fällig,
    priorität, aufrufe, verantwortlich, kunde, kategorie, estado, plataforma, etiquetas,
    fecha, creado, publicado, prioridad, cliente, categoría, visualizaciones,
    responsable, statut, plateforme, étiquettes, créé, créé le, publié, publié le,
    priorité, vues, catégorie, stato, piattaforma, etichette, data, creato, pubblicato,
    priorità, categoria, criado, publicado em, prioridade, visualizações, responsável
    """.split(","))


def our_name(name: object) -> str | None:
    """Return our name for a label or property; None if we have no such label."""
    return _OURS.get(_folded(name))


def is_property(name: str) -> bool:
    """Return whether a name is one of our labels, or a usual name of a property."""
    folded = _folded(name)
    return folded in _OURS or folded in _PROPERTIES


def _folded(name: object) -> str:
    return re.sub(r"[\s_]+", " ", str(name).strip().casefold().replace("’", "'"))
