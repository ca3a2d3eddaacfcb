"""What reading a day of live posts costs beside the vendor's time: ours, bare httpx.

One account on the tests' stand-in of the Graph API, in a process of its own, has so
many reels with nine figures each. Ours asks for them 50 a request, stores every answer
as it comes, and goes on where it was killed; the peer sends the same requests and keeps
nothing. Then ours once more for the same day, and once more after a week. Run:

    python benchmarks/live_posts.py                     (10,000 posts, 8 in flight)
    python benchmarks/live_posts.py --posts 1000 --in-flight 1
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import httpx
from contest.processes import quiet_environment

from ig_assets.adapters.instagram.client import BATCH, VERSION, GraphClient
from ig_assets.adapters.instagram.insights import REEL_METRICS
from ig_assets.adapters.instagram.social_platform import Instagram
from ig_assets.core.experiments.engagement.collect import collect_engagement
from ig_assets.core.experiments.posts.containers import ContainerStore
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.stand_ins.graph_server import ACCOUNT, SECRET, TOKEN

BORN = datetime(2026, 1, 5, 9)
STAND_IN = """
import sys, time
from datetime import datetime
from ig_assets.adapters.instagram.insights import REEL_METRICS
from ig_assets_tests.stand_ins.graph_server import GraphServer
with GraphServer(datetime.now) as server:
    for number in range(int(sys.argv[1])):
        figures = {name: float(number + n) for n, name in enumerate(REEL_METRICS)}
        server.add(str(number), values=figures)
    print(server.url, flush=True)
    sys.stdin.read()
"""


class Present:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.present = BORN + timedelta(hours=6)

    def now(self) -> datetime:
        return self.present


def main() -> None:
    """Print seconds, rows and the ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--posts", type=int, default=10_000)
    parser.add_argument("--in-flight", type=int, default=8)
    given = parser.parse_args()
    stand_in = subprocess.Popen(
        [sys.executable, "-c", STAND_IN, str(given.posts)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=quiet_environment(),
    )
    assert stand_in.stdout is not None
    url = stand_in.stdout.readline().strip()
    try:
        with tempfile.TemporaryDirectory(prefix="live_posts_") as folder:
            report(url, Path(folder), given.posts, given.in_flight)
    finally:
        stand_in.terminate()
        stand_in.wait()


def report(url: str, folder: Path, posts: int, in_flight: int) -> None:
    """Ask with both, and say what it took."""
    print(f"{posts:,} live posts, nine figures each, {in_flight} requests in flight")
    bare_s = bare(url, posts, in_flight)
    print(f"bare httpx, nothing kept          {bare_s:6.1f} s")
    clock = Present()
    warehouse = Warehouse(f"duckdb:///{folder / 'w.duckdb'}", clock.now)
    client = GraphClient(lambda: TOKEN, SECRET, url)
    platform = Instagram(client, ACCOUNT, ContainerStore(warehouse), clock)
    publish(warehouse, posts)
    for told, days in (
        ("ours, every answer stored", 0),
        ("ours, nothing new", 0),
        ("ours, a week later", 7),
    ):
        clock.present += timedelta(days=days)
        started = time.perf_counter()
        seen = collect_engagement(
            warehouse, clock, platform, clock.now().date(), max_in_flight=in_flight
        )
        ours_s = time.perf_counter() - started
        print(
            f"{told:33} {ours_s:6.1f} s  {ours_s / bare_s:5.1f} x  "
            f"{seen.readings:,} rows of {seen.posts:,} posts"
        )


def bare(url: str, posts: int, in_flight: int) -> float:
    """Seconds for the same requests by an ordinary client that keeps nothing."""
    proof = hmac.new(SECRET.encode(), TOKEN.encode(), hashlib.sha256).hexdigest()
    metrics = ",".join(REEL_METRICS)

    def ask(first: int) -> None:
        items = [
            {"method": "GET", "relative_url": f"{n}/insights?metric={metrics}"}
            for n in range(first, min(first + BATCH, posts))
        ]
        answer = client.post(
            f"{url}/{VERSION}/",
            headers={"Authorization": f"Bearer {TOKEN}"},
            data={"batch": json.dumps(items), "appsecret_proof": proof},
        )
        for item in answer.raise_for_status().json():
            assert item["code"] == 200 and json.loads(item["body"])["data"]

    with httpx.Client() as client, ThreadPoolExecutor(in_flight) as pool:
        started = time.perf_counter()
        list(pool.map(ask, range(0, posts, BATCH)))
        return time.perf_counter() - started


def publish(warehouse: Warehouse, posts: int) -> None:
    """Make the posts ours."""
    rows = [
        {
            "post_id": f"post{number}",
            "platform": "instagram",
            "platform_post_id": str(number),
            "status": "published",
            "published_at": BORN,
        }
        for number in range(posts)
    ]
    with warehouse.transaction() as con:
        merge_rows(con, "posts", rows)


if __name__ == "__main__":
    main()
