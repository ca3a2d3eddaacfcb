"""Notes as people's tools write them, with what is spoken in each."""

from __future__ import annotations

from typing import NamedTuple


class RealNote(NamedTuple):
    """A file, the three parts of its script, and how many pieces are left out."""

    path: str
    text: str
    hook: str
    body: str
    call_to_action: str
    left_out: dict[str, int]


NOTES = (
    RealNote(
        "Garlic 0f1e2d3c4b5a69788796a5b4c3d2e1f0.md",
        """# Garlic reel

Status: In review
Owner: Mara Lind
Campaign: Spring
Script budget: 400 EUR
Hook: Your garlic burns before it browns

<aside>
💡 Client wants the brand on screen.

Ask legal first.
</aside>

## 🎬 Script

Start it in **cold** oil.

<details>
<summary>Research</summary>

Maillard starts at 140 °C.

</details>

![pan](Garlic%200f1e/pan.png)

## 📣 CTA

Save this for tonight.

## 🗒 Notes

- [ ] book the kitchen
- [x] call Jonas
""",
        "Your garlic burns before it browns",
        "Start it in cold oil.",
        "Save this for tonight.",
        {
            "property": 4,
            "callout": 1,
            "folded part": 1,
            "image": 1,
            "title": 1,
            "to-do": 2,
        },
    ),
    RealNote(
        "obsidian.md",
        """---
tags: [reels]
author: [[Mara]], [[Jonas]]
---
status:: draft
# Rice needs rest

%%
Do not publish before May.

Budget 400.
%%

Leave the lid on for ten minutes. %%why ten?%% Then fork it. ^rest

> [!warning]- Legal
> Never say healthy.

> Do not stir.

![[rice.png|300]]
![[Template footer]]

==Steam== does the ~~magic~~ work[^1], see [[Rice#Resting|this]].

#reels #rice

[^1]: From the lab notebook.

CTA: Follow for more.
""",
        "Rice needs rest",
        "Leave the lid on for ten minutes. Then fork it.\n\nDo not stir.\n\n"
        "Steam does the work, see this.",
        "Follow for more.",
        {
            "block id": 1,
            "callout": 1,
            "comment": 2,
            "embed": 1,
            "footnote": 1,
            "image": 1,
            "label": 1,
            "line of tags": 1,
            "property": 2,
            "struck out": 1,
        },
    ),
    RealNote(
        "Docs export.md",
        """# **Reel 14 \\- eggs**

**Aufhänger (0–3 s):** Dein Ei klebt an der Schale\\.

**Skript**

Schreck es nicht ab\\. Nimm *alte* Eier\\.

![][image1]

**Handlungsaufforderung:** Speichern\\!

**Notizen:** Kunde fragt nach dem Preis

Rückruf am Montag

[image1]: <data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ>
""",
        "Dein Ei klebt an der Schale.",
        "Schreck es nicht ab. Nimm alte Eier.",
        "Speichern!",
        {"image": 1, "note": 2, "time": 1, "title": 1},
    ),
    RealNote(
        "Docs plain.txt",
        """\ufeffHook: Your pan is too small[a]

Script:
Crowded food steams. Fry in two rounds.

CTA: Save this.

[a]Legal: is this claim fine?
""",
        "Your pan is too small",
        "Crowded food steams. Fry in two rounds.",
        "Save this.",
        {"comment": 1},
    ),
    RealNote(
        "bear.md",
        """# Basil hates the fridge
#reels/kitchen tips# #herbs

Keep it in *water*, like flowers.

---
CTA: Send this to someone.
""",
        "Basil hates the fridge",
        "Keep it in water, like flowers.",
        "Send this to someone.",
        {"line of tags": 1},
    ),
    RealNote(
        "apple-notes.txt",
        """Hook
Your knife is fine

Script
It is only bent. Steel it twice.

CTA
Save this

Notes
ask Jonas for the steel
""",
        "Your knife is fine",
        "It is only bent. Steel it twice.",
        "Save this",
        {"note": 1},
    ),
    RealNote(
        "roam.md",
        """- Status:: #published
- **Hook**
    - Your pasta water is too clean
- **Script**
    - Salt it until it tastes like soup.
    - {{[[TODO]]}} film the pot
    - Then keep a cup of it. ((abc123DEF))
- **Notes**
    - client: [[Anna]]
- **CTA**
    - Save this.
""",
        "Your pasta water is too clean",
        "Salt it until it tastes like soup.\n\nThen keep a cup of it.",
        "Save this.",
        {"embed": 1, "note": 1, "property": 1, "to-do": 1},
    ),
    RealNote(
        "logseq.md",
        """title:: bread reel
author:: Jonas

- # Stop slicing warm bread
  id:: 64f0c2aa-0000-4000-8000-000000000001
- The crumb still sets for an hour.
  collapsed:: true
\t- TODO check with the baker
- CTA: Follow for more.
- NOTES: the baker is Ada
""",
        "Stop slicing warm bread",
        "The crumb still sets for an hour.",
        "Follow for more.",
        {"note": 1, "property": 3, "to-do": 1},
    ),
    RealNote(
        "hugo.md",
        """+++
title = "Lemons last longer"
date = 2026-03-12T18:30:00Z
tags = ["lemon"]
author = "Mara"
broken = = 3
+++

Put them in a jar of water.

{{< youtube abc >}}

CTA: Save this.
""",
        "Lemons last longer",
        "Put them in a jar of water.",
        "Save this.",
        {"property": 3, "template": 1},
    ),
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
        "speakers.vtt",
        """WEBVTT - internal cut 3

STYLE
::cue { color: red }

NOTE Client: remove the price

1
00:00.000 --> 00:02.000 align:start
<v Mara>Your onions <00:00:01.000><c>are steaming.</c></v>

00:02.000 --> 00:04.000
JONAS: Turn the heat &amp; the lid down.

00:03.500 --> 00:05.000
- [laughs] Save this!
""",
        "Your onions are steaming.",
        "Turn the heat & the lid down. Save this!",
        "",
        {"comment": 1, "sound": 1, "speaker": 2, "style": 1},
    ),
    RealNote(
        "rolling.vtt",
        """WEBVTT
Kind: captions
Language: en

00:00:00.000 --> 00:00:02.000
your onions are

00:00:02.000 --> 00:00:02.010
your onions are

00:00:02.010 --> 00:00:04.000
your onions are
steaming not frying

00:00:04.000 --> 00:00:04.010
steaming not frying

00:00:04.010 --> 00:00:06.000
steaming not frying
[Music]
turn it down
""",
        "your onions are steaming not frying turn it down",
        "",
        "",
        {"repeated line": 4, "sound": 1},
    ),
    RealNote(
        "twice.srt",
        """1
00:00:00,000 --> 00:00:01,000
No.

2
00:00:01,000 --> 00:00:02,000
No.

3
00:00:02,000 --> 00:00:04,000
{\\an8}<i>Salt</i> it first.

4
00:00:04,000 --> 00:00:06,000
>> MARA: Then wait. ♪

5
00:00:06,000 --> 00:00:07,000
♪ ♪

6
00:00:07,000 --> 00:00:08,000
Now fry it.
""",
        "No.",
        "No. Salt it first. Then wait. Now fry it.",
        "",
        {"sound": 2, "speaker": 1},
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
        "Docs plain title.txt",
        """REEL SCRIPT: EGGS[a]

HOOK
Your eggs stick to the shell.

SCRIPT
________________

* Shock them in ice water
* Peel under the tap [SFX: water]

[a]Client: new title?
""",
        "Your eggs stick to the shell.",
        "* Shock them in ice water\n* Peel under the tap",
        "",
        {"comment": 1, "cue": 1, "title": 1},
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
    RealNote(
        "speakers.srt",
        """1
00:00:00,000 --> 00:00:02,400
Mara: Your onions are steaming,

2
00:00:02,400 --> 00:00:04,000
not frying. *sizzle*

3
00:00:04,000 --> 00:00:04,200
*sizzle*

4
00:00:04,200 --> 00:00:05,100
Jonas: Really? [crosstalk]

5
00:00:05,100 --> 00:00:07,000
Mara: Turn the heat down.
""",
        "Your onions are steaming, not frying.",
        "Really? Turn the heat down.",
        "",
        {"sound": 3, "speaker": 3},
    ),
    RealNote(
        "youtube.vtt",
        """WEBVTT
Kind: captions
Language: en

00:00:00.160 --> 00:00:02.310 align:start position:0%
\x20
your<00:00:00.400><c> onions</c><00:00:00.800><c> are</c><00:00:01.200><c> steaming</c>

00:00:02.310 --> 00:00:02.320 align:start position:0%
your onions are steaming
\x20

00:00:02.320 --> 00:00:04.470 align:start position:0%
your onions are steaming
[Music] not<00:00:02.600><c> frying</c>

00:00:04.470 --> 00:00:04.480 align:start position:0%
[Music] not frying
\x20

00:00:04.480 --> 00:00:08.000 align:start position:0%
[Music] not frying
turn<00:00:06.500><c> it</c><00:00:07.000><c> down</c>
""",
        "your onions are steaming not frying turn it down",
        "",
        "",
        {"repeated line": 4, "sound": 3},
    ),
)
