"""Notes as tables, scenes, labels and screenplays, with what is spoken in each."""

from __future__ import annotations

from ig_assets_tests.core.corpus.scripts.notes.real_note import RealNote

NOTES_IN_LAYOUTS = (
    RealNote(
        "av.md",
        """# Reel 7

| Time | VIDEO | AUDIO |
|------|-------|-------|
| 0–3 | close-up of a pan | **Your steak is wet.** |
| 3–9 | towel | Dry it, then salt it. |
""",
        "Your steak is wet.",
        "Dry it, then salt it.",
        "",
        {"cue": 2, "table cell": 2, "title": 1},
    ),
    RealNote(
        "table.md",
        """# Reel 8

| Part | Text |
|---|---|
| Hook | Freeze your ginger. |
| Script | It grates like snow. |
| B-roll | snow |
| CTA | Save this. |
""",
        "Freeze your ginger.",
        "It grates like snow.",
        "Save this.",
        {"cue": 1, "title": 1},
    ),
    RealNote(
        "voice.md",
        """# Reel 9

VISUAL: hands, flour
VO: Your dough is not lazy. It is cold.

[B-roll: the oven lamp]

VO: Put it in the oven with the lamp on.
MUSIC: calm

(cut to the bowl)

CTA: Save this.
""",
        "Your dough is not lazy.",
        "It is cold.\n\nPut it in the oven with the lamp on.",
        "Save this.",
        {"cue": 4, "title": 1},
    ),
    RealNote(
        "gancho.md",
        """## Gancho

Tu ajo se quema

## Guion

Empieza con aceite frío.

## Llamada a la acción

Guárdalo.

## Notas

preguntar a Ana

### Presupuesto

400
""",
        "Tu ajo se quema",
        "Empieza con aceite frío.",
        "Guárdalo.",
        {"note": 3},
    ),
    RealNote(
        "dual.fountain",
        """Title: Onions
Author: Mara
Draft date: 3/4/2026

# Act one

= They fight about heat.

INT. KITCHEN - DAY

Smoke. [[ask the fire marshal
about this]]

MARA (V.O.)
(calm)
Your onions are *steaming*.

JONAS ^
No they are not!

/* MARA
Cut this line.

JONAS
And this one. */

> CUT TO:

@mara
Turn the heat down.

~La la la

THE END.
""",
        "Your onions are steaming.",
        "No they are not!\n\nTurn the heat down.\n\nLa la la",
        "",
        {
            "action": 2,
            "comment": 1,
            "heading": 2,
            "note": 1,
            "parenthetical": 1,
            "property": 2,
            "scene": 1,
            "speaker": 3,
            "transition": 1,
        },
    ),
    RealNote(
        "assistant.md",
        """Here's a 30-second Reels script:

**[HOOK – 0:00–0:03]**
*(Close-up of onions hissing in a pan)*
**Narrator (V.O.):** Your onions are steaming, not frying.

**[BODY – 0:03–0:20]**
*(Cut to hands turning down the heat)*
**Narrator:** Turn the heat down.
**On-screen text:** LOW + SLOW

**[CTA – 0:20–0:30]**
**Narrator:** Save this!
🎵 *Upbeat music fades out* 🎵

**Caption:** golden onions #cooking
""",
        "Your onions are steaming, not frying.",
        "Turn the heat down.",
        "Save this!",
        {"cue": 5, "note": 1, "other text": 1},
    ),
    RealNote(
        "scenes.md",
        """# Peel eggs under water

**Scene 1: Kitchen (wide shot)**

The water lifts the shell.

## Scene 2

Cold — [beat] — not hot. (Ice, if you have it.)

**Outro**

Try it.

**End card:** logo

## Notes

### Scene 3

ask Ada
""",
        "Peel eggs under water",
        "The water lifts the shell.\n\n"
        "Cold — not hot. (Ice, if you have it.)\n\nTry it.",
        "",
        {"cue": 4, "heading": 2, "note": 2},
    ),
    RealNote(
        "skit.md",
        """# Two cooks, one pan

**Mara:** Your onions are steaming.
**Jonas (offended):** They are not!
**Mara:** Turn it down.

Myth: salt dries it.
""",
        "Two cooks, one pan",
        "Your onions are steaming.\nThey are not!\nTurn it down.\n\n"
        "Myth: salt dries it.",
        "",
        {"speaker": 3},
    ),
    RealNote(
        "transcript.txt",
        """# Rice reel

Mara Lind  0:03
Stop washing your rice.

Jonas  0:07
Really? Meet me at 7:30
""",
        "Rice reel",
        "Stop washing your rice.\n\nReally? Meet me at 7:30",
        "",
        {"speaker": 2},
    ),
)
