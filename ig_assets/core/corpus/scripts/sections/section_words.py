"""Holds the words that name the parts of a script in headings and labels.

The words are those of English, German, Spanish, French, Italian, Portuguese, Dutch and
a few other languages. The text below a heading of kind `structure`, which names no
part, is spoken. `note` and `cue` are not spoken: a note ends at the next heading or
label; a cue (what is seen or heard beside the words) is one paragraph.
"""

from __future__ import annotations

import re

HOOK, BODY, CALL_TO_ACTION = "hook", "body", "call to action"
SPOKEN, NOTE, CUE, STRUCTURE = "spoken", "note", "cue", "structure"

_WORDS = {
    HOOK: """
        hook, opening hook, aufhänger, einstieg, gancho, accroche, gancio,
        haak, krok
    """,
    BODY: """
        body, script, main script, full script, reel script, video script,
        main part, main text, spoken text, text, skript, drehbuch, hauptteil,
        sprechtext, haupttext, guion, guión, cuerpo, texto, corps, texte, copione,
        corpo, testo, roteiro, guião, tekst, hoofdtekst, manus, manuskript, scenariusz
    """,
    CALL_TO_ACTION: """
        cta, call to action, handlungsaufforderung, handlungsaufruf, aufruf,
        llamada a la acción, llamado a la acción, appel à l'action, invito all'azione,
        chiamata all'azione, chamada para ação, chamada à ação, oproep tot actie,
        uppmaning, wezwanie do działania
    """,
    SPOKEN: """
        vo, v.o, voiceover, voice over, voice, narrator, narration, spoken,
        spoken words, audio, audio / vo, audio/vo, dialogue, dialog, what i say, talent,
        host, presenter, speaker, creator, on camera, on-camera, to camera, a-roll,
        a roll, talking head, moderator, moderatorin, presentador, presentadora,
        présentateur, présentatrice, conduttore, conduttrice, apresentador,
        apresentadora,
        sprecher, sprecherin, sprechertext, off-text, gesprochen, ton, voz, voz en off,
        locución, narrador, narradora, diálogo, voix, voix off, narrateur, narratrice,
        voce, voce fuori campo, narratore, voz off, locução, narração, stem
    """,
    NOTE: """
        notes, note, note to self, notes to self, my notes, internal, internal notes,
        internal note, production notes, director's notes, private, private notes,
        comments, comment, feedback, review, research, ideas, idea, brief, briefing,
        background, sources, source, references, reference, links, resources, to do,
        todo, todos, to-do, to-dos, tasks, checklist, next steps, shot list, shotlist,
        storyboard, equipment, gear, props, ingredients list, credits, caption,
        captions, description, post caption, hashtags, tags, thumbnail, cover, keywords,
        seo, metrics, performance, results, analytics, insights, changelog, backlinks,
        linked references, related, related notes, see also, further reading, read more,
        verwandt, verwandte notizen, siehe auch, relacionado, relacionados,
        relacionadas, ver también, voir aussi, liens connexes, correlati, vedi anche,
        veja também, zie ook, budget, schedule, deadline, location, locations, wardrobe,
        cast, alternative hooks, alternate hooks, other hooks, hook ideas, hook options,
        title ideas, notizen, notiz, anmerkungen, anmerkung, hinweise, hinweis, intern,
        kommentare, kommentar, recherche, ideen, quellen, beschreibung,
        bildunterschrift, aufgaben, requisiten, drehort, notas, nota, comentarios,
        investigación, fuentes, descripción, tareas, etiquetas, enlaces, remarques,
        remarque, commentaires, commentaire, idées, description de la publication,
        tâches, liens, appunti, commenti, idee, fonti, descrizione, compiti,
        anotações, observações, comentários, ideias, fontes, descrição, tarefas,
        notities, notitie, opmerkingen, ideeën, bronnen, anteckningar, notatki
    """,
    CUE: """
        b-roll, broll, b roll, visual, visuals, video, picture, image, images, shot,
        shots, camera, on screen, on-screen, on-screen text, on screen text,
        text on screen, text overlay, overlay, overlays, super, supers, sfx, sound,
        sound effects, sound effect, music, action, scene, setting, transition, cut,
        cut to, pause, beat, graphic, graphics, gesture, direction, stage direction,
        bild, bilder, einblendung, texteinblendung, bildschirmtext, musik, kamera,
        szene, schnitt, imagen, imágenes, música, cámara, plano, escena,
        texto en pantalla, visuel, visuels, musique, caméra, texte à l'écran, scène,
        immagine, immagini, musica, inquadratura, testo a schermo, scena, imagem,
        câmera, texto na tela, cena, beeld, muziek, tekst in beeld, end card, endcard,
        end screen, title card, lower third, bauchbinde
    """,
    STRUCTURE: """
        intro, outro, introduction, conclusion, main content, einleitung, schluss,
        schlussteil, introducción, cierre, conclusión, introduzione, chiusura,
        conclusione, introdução, encerramento, conclusão
    """,
}
_SECTIONS = {
    " ".join(word.split()): section
    for section, words in _WORDS.items()
    for word in words.split(",")
}

# Words that also begin a spoken sentence ("Idea: salt first"): they count as a
# label only if they are strong, in capitals or a heading.
_WEAK = frozenset(
    "idea ideas source sources sound action video picture image shot cut scene text "
    "texto texte testo tekst voice review results performance description background "
    "music camera budget location reference references links private tags beat pause "
    "super direction setting transition bild ton plano plan voz voix voce stem cover "
    "related insights gear props cast schedule deadline metrics tasks hinweis intern "
    "quellen nota remarque comment research".split()
)

# A scene with a number is a place in the script; the words after it are a cue.
_SCENES = frozenset("scene szene escena scène scena cena".split())

_ABOUT_NOTES = frozenset(
    "notes notizen anmerkungen notas remarques appunti regieanweisung regieanweisungen "
    "regie".split()
)
_REMARKS = frozenset("note notiz anmerkung kommentar comentario commentaire".split())
_ONE_VALUE = frozenset(
    "source sources reference references quellen fuentes fontes fonti bronnen hashtags "
    "tags keywords deadline budget location locations drehort".split()
)

_LEADING = re.compile(r"^[\W\d_]+")
_TRAILING = re.compile(r"[\s:：*_–—-]+$")
_ASIDE = re.compile(r"\s*[(\[][^()\[\]]*[)\]]\s*[:：]?\s*$")
_BRACKETED = re.compile(r"[(\[]([^()\[\]]*)[)\]]\s*[:：]?")
_TIMES = re.compile(
    r"\(?(?:\d{1,2}:\d{2}|\d{1,3}\s?s?)\s*[-\u2010-\u2015]\s*"
    r"(?:\d{1,2}:\d{2}|\d{1,3})\s*(?:s|secs?|seconds|sek)?\.?\)?",
    re.I,
)
_END_TIMES = re.compile(rf"[\s:|,–—-]+{_TIMES.pattern}\s*[:：]?\s*$", re.I)
_NUMBER = re.compile(r"\s*#?\d{1,2}$")
_LABEL = re.compile(
    r"(?P<label>[^\n:：]{1,48}?)\s*(?:[:：]|\s[–—-]\s|$)\s*(?P<rest>.*)", re.DOTALL
)

_TIMED_LABEL = re.compile(
    rf"(?P<label>[^\n:：]{{1,48}}?)[\s|,(–—-]+{_TIMES.pattern}[ \t]*"
    r"(?:[:：–—-]\s*|$)(?P<rest>.*)",
    re.DOTALL | re.I,
)


def section_of(heading: str) -> str | None:
    """Return the section that a heading names, or None.

    Emoji, numbers and marks around the word, and an aside in brackets, do not count: `🎣
    1. HOOK (0–3 s):` is the hook.
    """
    word = bare_word(heading)
    section = _SECTIONS.get(word)
    if section is None and _NUMBER.search(word):
        unnumbered = _NUMBER.sub("", word)
        section = STRUCTURE if unnumbered in _SCENES else _SECTIONS.get(unnumbered)
    if section is None and _is_about_notes(word):
        section = NOTE
    return section


def _is_about_notes(word: str) -> bool:
    """Return whether a short label is about notes, like `editor notes`."""
    words = word.split()
    return 1 < len(words) <= 4 and not _ABOUT_NOTES.isdisjoint(words)


def label_of(line: str, is_strong: bool) -> tuple[str, str] | None:
    """Return (the section that a line's label names, the words after it), or None.

    A label is `Hook: words`, `CTA – words`, or the word alone on its line. A word that
    also begins spoken sentences is a label only if it `is_strong` or in capitals.
    """
    found = _TIMED_LABEL.fullmatch(line)
    if found is None or section_of(found["label"]) is None:
        found = _LABEL.fullmatch(line)
    section = None if found is None else section_of(found["label"])
    if found is None or section is None:
        return None
    written, rest = found["label"].strip(), found["rest"].strip()
    if is_weak(written) and not (is_strong or written.isupper()):
        return None
    if _TIMES.fullmatch(rest):
        rest = ""
    if section == STRUCTURE and rest and _NUMBER.sub("", bare_word(written)) in _SCENES:
        section = CUE
    if section == NOTE and rest and bare_word(written) in _REMARKS:
        section = CUE  # a remark on what is said: one paragraph
    return section, rest


def is_weak(label: str) -> bool:
    """Return whether a label is a word that also begins spoken sentences: `Idea`."""
    return bare_word(label) in _WEAK


def has_one_value(label: str) -> bool:
    """Return whether a label of a note, such as `Tags`, has one line as its value."""
    return bare_word(label) in _ONE_VALUE


def bare_word(text: str) -> str:
    """Return a heading or label in lower case, without marks and asides around it."""
    text = text.casefold().replace("’", "'").strip()
    if found := _BRACKETED.fullmatch(text):
        text = found[1]
    text = _TRAILING.sub("", _END_TIMES.sub("", _ASIDE.sub("", text)))
    return " ".join(_LEADING.sub("", text).split())
