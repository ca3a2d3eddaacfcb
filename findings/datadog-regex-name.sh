#!/usr/bin/env bash
# Guessed: in DataDog's OpenMetrics check a metric's pattern may have a group, and
#   `name: "$1"` renames each metric by it, as Prometheus' relabelling does.
# So: `name` is ignored beside a pattern. Each metric keeps its whole name, behind the
#   namespace. `raw_metric_prefix` is what takes a prefix off.
# With: datadog-checks-base 38.5.0.
# Matters: no error and no warning; dashboards ask for names that never come.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv datadog-checks-base==38.5.0 lazy-loader==0.5 prometheus-client==0.26.0 \
  requests==2.34.2 urllib3==2.8.0 idna==3.20 certifi==2026.10.19.post1 six==1.17.0 \
  charset-normalizer==3.5.3 PyYAML==6.0.3 python-dateutil==2.9.0.post0 wrapt==2.3.0 \
  requests-toolbelt==1.0.0 requests-unixsocket2==1.0.1 simplejson==4.1.2 \
  cachetools==7.2.0 pydantic==2.13.5 pydantic-core==2.46.5 annotated-types==0.8.0 \
  typing-inspection==0.4.5 typing-extensions==4.16.0 binary==1.0.2 jellyfish==1.2.1 \
  cryptography==50.0.1 cffi==2.1.1 pycparser==3.12 packaging==26.4
cat > page <<'TEXT'
# TYPE shop_orders_total counter
shop_orders_total{kind="web"} 3
# TYPE shop_stock gauge
shop_stock 7
TEXT
python - <<'PY'
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

from datadog_checks.base import OpenMetricsBaseCheckV2
from datadog_checks.base.stubs import aggregator

SimpleHTTPRequestHandler.extensions_map = {"": "text/plain; version=0.0.4"}
SimpleHTTPRequestHandler.log_message = lambda *about: None
server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler))
threading.Thread(target=server.serve_forever, daemon=True).start()
place = f"http://127.0.0.1:{server.server_port}/page"


def names(**more):
    aggregator.reset()
    instance = {"openmetrics_endpoint": place, "namespace": "shop", **more}
    problem = OpenMetricsBaseCheckV2("openmetrics", {}, [instance]).run()
    assert not problem, problem
    return sorted(aggregator.metric_names)


print("datadog-checks-base", version("datadog-checks-base"))
print('Guess: {"shop_(.*)": {"name": "$1"}} submits shop.orders.count and shop.stock.')
renamed = names(metrics=[{"shop_(.*)": {"name": "$1"}}])
prefixed = names(metrics=[".+"], raw_metric_prefix="shop_")
print(f"Seen: with the group {renamed}; with raw_metric_prefix {prefixed}.")
server.shutdown()
wanted = ["shop.orders.count", "shop.stock"]
sys.exit(renamed == wanted or prefixed != wanted)
PY
