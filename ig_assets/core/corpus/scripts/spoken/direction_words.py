"""Decides which words are a stage direction, by the vocabulary of six languages.

Round brackets and emphasis also hold spoken asides ("(yes, really)"). Words are a
direction if they begin with one of `_BEGINNINGS` and go on as a direction does, are one
of `_ALONE`, name music or a sound, or are a time. Accents and letter case make no
difference.
"""

from __future__ import annotations

import re
import unicodedata

from ig_assets.core.corpus.scripts.sections.section_words import (
    CUE,
    NOTE,
    STRUCTURE,
    is_weak,
    section_of,
)

_BEGINNING_WORDS = """
    smiles, laughs, chuckles, giggles, whispers, sighs, winks, nods, grins, smirks,
    gasps, shrugs, coughs, sobs, claps, groans, gestures, pauses, exhales, inhales,
    yawns, facepalms, smiling, laughing, chuckling, giggling, whispering, sighing,
    winking, nodding, grinning, smirking, gasping, shrugging, coughing, clapping,
    gesturing, zoom in, zoom out, zoom on, zoom to, zooms, zooms in, zooms out,
    zooming in, zooming out, cut to, cuts to, cut back to, cut away, cutaway, jump cut,
    smash cut, match cut, hard cut, fade in, fade out, fade to, fades in, fades out,
    fades to, dissolve to, pan to, pan left, pan right, pan across, pan up, pan down,
    pans to, tilt up, tilt down, voice-over, voiceover, voice over, v.o, vo, o.s, o.c,
    off-screen, offscreen, off screen, off-camera, off camera, on-camera, on camera,
    to camera, to the camera, into camera, into the camera, cont'd, contd,
    text on screen, on-screen text, on screen, on-screen, text overlay, text appears,
    title card, close-up, closeup, close up, extreme close-up, wide shot, medium shot,
    overhead shot, top shot, tracking shot, establishing shot, pov shot, b-roll, broll,
    split screen, green screen, slow motion, slow-mo, slo-mo, time-lapse, timelapse,
    time lapse, sound effect, sound effects, sfx, sound of, sounds of, applause,
    looks at camera, looks at the camera, looks into camera, looks into the camera,
    looks to camera, looking at camera, looking at the camera, looks up, looks down,
    looks away, looks around, points at, points to the, points to camera, points up,
    points down, pointing at, pointing to, holds up, holding up, leans in, leaning in,
    turns to camera, turns to the camera, turns around, walks in, walks out, walks away,
    walks over, walks into, walks off, shakes head, shakes her head, shakes his head,
    rolls eyes, rolls her eyes, rolls his eyes, raises eyebrow, raises an eyebrow,
    takes a bite, takes a sip, takes a breath, deep breath, long pause, short pause,
    brief pause, dramatic pause, pause for effect, drum roll, drumroll, record scratch,
    stage direction, end of scene, end card, record on,

    lacht, lächelt, grinst, flüstert, seufzt, nickt, zwinkert, hustet, kichert,
    schmunzelt, stöhnt, klatscht, lachend, lächelnd, flüsternd, grinsend, seufzend,
    zwinkernd, nickend, zoom auf, zoom rein, zoom raus, heranzoomen, schnitt auf,
    schnitt zu, umschnitt, schwenk auf, schwenk zu, schwenk nach, kamera schwenkt,
    kamera zoomt, kamera fährt, texteinblendung, einblendung, abblende, aufblende,
    überblendung, nahaufnahme, großaufnahme, grossaufnahme, halbtotale, detailaufnahme,
    zeitlupe, zeitraffer, aus dem off, im off, off-text, in die kamera,
    schaut in die kamera, blickt in die kamera, zeigt auf, dreht sich um,
    schüttelt den kopf, zuckt mit den schultern, hebt die hand, kurze pause,
    lange pause, kunstpause, geräusch von, applaus, gelächter, trommelwirbel,

    se ríe, ríe, sonríe, susurra, suspira, asiente, guiña, tose, aplaude, riendo,
    riéndose, sonriendo, susurrando, suspirando, guiñando, zoom a, acercamiento a,
    plano detalle, primer plano, plano general, plano medio, plano cenital, corte a,
    corta a, fundido a, voz en off, en off, cámara lenta, a cámara, mira a cámara,
    mirando a cámara, mira a la cámara, señala, señalando, texto en pantalla,
    en pantalla, efecto de sonido, sonido de, pausa breve, pausa dramática, breve pausa,
    risas, aplausos, sube la música, suena música, baja la música,

    rit, sourit, chuchote, soupire, hoche la tête, cligne de l'œil, clin d'œil, tousse,
    applaudit, en riant, en souriant, en chuchotant, en soupirant, zoom sur, zoom avant,
    zoom arrière, gros plan, plan large, plan serré, plan moyen, plan sur, coupe sur,
    cut sur, fondu au noir, fondu enchaîné, voix off, voix hors champ, hors champ,
    face caméra, regarde la caméra, regard caméra, montre du doigt, pointe du doigt,
    hausse les épaules, texte à l'écran, à l'écran, effet sonore, bruit de, bruits de,
    au ralenti, courte pause, longue pause, un temps, rires, applaudissements,

    sorride, sussurra, sospira, annuisce, fa l'occhiolino, occhiolino, tossisce,
    applaude, ridendo, sorridendo, sussurrando, sospirando, zoom su, primo piano,
    primissimo piano, campo lungo, piano medio, dettaglio su, stacco su, taglio su,
    dissolvenza, voce fuori campo, fuori campo, in camera, guarda in camera,
    guardando in camera, indica, testo a schermo, a schermo, in sovrimpressione,
    effetto sonoro, rumore di, suono di, al rallentatore, breve pausa, risate, applausi,

    sorri, rindo, sorrindo, suspirando, pisca, piscando, acena, zoom em, zoom no,
    zoom na, close em, close no, close na, plano detalhe, plano fechado, plano aberto,
    primeiro plano, corta para, corte para, fusão para, voz off, voz em off, em off,
    olha para a câmera, olhando para a câmera, para a câmera, aponta, apontando,
    texto na tela, na tela, efeito sonoro, som de, câmera lenta, pausa curta, risos,
    risada, risadas, sobe a música
"""

_ALONE_WORDS = """
    pause, beat, music, sound, silence, zoom, cut, smile, laugh, sigh, gasp, wink, nod,
    whisper, shrug, laughter, intro, outro, transition, softly, quietly, sarcastically,
    excitedly, dramatically, deadpan, calmly, angrily, nervously, playfully, cheerfully,
    crying, singing, shouting, yelling, excited, happy, sad, surprised, confused, angry,
    serious, sarcastic, off, ride, ri, musik, schnitt, stille, leise, atempause,
    flüstern, lachen, lächeln, seufzen, blende, totale, ton, geräusch, geräusche, pausa,
    música, silencio, corte, sonido, transición, musique, coupe, temps, ralenti,
    bruitage, rire, sourire, soupir, musica, silenzio, stacco, rumore, risata, som,
    silêncio, transição
"""

# Words that may follow a direction of one word: "laughs at him", "lacht in die Kamera".
_GOING_ON = frozenset("""
    at to into and with again while then in on for as off up down a an the her his
    their out under toward towards over like around zu auf und mit die der den das
    leise laut kurz an nach ins vor al y con la el los las un una hacia en para le les
    et vers avec une au aux de du des sur dans d'un d'une il lo alla della su verso
    dal e com uma em na no ao do da o of from behind sobre vom von uber
""".split())

# Whatever follows these words is seen or heard: "cut to black".
_OPEN_ENDS = frozenset(
    "to on of auf zu nach von a de sur su em no na para di at up in out into over away "
    "reading".split()
)

_MUSIC = re.compile(
    r"(?:(?:upbeat|soft|calm|gentle|dramatic|background|intro|outro|suspenseful|happy|"
    r"sad|lo-?fi|jazzy|tense|slow|fast|loud|quiet|cheerful|epic|ambient|leise|laute|"
    r"ruhige|frohliche|spannende|de fondo|theme|piano|guitar) ){0,3}"
    r"(?:music|musik|musique|musica)"
    r"(?: (?:fades?|plays|playing|swells?|starts?|stops?|ends?|continues|begins|in|out|"
    r"up|down|off|on|setzt ein|spielt|lauft|endet|de fondo|suave|alegre|animada|"
    r"douce|entrainante|de fond|di sottofondo|allegra|de fundo|under|intensifies)){0,3}"
)
_SOUND = re.compile(
    r"[a-z]+ing (?:sounds?|noises?)|[a-z]+(?:gerausche?|gerauschen)|"
    r"[a-z]+ (?:sizzles|sizzling|slams|rings|barks|dings|beeps|buzzes|clicks|chimes)"
)
_EDGES = " .!\u2026*_~\"'"
_ADJECTIVES = ("super", "supers")  # a text on the screen, and praise
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?"
_TIME = re.compile(
    rf"{_CLOCK}(?:\s*(?:[-\u2010-\u2015]|to|bis)\s*{_CLOCK})?|"
    r"\d{1,3}\s*(?:[-\u2010-\u2015]|to|bis)\s*\d{1,3}\s*"
    r"(?:s|secs?|seconds?|sek|sekunden|segundos?|secondes?|secondi)\.?"
)
_LABEL = re.compile(r"([^:\uff1a]{1,40})[:\uff1a]")


def folded(text: str) -> str:
    """Return a text in lower case without accents, with one blank between words."""
    plain = unicodedata.normalize("NFD", text.casefold().replace("\u2019", "'"))
    plain = plain.replace("\u0153", "oe").replace("\u00df", "ss")
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return " ".join(plain.split())


def _words(listed: str) -> frozenset[str]:
    return frozenset(folded(word) for word in listed.split(",") if word.strip())


_BEGINNINGS, _ALONE = _words(_BEGINNING_WORDS), _words(_ALONE_WORDS)
_LONGEST = max(len(words.split()) for words in _BEGINNINGS)


def is_certain_direction(words: str) -> bool:
    """Return whether words are a direction (not spoken) even within a sentence."""
    if "?" in words or not words.strip():
        return False
    text = folded(words).strip(_EDGES)
    if _TIME.fullmatch(text) or _SOUND.fullmatch(text):
        return True
    if (label := _LABEL.match(words)) is not None:
        section = section_of(label[1])
        if section in (CUE, STRUCTURE) or (section == NOTE and not is_weak(label[1])):
            return True
    return (" " in text and _MUSIC.fullmatch(text) is not None) or _begins(text)


def is_direction(words: str) -> bool:
    """Return whether bracketed words, apart from a sentence, are a direction."""
    text = folded(words).strip(_EDGES)
    if "?" in words or text in _ADJECTIVES:
        return False
    is_named = text in _ALONE or section_of(words) in (CUE, STRUCTURE)
    return is_named or is_certain_direction(words)


def is_time(words: str) -> bool:
    """Return whether words are a time or a range of times of the video."""
    return _TIME.fullmatch(folded(words)) is not None


def _begins(text: str) -> bool:
    """Return whether a text begins as a direction does, and goes on as one."""
    tokens = text.split(" ")
    for length in range(min(_LONGEST, len(tokens)), 0, -1):
        joined = " ".join(tokens[:length])
        head = joined.rstrip(",;:.-\u2013\u2014")
        if head not in _BEGINNINGS:
            continue
        rest = tokens[length:]
        if not rest or head != joined or head.split(" ")[-1] in _OPEN_ENDS:
            return True
        following = rest[0].rstrip(",;:.")
        if following in _GOING_ON or following.endswith(("ly", "mente", "\u2014")):
            return True
        if not following.strip("-\u2013\u2014"):
            return True
    return False
