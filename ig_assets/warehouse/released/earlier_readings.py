"""The migration that sets the reading times of counts that earlier versions imported.

Those versions dated a count by its post's publication, so the file that was imported
last looked the newest. Now each of their readings gets its file's time, as a new import
gives it: the newest day among the posts of the file. A test (or a post outside any
test) is changed only if the days of all its readings are known and no count falls from
one day to the next. A test that is not changed is listed in `lowered_counts` if its
latest audience is smaller than an earlier one: a person can then say which file is the
newest.
"""

# A reading belongs to the import at whose instant it was observed, where that is one.
_EARLY = """
    SELECT i.import_id, i.source_uri, i.imported_at
    FROM imports AS i
    WHERE i.read_at IS NULL
"""
_FIRST_OF_TODAY = """
    SELECT coalesce(min(imported_at), TIMESTAMP '9999-01-01')
    FROM imports
    WHERE read_at IS NOT NULL
"""

_FIND_DAYS = f"""
INSERT INTO reading_days (unit, post_id, observed_at, day)
SELECT coalesce(p.experiment_id, p.post_id), g.post_id, g.observed_at, max(f.day)
FROM (
    SELECT DISTINCT post_id, observed_at
    FROM engagement
    WHERE age_hours IS NULL
        AND observed_at < ({_FIRST_OF_TODAY})
) AS g
JOIN posts AS p
    ON p.post_id = g.post_id
    AND p.platform = 'history'
LEFT JOIN edges AS e
    ON e.child_kind = 'script'
    AND e.child_id = p.script_id
    AND e.relation = 'imported_from'
LEFT JOIN (
    SELECT i.import_id, i.imported_at, max(p.published_at) AS day
    FROM ({_EARLY}) AS i
    JOIN edges AS e
        ON e.parent_id = i.import_id
        AND e.relation = 'imported_from'
    JOIN posts AS p
        ON p.script_id = e.child_id
        AND p.platform = 'history'
        AND p.published_at <= i.imported_at + INTERVAL 1 DAY
    JOIN (
        SELECT post_id, min(observed_at) AS first_at
        FROM engagement
        WHERE age_hours IS NULL
            AND value > 0
        GROUP BY post_id
    ) AS k
        ON k.post_id = p.post_id
        AND k.first_at < i.imported_at + INTERVAL 1 SECOND
    GROUP BY i.import_id, i.imported_at
) AS f
    ON f.import_id = e.parent_id
    AND g.observed_at >= f.imported_at
    AND g.observed_at < f.imported_at + INTERVAL 1 SECOND
GROUP BY p.experiment_id, p.post_id, g.post_id, g.observed_at
"""

_DROP_UNKNOWN = """
DELETE FROM reading_days
WHERE unit IN (
    SELECT unit
    FROM reading_days
    WHERE day IS NULL
    UNION
    SELECT a.unit
    FROM reading_days AS a
    JOIN reading_days AS b
        ON b.post_id = a.post_id
        AND b.day > a.day
    JOIN engagement AS before
        ON before.post_id = a.post_id
        AND before.observed_at = a.observed_at
        AND before.age_hours IS NULL
    JOIN engagement AS after
        ON after.post_id = b.post_id
        AND after.observed_at = b.observed_at
        AND after.age_hours IS NULL
        AND after.metric = before.metric
    WHERE after.value < before.value
)
"""

# A count that had not changed was not written again; both counts of a rate have to be
# of one time.
_COMPLETE = """
INSERT INTO engagement (post_id, metric, as_of, observed_at, value, age_hours)
SELECT r.post_id, g.metric, r.as_of, r.observed_at,
    arg_max(g.value, g.observed_at), NULL
FROM (
    SELECT d.post_id, d.observed_at, max(g.as_of) AS as_of
    FROM reading_days AS d
    JOIN engagement AS g
        ON g.post_id = d.post_id
        AND g.observed_at = d.observed_at
        AND g.age_hours IS NULL
    GROUP BY d.post_id, d.observed_at
) AS r
JOIN engagement AS g
    ON g.post_id = r.post_id
    AND g.age_hours IS NULL
    AND g.observed_at < r.observed_at
WHERE NOT EXISTS (
    SELECT 1
    FROM engagement AS x
    WHERE x.post_id = r.post_id
        AND x.metric = g.metric
        AND x.observed_at = r.observed_at
)
GROUP BY r.post_id, g.metric, r.as_of, r.observed_at
"""

_SET_DAYS = """
UPDATE engagement
SET as_of = dated.day
FROM reading_days AS dated
WHERE engagement.post_id = dated.post_id
    AND engagement.observed_at = dated.observed_at
    AND engagement.age_hours IS NULL
"""

# The figures of a text that are the sum of its posts' newest counts are its latest.
_SET_FIGURES = """
UPDATE script_performance
SET as_of = newest.as_of
FROM (
    SELECT f.script_id, f.revision_hash, f.source, max(f.as_of) AS known,
        greatest(max(n.read_at), max(l.last) + INTERVAL 1 MICROSECOND) AS as_of
    FROM script_performance AS f
    JOIN (
        SELECT script_id, revision_hash, source, max(as_of) AS last
        FROM script_performance
        GROUP BY script_id, revision_hash, source
    ) AS l
        ON l.script_id = f.script_id
        AND l.revision_hash = f.revision_hash
        AND l.source = f.source
    JOIN (
        SELECT script_id, revision_hash, max(as_of) AS read_at,
            sum(CASE WHEN metric = 'views' THEN value END) AS views,
            sum(CASE WHEN metric = 'impressions' THEN value END) AS impressions,
            sum(CASE WHEN metric = 'reach' THEN value END) AS reach,
            sum(CASE WHEN metric = 'likes' THEN value END) AS likes
        FROM (
            SELECT p.script_id, p.published_revision_hash AS revision_hash,
                g.post_id, g.metric, max(g.as_of) AS as_of,
                arg_max(g.value, g.as_of) AS value
            FROM (
                SELECT post_id, metric, as_of, arg_max(value, observed_at) AS value
                FROM engagement
                WHERE age_hours IS NULL
                GROUP BY post_id, metric, as_of
            ) AS g
            JOIN posts AS p
                ON p.post_id = g.post_id
                AND p.platform = 'history'
            WHERE g.post_id IN (SELECT post_id FROM reading_days)
            GROUP BY p.script_id, p.published_revision_hash, g.post_id, g.metric
        ) AS latest
        GROUP BY script_id, revision_hash
    ) AS n
        ON n.script_id = f.script_id
        AND n.revision_hash = f.revision_hash
        AND coalesce(n.views, n.impressions) IS NOT DISTINCT FROM f.views
        AND n.reach IS NOT DISTINCT FROM f.reach
        AND n.likes IS NOT DISTINCT FROM f.likes
    WHERE starts_with(f.source, 'import/')
    GROUP BY f.script_id, f.revision_hash, f.source
    HAVING max(f.as_of) < max(l.last)
        OR max(n.read_at) > max(l.last)
) AS newest
WHERE script_performance.script_id = newest.script_id
    AND script_performance.revision_hash = newest.revision_hash
    AND script_performance.source = newest.source
    AND script_performance.as_of = newest.known
"""

# A file in which any count is above all earlier ones is newer, with counts corrected.
# Where several imports have one instant, as on a simulated clock, that is said of its
# test only, and each of their files may be the one.
_LIST_LOWERED = f"""
INSERT INTO lowered_counts (post_id, lowered_at, as_of, files)
WITH steps AS (
    SELECT coalesce(p.experiment_id, p.post_id) AS unit, g.post_id, g.metric, g.as_of,
        g.observed_at, g.value,
        max(g.value) OVER so_far AS highest,
        arg_max(g.as_of, g.value) OVER so_far AS highest_as_of,
        arg_max(g.observed_at, g.value) OVER so_far AS highest_at,
        max(g.observed_at) OVER (PARTITION BY g.post_id, g.metric) AS last_at
    FROM engagement AS g
    JOIN posts AS p
        ON p.post_id = g.post_id
        AND p.platform = 'history'
    WHERE g.age_hours IS NULL
        AND g.value IS NOT NULL
    WINDOW so_far AS (
        PARTITION BY g.post_id, g.metric
        ORDER BY g.observed_at
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
),
at_imports AS (
    SELECT s.*, count(DISTINCT i.import_id) = 1 AS is_one
    FROM steps AS s
    JOIN ({_EARLY}) AS i
        ON s.observed_at >= i.imported_at
        AND s.observed_at < i.imported_at + INTERVAL 1 SECOND
    WHERE s.observed_at < ({_FIRST_OF_TODAY})
    GROUP BY ALL
),
newer AS (
    SELECT DISTINCT observed_at, CASE WHEN is_one THEN '' ELSE unit END AS unit
    FROM at_imports
    WHERE value > highest
)
SELECT s.post_id, max(s.observed_at), max(s.as_of),
    string_agg(DISTINCT i.source_uri, ', ' ORDER BY i.source_uri)
FROM at_imports AS s
LEFT JOIN newer AS n
    ON n.observed_at = s.observed_at
    AND n.unit = CASE WHEN s.is_one THEN '' ELSE s.unit END
LEFT JOIN ({_EARLY}) AS i
    ON (s.observed_at >= i.imported_at
        AND s.observed_at < i.imported_at + INTERVAL 1 SECOND)
    OR (s.highest_at >= i.imported_at
        AND s.highest_at < i.imported_at + INTERVAL 1 SECOND)
WHERE s.value < s.highest
    AND s.observed_at = s.last_at
    AND s.metric IN ('impressions', 'reach', 'views')
    AND s.as_of >= s.highest_as_of
    AND n.observed_at IS NULL
GROUP BY s.post_id
"""

DAYS_OF_EARLIER_READINGS = f"""
CREATE TABLE lowered_counts (
    post_id TEXT, lowered_at TIMESTAMP, as_of TIMESTAMP, files TEXT
);
CREATE TABLE reading_days (
    unit TEXT, post_id TEXT, observed_at TIMESTAMP, day TIMESTAMP
);
{_FIND_DAYS};
{_DROP_UNKNOWN};
{_COMPLETE};
{_SET_DAYS};
{_SET_FIGURES};
{_LIST_LOWERED};
DROP TABLE reading_days;
"""
