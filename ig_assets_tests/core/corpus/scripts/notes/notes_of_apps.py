"""Notes as apps export them, with what is spoken in each."""

from __future__ import annotations

from ig_assets_tests.core.corpus.scripts.notes.real_note import RealNote

NOTES_OF_APPS = (
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
)
