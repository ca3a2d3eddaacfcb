"""Holds exporters' names for columns, in six languages, by their content.

The languages are English, German, French, Spanish, Portuguese and Italian. Names are
plain: lower case, without accents, words joined by underscores. For each concept, the
first name that the file has, and whose values fit, is used.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

NAMES: dict[str, tuple[str, ...]] = {
    "post_id": (
        *("post_id", "media_id", "ig_media_id", "video_id", "reel_id", "ig_id"),
        *("shortcode", "short_code", "beitrags_id", "id_de_la_publication"),
        *("identifiant_de_publication", "id_de_la_publicacion", "id_da_publicacao"),
        *("identifiant_de_la_publication", "identificador_de_la_publicacion"),
        *("identificador_da_publicacao", "identificativo_del_post", "publication_id"),
        *("id_do_post", "id_del_post", "id_post", "content_id", "pk", "id"),
    ),
    "permalink": (
        *("permalink", "post_permalink", "permalien", "post_link", "post_url"),
        *("link_to_post", "video_link", "videolink", "permanenter_link"),
        *("lien_permanent", "enlace_permanente", "link_permanente", "webpage_url"),
        *("instagram_url", "instagram_link", "ig_url", "tiktok_url", "youtube_url"),
        *("url", "link", "lien", "enlace", "video_url", "media_url"),
    ),
    "caption": (
        *("caption", "post_caption", "caption_text", "post_text", "post_message"),
        *("message", "text_copy", "bildunterschrift", "beitragstext", "nachricht"),
        *("legende", "texte", "texte_de_la_publication", "leyenda", "texto"),
        *("pie_de_foto", "texto_da_publicacao", "legenda", "didascalia", "testo"),
        *("text", "post", "post_content", "content", "contenu", "contenido"),
        *("conteudo", "contenuto", "inhalt", "edge_media_to_caption"),
        "edge_media_to_caption_edges_node_text",
    ),
    "title": (
        *("title", "video_title", "post_title", "headline", "titel", "videotitel"),
        *("titre", "titre_de_la_video", "titulo", "titulo_del_video"),
        *("titulo_do_video", "titolo", "titolo_del_video", "name"),
    ),
    "description": (
        *("description", "video_description", "beschreibung", "descripcion"),
        *("descricao", "descrizione", "desc"),
    ),
    "published_at": (
        *("published_at", "publish_time", "posted_at", "published_on", "posted_on"),
        *("published", "posted", "date_and_time", "veroffentlicht"),
        *("publish_date", "published_date", "video_publish_time", "post_date"),
        *("post_time", "posting_date", "publication_date", "sent_at", "date_posted"),
        *("posted_time", "posted_date", "publish_datetime", "published_datetime"),
        *("date_published", "post_created", "creation_timestamp", "created_time"),
        *("created_at", "create_time", "taken_at", "timestamp", "upload_date"),
        *("veroffentlichungszeitpunkt", "veroffentlichungszeit"),
        *("veroffentlichungsdatum", "veroffentlicht_am"),
        *("zeitpunkt_der_videoveroffentlichung", "erstellt_am"),
        *("veroffentlichungszeitpunkt_des_videos",),
        *("heure_de_publication", "date_de_publication", "publie_le"),
        *("heure_de_publication_de_la_video", "hora_de_publicacion"),
        *("fecha_de_publicacion", "hora_de_publicacion_del_video", "publicado_el"),
        *("horario_de_publicacao", "hora_da_publicacao", "data_de_publicacao"),
        *("data_da_publicacao", "publicado_em", "orario_di_pubblicazione"),
        *("ora_di_pubblicazione", "data_di_pubblicazione", "pubblicato_il"),
    ),
    "read_at": (
        *(
            "read_at",
            "read_on",
            "read_date",
            "observed_on",
            "observed_at",
            "snapshot_at",
        ),
        *("snapshot_date", "snapshot_time", "scraped_at", "crawled_at", "fetched_at"),
        *("scrape_date", "retrieved_at", "collected_at", "exported_at", "export_date"),
        *("date_scraped", "scrape_time", "extracted_at", "extraction_time"),
        *("data_pull_date", "pulled_at", "loaded_at", "ingested_at", "synced_at"),
        *("airbyte_extracted_at", "airbyte_emitted_at", "fivetran_synced"),
        *("sdc_extracted_at", "sdc_received_at", "sdc_batched_at", "dlt_load_id"),
        *("dlt_loaded_at", "dlt_load_time", "hevo_ingested_at", "etl_loaded_at"),
        *("ingestion_timestamp", "load_timestamp", "extract_timestamp", "epoch"),
        *("abgerufen_am", "exportiert_am", "extrait_le", "exporte_le"),
    ),
    "day": ("date", "datum", "fecha", "data", "day", "tag", "jour", "dia", "giorno"),
    "time": (
        *("time", "post_time", "posting_time", "publish_time", "published_time"),
        *("time_of_day", "time_posted", "snapshot_time", "scrape_time", "uhrzeit"),
        *(
            "read_time",
            "zeit",
            "veroffentlichungszeit",
            "heure",
            "heure_de_publication",
            "hora",
        ),
        *("hora_de_publicacion", "hora_da_publicacao", "horario"),
        *("horario_de_publicacao", "orario", "orario_di_pubblicazione", "ora"),
        "ora_di_pubblicazione",
    ),
    "impressions": (
        *("impressions", "impression_count", "impressionen", "impresiones"),
        *("impressoes", "impression"),
    ),
    "reach": (
        *("reach", "accounts_reached", "people_reached", "reichweite"),
        *("erreichte_konten", "couverture", "portee", "comptes_touches", "alcance"),
        *("cuentas_alcanzadas", "contas_alcancadas", "copertura"),
        *("account_raggiunti",),
    ),
    "views": (
        *("views", "view_count", "video_views", "total_views", "plays", "play_count"),
        *("video_play_count", "video_view_count", "ig_reels_plays", "aufrufe"),
        *("videoaufrufe", "wiedergaben", "vues", "nombre_de_vues", "lectures"),
        *("visualizaciones", "reproducciones", "vistas", "visualizacoes"),
        *("reproducoes", "visualizzazioni", "riproduzioni"),
    ),
    "likes": (
        *("likes", "like_count", "likes_count", "total_likes", "reactions"),
        *("digg_count", "mag_ich_bewertungen", "mag_ich"),
        *("gefallt_mir_angaben", "gefallt_mir", "mentions_j_aime", "j_aime"),
        *("mention_j_aime", "me_gusta", "likes_me_gusta", "curtidas", "gostos"),
        *("mi_piace", "edge_liked_by_count"),
        "edge_media_preview_like_count",
    ),
    "clicks": (
        *("clicks", "click_count", "link_clicks", "klicks", "linkklicks", "clics"),
        *("clics_sur_le_lien", "clics_en_el_enlace", "cliques"),
        *("cliques_no_link", "clic", "clic_sul_link"),
    ),
    "comments": (
        *("comments", "comment_count", "comments_count", "total_comments"),
        *("comments_added",),
        *("kommentare", "hinzugefugte_kommentare", "commentaires", "comentarios"),
        *("commenti", "edge_media_to_comment_count"),
    ),
    "shares": (
        *("shares", "share_count", "shares_count", "total_shares", "sharings"),
        *("geteilte_inhalte", "veces_que_se_compartio"),
        *("geteilt", "mal_geteilt", "partages", "veces_compartido", "compartidos"),
        *("compartilhamentos", "partilhas", "condivisioni"),
    ),
    "saves": (
        *("saves", "saved", "save_count", "saves_count", "total_saves", "bookmarks"),
        *("veces_que_se_guardo", "favorites", "favourites"),
        *("gespeicherte_beitrage", "gespeichert", "enregistrements", "guardados"),
        *("veces_guardado", "salvamentos", "salvos", "salvataggi"),
    ),
    "language": (
        *("language", "lang", "locale", "sprache", "langue", "idioma", "lingua"),
    ),
    "author": (
        *("author", "writer", "creator", "username", "account_username"),
        *("owner_username", "konto_benutzername", "benutzername", "autor"),
        *("nom_d_utilisateur_du_compte", "auteur", "autore"),
        *("nombre_de_usuario_de_la_cuenta", "nome_de_usuario_da_conta"),
        *("nome_utente_dell_account",),
    ),
    "test": (
        *("test_id", "ab_test_id", "test", "test_name", "testname", "ab_test"),
        *("a_b_test", "ab_test_name", "split_test", "experiment", "experiment_id"),
        *("experiment_name", "test_nr", "test_number", "versuch", "experimento"),
        *("prueba", "prueba_a_b", "nombre_de_la_prueba", "experience", "essai"),
        *("test_a_b", "nom_du_test", "esperimento", "nome_del_test", "teste"),
        *("teste_a_b", "nome_do_teste"),
    ),
    "arm": (
        *("variant", "variation", "cell", "arm", "arm_id", "arm_name", "variant_id"),
        *("variant_name", "test_variant", "ab_variant", "a_b_variant", "a_b", "ab"),
        *("test_group", "test_cell", "treatment", "testvariante", "variante"),
        *("testgruppe", "ab_variante", "a_b_variante", "variacion", "variacao"),
        *("variazione", "groupe_de_test", "grupo_de_prueba", "gruppo_di_test"),
        "grupo_de_teste",
    ),
    "topic": ("topic", "subject", "theme", "thema", "sujet", "tema", "argomento"),
    "due_on": (
        *("due_on", "due_date", "due", "publish_on", "go_live_date"),
        *("fallig_am", "falligkeitsdatum", "fallig", "veroffentlichung_am"),
        *("echeance", "date_d_echeance", "fecha_de_entrega", "fecha_limite"),
        *("vencimiento", "data_de_entrega", "prazo", "vencimento", "scadenza"),
        *("data_di_scadenza",),
    ),
    "brief": ("brief", "briefing", "notes", "notizen", "kurzbeschreibung", "consigne"),
    "audience": (
        *("audience", "target_audience", "zielgruppe", "public_cible", "cible"),
        *("audiencia", "publico", "publico_alvo", "pubblico", "publico_objetivo"),
    ),
    "task": (
        *("task_name", "task", "aufgabe", "tache", "tarea", "tarefa", "attivita"),
    ),
}

COUNT_NAMES = frozenset(
    name
    for metric in ("impressions", "reach", "views", "likes", "clicks", "comments")
    + ("shares", "saves")
    for name in (metric, *NAMES[metric])
)
"""Names of columns with counts of a post's engagement."""

_ZONE = re.compile(
    r"\s*\(\s*(?P<enclosed>(?:(?:GMT|UTC)(?:\s*[+-][0-9:]+)?|CES?T|MES?Z|[ECMP][SD]?T"
    r"|BST|JST|AE[SD]T|(?:Africa|America|Asia|Australia|Europe|Pacific)/[A-Za-z_/]+))"
    r"(?![A-Za-z])[^()]*\)$|(?<=[A-Za-z0-9])[_ ]+(?P<suffix>UTC|GMT|utc|gmt)$"
)
"""Matches a zone after a column's name: `Date (GMT)`, `created_at_utc`."""
_LOOKED_UP = re.compile(r"(?: Rollup)?\s*\(from [^()]+\)$", re.IGNORECASE)
"""Matches Airtable's suffix for the name of a field from another table."""

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def zone_name(column: str) -> str | None:
    """Return the zone in a column's name, such as `UTC+1`, or None."""
    found = _ZONE.search(_spaced(column))
    return (found["enclosed"] or found["suffix"]) if found else None


_OF_TABLE = re.compile(r"[^\[\]]*\[([^\[\]]+)\]")
"""Matches a name with the table or brackets that Power BI adds: `Posts[Caption]`."""


def _spaced(column: object) -> str:
    text = str(column).strip()
    found = _OF_TABLE.fullmatch(text)
    return _CAMEL.sub("_", found[1] if found else text)


@cache
def plain_name(column: object) -> str:
    """Return a column's name in lower case, without accents, words joined by `_`.

    Letters of other scripts are kept; `likesCount` becomes `likes_count`.
    """
    text = _LOOKED_UP.sub("", _ZONE.sub("", _spaced(column)))
    text = unicodedata.normalize("NFKD", text.casefold())
    text = "".join(sign for sign in text if not unicodedata.combining(sign))
    return re.sub(r"[\W_]+", "_", text).strip("_")


_OF_POST = re.compile(
    r"^(?:post|posts|media|reels?|video|statistics|stats|public_metrics|snippet"
    r"|beitrag|lifetime|metrics|counts|engagement|sum_of|sum|summe_von|somme_de"
    r"|suma_de|soma_de|somma_di|calendar)_"
    r"|_(?:owned|insgesamt|gesamt|total|totals|totales|totaux|totali)$"
)
"""Matches affixes by which tools say that a name is of a post, or a total."""


def bare_name(plain: str) -> str:
    """Return a plain name without affixes such as `post_`, `stats_` or `_insgesamt`."""
    return _OF_POST.sub("", plain)


_EXTRA = ("hook", "body", "text", "script", "clicks")
_KNOWN = frozenset(name for names in NAMES.values() for name in names) | {*_EXTRA}


def is_known_name(column: str) -> bool:
    """Return whether this project or a known exporter uses this name for a column."""
    name = plain_name(column)
    return name in _KNOWN or bare_name(name) in _KNOWN
