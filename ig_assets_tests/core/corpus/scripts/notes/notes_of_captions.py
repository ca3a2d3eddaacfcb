"""Captions and transcripts with times, with what is spoken in each."""

from __future__ import annotations

from ig_assets_tests.core.corpus.scripts.notes.real_note import RealNote

NOTES_OF_CAPTIONS = (
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
