"""Holds the words, in six languages, by which a row says that it sums up others."""

from __future__ import annotations

ALL_OF_THEM = frozenset(
    ("all posts", "all reels", "all videos", "all content", "all campaigns")
    + (
        "alle posts",
        "alle reels",
        "alle videos",
        "alle beitr\u00e4ge",
        "alle kampagnen",
    )
    + ("tous les posts", "toutes les publications", "toutes les vid\u00e9os")
    + ("todas las publicaciones", "todos los videos", "todos os posts")
    + ("todas as publica\u00e7\u00f5es", "tutti i post", "tutti i video")
)
"""Words in place of a post's name in a row of totals; such a row has no date."""

ALL_TOTALS = ALL_OF_THEM | frozenset(
    ("total", "totals", "total general", "grand total", "sum", "gesamt", "summe")
    + ("gesamtsumme", "gesamtergebnis", "insgesamt", "total g\u00e9n\u00e9ral", "somme")
    + ("ensemble", "total geral", "totale", "totali", "totale complessivo", "somma")
    + ("totales", "suma", "suma total", "total general", "totais", "soma")
    + ("average", "averages", "avg", "mean", "median", "durchschnitt", "mittelwert")
    + ("moyenne", "m\u00e9diane", "mediana", "promedio", "m\u00e9dia", "media")
    + ("\u00f8", "\u2300", "\u2211", "\u03c3", "subtotal", "subtotals", "subtotale")
    + ("subtotales", "sous-total", "zwischensumme", "teilsumme", "monatssumme")
    + ("wochensumme", "quartalssumme", "jahressumme", "gesamtzahl", "overall")
)
TOTAL_WORDS = (
    ALL_TOTALS
    - ALL_OF_THEM
    - {*("ensemble", "mean", "media", "m\u00e9dia", "\u03c3", "overall")}
)
"""Words that mean a total even beside other words."""

PERIODS = frozenset(
    "january february march april may june july august september october november "
    "december januar februar m\u00e4rz mai juni juli oktober dezember janvier "
    "f\u00e9vrier mars avril juin juillet ao\u00fbt septembre octobre novembre "
    "d\u00e9cembre enero febrero marzo abril mayo junio julio agosto septiembre "
    "octubre noviembre diciembre janeiro fevereiro mar\u00e7o maio junho julho "
    "setembro outubro novembro dezembro gennaio febbraio aprile maggio giugno "
    "luglio settembre ottobre dicembre jan feb mar apr jun jul aug sep sept oct okt "
    "nov dec dez daily weekly monthly quarterly yearly annual day week month "
    "quarter year tag woche monat quartal jahr semaine mois trimestre ann\u00e9e "
    "semana mes a\u00f1o m\u00eas ano settimana mese anno kw q".split()
)
THINGS = frozenset(
    "all alle grand overall general g\u00e9n\u00e9ral reel reels post posts video "
    "videos beitr\u00e4ge beitrag publications publicaciones publica\u00e7\u00f5es "
    "views reach likes impressions engagement aufrufe reichweite vues "
    "visualizaciones alcance visualizzazioni "
    "account accounts konto konten profile profiles page pages channel channels kanal "
    "rows days tage campaign campaigns kampagne kampagnen content".split()
)
JOINING = frozenset(
    "for of per in the and across f\u00fcr pro im je und aller der des pour par de du "
    "les la le tous toutes et para por del los las todos todas el y e do da dos das em "
    "di della dei tutti tutte i a".split()
) | {"", "&", "+"}
"""Words between a total and its subject, such as `of`; they do not mark a total."""

BEST_OF = frozenset(
    f"{best} {thing}"
    for best in (
        *("best", "top", "worst", "best performing", "top performing", "most viewed"),
        *("most liked", "lowest performing", "worst performing", "most engaging"),
    )
    for thing in ("post", "reel", "video", "content", "clip")
) | frozenset(
    ("max", "min", "maximum", "minimum", "best", "worst", "highest", "lowest")
    + ("std", "stdev", "std dev", "standard deviation", "count", "benchmark", "goal")
    + ("bester beitrag", "bester post", "bestes reel", "bestes video", "bester wert")
    + ("schlechtester beitrag", "schlechtester post", "schlechtestes reel", "maximal")
    + ("meilleur post", "meilleure publication", "meilleure vid\u00e9o", "meilleur")
    + (
        "meilleur reel",
        "pire post",
        "mejor post",
        "mejor publicaci\u00f3n",
        "mejor reel",
    )
    + ("mejor video", "peor post", "m\u00e1ximo", "m\u00ednimo", "melhor post")
    + ("melhor publica\u00e7\u00e3o", "melhor v\u00eddeo", "pior post", "miglior post")
    + ("miglior reel", "miglior video", "peggior post", "massimo", "minimo")
)
"""Labels of rows that repeat a post's counts below a table, without a date."""
