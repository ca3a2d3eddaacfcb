"""Holds words that name people's work on a script, in headings of its file.

Examples are feedback, approval, old versions and meetings: the text below such a
heading is for colleagues. Roles count only in headings: in a sketch, `Client: …` is a
speaker.
"""

from __future__ import annotations

import re

from ig_assets.core.corpus.scripts.sections.section_words import bare_word

_ROLES = frozenset("client customer kunde kundin cliente klant legal".split())
_NAMES = frozenset(" ".join(name.split()) for name in """
    for the client, for client, client info, client brief,
    log, outtakes, bloopers,
    status, approval, approvals, approved by, sign-off, sign off, version history,
    revision history, change log, history of changes, versions, old versions, drafts,
    alternative hook, alternate hook, other hook, hook idea, alternative version,
    alternative cta, alternative ctas, legal review, compliance, open questions,
    für den kunden, kundenfeedback, freigabe, freigaben, abnahme,
    versionen, versionsverlauf, änderungen, änderungsverlauf, entwürfe, rechtliches,
    offene fragen, alternativer hook, alternative aufhänger, alternativer aufhänger,
    alternativer einstieg, para el cliente, estado, aprobación,
    historial de versiones, historial, borradores, preguntas abiertas,
    gancho alternativo, ganchos alternativos, statut, pour le client, validation,
    approbation, historique, historique des versions, brouillons, questions ouvertes,
    accroche alternative, accroches alternatives, stato, per il cliente, approvazione,
    cronologia, cronologia delle versioni, bozze, domande aperte, gancio alternativo,
    ganci alternativi, para o cliente, aprovação, histórico, histórico de versões,
    rascunhos, perguntas em aberto, voor de klant, goedkeuring,
    versiegeschiedenis, concepten, open vragen, alternatieve hook, alternatieve hooks
""".split(","))
_OFFICE = (
    r"(?:(?:the|unser\w*|den|dem|der|die|el|la|le|il|lo|o|a|de|het|our|my) |l')?(?:"
    r"client|clients|customer|brand|agency|legal|team|editor|kunden?|kundin|agentur|"
    r"marke|rechtsabteilung|cliente|agencia|legales|marca|equipo|marque|agence|équipe|"
    r"juridique|agenzia|legale|agência|jurídico|equipe|klant|merk|bureau)"
)
_MONTH = (
    r"(?:jan|feb|mar|mär|apr|avr|abr|may|mai|mag|mei|maa|mrt|jun|jui|giu|jul|lug|aug|"
    r"ago|aoû|sep|set|oct|okt|ott|out|nov|dec|dez|dic|déc|gen|ene|fév|fev)[^\W\d]*"
)
_DATE = (
    rf"\d{{1,4}}[./-]\d{{1,2}}(?:[./-]\d{{0,4}})?|"
    rf"{_MONTH}\.? \d{{1,2}}(?:st|nd|rd|th)?|"
    rf"\d{{1,2}}(?:\.|st|nd|rd|th)? (?:de |di )?{_MONTH}"
)
_PRIVATE = re.compile(
    rf"(?:client |customer )?(?:feedback|comments?|remarks?|kommentare?|anmerkungen|"
    rf"comentarios?|retours?|commentaires?|commenti|comentários?|opmerkingen) "
    rf"(?:from|by|of|vom|von|del?|du|dal?|d[ao]|van) ?{_OFFICE}|"
    rf"(?:questions?|fragen?|preguntas?|domand[ae]|perguntas?|vragen) "
    rf"(?:for|to|an|para|pour|à|per|al|voor|aan) ?{_OFFICE}|"
    rf"(?:old|older|previous|earlier|rejected|discarded|alte[rs]?|verworfene[rs]?|"
    rf"früherer?|ancienne?|vecchi[ao]|oude?|antig[oa]) "
    rf"(?:drafts?|versions?|scripts?|hooks?|entw[uü]rfe?|fassung(?:en)?|skripte?|"
    rf"version|brouillon|bozza|versie|concept|rascunho|versão|versión|borrador)|"
    rf"(?:borrador|versión|rascunho|versão|bozza|versione|brouillon|version) "
    rf"(?:antigu?[oa]|anterior|vecchi[ao]|précédente?|ancienne?|rechazad[oa]|"
    rf"rejeitad[oa]|rifiutat[oa]|rejetée?)|"
    rf"(?:team |kunden|client )?(?:meeting|call|besprechung|termin|reunión|réunion|"
    rf"riunione|reunião|vergadering|overleg|jour fixe)(?: (?:on|am|vom|del?|du|van))? "
    rf"(?:{_DATE})(?:[ ,.]*\d{{4}})?"
)
_FEEDBACK = re.compile(
    rf"{_OFFICE}(?:['\u2019]?s)?(?: |-|)(?:feedback|comments?|remarks?|notes?|wishes|"
    rf"kommentare?|anmerkungen|hinweise|r\u00fcckmeldung(?:en)?|w\u00fcnsche)|"
    rf"(?:feedback|r\u00fcckmeldung(?:en)?|comments?|kommentare?|anmerkungen|notizen|"
    rf"comentarios?|notas|retours?|commentaires?|commenti|appunti|coment\u00e1rios?)"
    rf"(?: (?:from|by|of|for|vom|von|f\u00fcr|del?|du|dal?|d[ao]|para|pour|per|van))?"
    rf" {_OFFICE}"
)
_FOOTER = re.compile(
    r"(?:last (?:edited|updated|modified|changed|saved)|zuletzt (?:bearbeitet|"
    r"geändert|aktualisiert|gespeichert)|dernière (?:modification|mise à jour)|"
    r"última (?:edición|modificación|actualización|edição|modificação|atualização)|"
    r"ultima modifica|laatst (?:bewerkt|gewijzigd))"
    r"(?:\s*:|\s+(?:by|on|at|von|am|vom|par|le|por|el|em|da|di|il|door|op)\b).{0,80}",
    re.IGNORECASE,
)
"""Matches the line of a tool below a page: who edited the page last, and when."""

_REJECTED = re.compile(
    r".+[(\[](?:[^()\[\]]*\W)?(?:rejected|discarded|obsolete|outdated|not used|unused|"
    r"abgelehnt|verworfen|veraltet|rechazad[oa]|descartad[oa]|rejetée?|refusée?|"
    r"rifiutat[oa]|scartat[oa]|rejeitad[oa]|afgewezen|afgekeurd)[)\]]\s*[:：]?\s*"
)


def is_about_work(heading: str, is_heading: bool = True) -> bool:
    """Return whether a heading names notes about the work: `Status`, `V1 (rejected)`.

    `is_heading` is False for a strong line, in which a role such as `Client` is a
    speaker.
    """
    word = bare_word(heading)
    return (
        word in _NAMES
        or (is_heading and word in _ROLES)
        or _PRIVATE.fullmatch(word) is not None
        or _FEEDBACK.fullmatch(word) is not None
        or _REJECTED.fullmatch(heading.casefold().strip()) is not None
    )


def is_private_remark(line: str) -> bool:
    """Return whether a line is a client's or team's remark about the script.

    Examples are `Client feedback: shorter`, and a tool's `Last edited by Anna`. Other
    lines about the work may be spoken: `Status: new.`
    """
    if _FOOTER.fullmatch(line.strip()):
        return True
    name, colon, rest = line.partition(":")
    return bool(colon and rest.strip()) and (
        _FEEDBACK.fullmatch(bare_word(name)) is not None
    )
