"""A deterministic STAND-IN for OpenAI's API on a loopback socket; not OpenAI.

It answers POST /v1/responses with a script and POST /v1/embeddings with hashed
bags of words, both a function of the request alone, so that the real SDK can be
driven through a real socket without a key, a network or a model.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from ig_assets_tests.stand_ins.served import Served

RESPONSES = "/v1/responses"
EMBEDDINGS = "/v1/embeddings"
MODELS = "/v1/models"
PROJECTS, LIMIT = "/v1/organization/projects/", "/spend_limit"
_WORDS = re.compile(r"\w+", re.UNICODE)
_VOCABULARY = """
amber anchor apple april arrow autumn bakery balcony bamboo basket beacon bicycle
blanket blossom bottle bridge bright bucket butter button cabin camera candle canvas
carrot castle cedar cellar chalk cheese cherry cinnamon circle clever cloud coffee
copper corner cotton cricket crystal curtain daily dancer desert dinner dragon
drawer eager early easy echo elbow engine evening fabric falcon family feather
fennel fiddle finger forest fresh friend frost garden garlic gentle ginger glass
golden granite green hammer harbour harvest hazel honest honey island ivory jacket
jasmine journey juniper kettle kitchen ladder lantern lavender lemon letter linen
little lively lunch magnet maple marble market meadow melody middle mirror modest
morning mountain narrow needle noodle notebook ocean olive onion orange orchard oven
packet paddle paper parcel pebble pencil pepper pillow planet pocket polite potato
proud pumpkin quick quiet rabbit river rocket saddle salad salmon sandal season
seven shadow silver simple sister smooth spider spring steady stone summer sunset
supper table tailor temple thunder ticket timber tomato tower travel tunnel turnip
umbrella valley velvet village violet walnut warm water window winter wonder wooden
yellow yogurt
""".split()
_SPANISH = """
abuela aceite agua ahora albahaca alegre almendra antes armario arroz azúcar balcón
barrio bicicleta bolsa caja calle cama camino cebolla cocina cuchara cuchillo después
desayuno dulce escalera espejo estante fresco fruta hierbabuena hoja huerto jardín
jarra ladrillo lámpara lechuga limpio limón llave lluvia luego maceta mañana manzana
mesa mientras naranja nevera noche nunca olla pañuelo pequeño perejil pimiento piedra
plancha puerta queso ratón semilla siempre silla sombra tarde tejado tierra toalla
tomate tranquilo uva ventana verano viejo zanahoria zapato
""".split()
_GERMAN = """
abend apfel arbeit aufräumen balkon becher birne blatt blumentopf brötchen brücke
draußen ecke einfach erde essig fahrrad fenster frühling frühstück garten gemüse
geschirr gewürz gießkanne handtuch herbst heute himbeere holz honig immer jacke
kartoffel kerze kiste kleiderschrank knoblauch kräuter küche kühlschrank langsam
leicht löffel messer möhre morgen nachbar niemals pfanne pfeffer quark regal regen
ruhig salz schatten schere schlüssel schneide schraube schuhe sommer spüle stuhl
suppe tasche teig teller tisch tür vorher wäsche wasser werkzeug winter wohnzimmer
zucker zuerst zwiebel
""".split()
_VOCABULARIES = {"Spanish": _SPANISH, "German": _GERMAN}


_NUMBERS = frozenset("three four five seven eight nine vier fünf sechs".split())
SCHEMAS = ("ScriptAnswer", "PolishedScript", "FactsFirstScript", "StepsScript")


@dataclass(frozen=True)
class Fault:
    """What the stand-in does to one request instead of, or before, answering well.

    `status` other than 200 answers an error with `code`; `delay_s` waits first;
    `cut` sends half of the body and closes; `text` stands in for the written text
    (then nothing of it need fit the schema); `headers` are added. `message` is what
    the error says, to nobody but a person.
    """

    status: int = 200
    code: str | None = None
    delay_s: float = 0.0
    cut: bool = False
    text: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "a fault was asked for"


MALFORMED = Fault(text='{"hook": "only half of a scr')


class OpenAIStandIn(Served):
    """The stand-in as a context manager; `base_url` is what OPENAI_BASE_URL gets.

    `requests` counts what arrived by path (errors included), `asked` keeps the
    bodies in the order of their arrival, `keys` the keys that were sent. Faults
    queued with `fail` meet the next requests of that path, in order. An answer names
    the model that was asked for, or the one that it `claims`. `spend_limits` are the
    monthly limits of projects, in cents. A key in `revoked` is answered 401.
    """

    def __init__(self, delay_s: float = 0.0) -> None:
        self.requests: Counter[str] = Counter()
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.keys: set[str] = set()
        self.delay_s = delay_s
        self.claims: str | None = None
        self.spend_limits: dict[str, int] = {}
        self.revoked: set[str] = set()
        self._faults: dict[str, deque[Fault]] = {}
        self._lock = threading.Lock()
        server = _Server(("127.0.0.1", 0), _Handler)
        server.stand_in = self
        self.base_url = f"{self.listen(server)}/v1"

    def fail(self, *faults: Fault, path: str = RESPONSES) -> None:
        """Queue faults for the next requests of `path`, one each."""
        with self._lock:
            self._faults.setdefault(path, deque()).extend(faults)

    def forget(self) -> None:
        """Start counting anew; queued faults are dropped."""
        with self._lock:
            self.requests.clear()
            self.asked.clear()
            self._faults.clear()
            self.claims = None

    def bodies(self, path: str = RESPONSES) -> list[dict[str, Any]]:
        """The bodies that arrived at `path`."""
        with self._lock:
            return [body for asked, body in self.asked if asked == path]

    def arrived(self, path: str, body: dict[str, Any], key: str) -> Fault:
        with self._lock:
            self.requests[path] += 1
            self.asked.append((path, body))
            self.keys.add(key)
            if key in self.revoked:
                return Fault(status=401, code="invalid_api_key")
            queue = self._faults.get(path)
            return queue.popleft() if queue else Fault()


def script_for(instructions: str, prompt: str, model: str) -> dict[str, Any]:
    """The script that the stand-in writes for these words, always the same.

    It is in the language that the instructions name and takes 15 to 60 s to speak.
    """
    seed = hashlib.sha256("\x1f".join((model, instructions, prompt)).encode())
    draw = random.Random(seed.digest())
    named = re.search(r"\bin (\w+)\. A script", instructions)
    vocabulary = _VOCABULARIES.get(named.group(1) if named else "", _VOCABULARY)

    def sentence(length: int) -> str:
        words = draw.sample(vocabulary, length)
        return " ".join(words).capitalize() + "."

    about = _WORDS.findall(_topic(prompt))[:5]
    asked = _WORDS.findall(_line(prompt, "Brief") or "")
    asked = [word for word in asked if len(word) > 3 and word.isalpha()]
    asked = [word for word in asked if word.casefold() not in _NUMBERS][:12]
    hook = " ".join([*about, *draw.sample(vocabulary, 4)]).capitalize() + "."
    beats = [sentence(draw.randint(10, 13)) for _ in range(draw.randint(3, 5))]
    for place, word in enumerate(asked):  # it keeps to the brief, in a way
        beats[place % 3] = (
            f"{word.capitalize()} {beats[place % 3]}".lower().capitalize()
        )
    return {"hook": hook, "beats": beats, "call_to_action": sentence(6)}


def vector_for(text: str, dimensions: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A hashed bag of words of length one: texts that share words are near."""
    vector = np.zeros(dimensions, dtype=np.float32)
    for word in _WORDS.findall(text.casefold()) or ["\x00"]:
        digest = hashlib.sha256(word.encode()).digest()
        place = int.from_bytes(digest[:8], "big") % dimensions
        vector[place] += 1.0 if digest[8] & 1 else -1.0
    norm = float(np.linalg.norm(vector))
    if norm == 0.0:
        vector[0] = norm = 1.0
    return vector / np.float32(norm)


def _topic(prompt: str) -> str:
    return _line(prompt, "Topic") or prompt.strip().splitlines()[-1]


def _line(prompt: str, label: str) -> str | None:
    found = re.search(rf"^{label}: (.+)$", prompt, re.MULTILINE)
    return found.group(1) if found else None


def _tokens(text: str) -> int:
    return max(1, len(text) // 4)


def _asked_schema(body: Mapping[str, Any]) -> str | None:
    """Its name, where OpenAI looks for it or where llama.cpp's server does."""
    if "text" in body:
        return str(body["text"].get("format", {}).get("name"))
    return dict(body.get("response_format", {}).get("json_schema", {})).get("name")


def _script_answer(body: Mapping[str, Any], text: str | None) -> dict[str, Any]:
    instructions, prompt = str(body.get("instructions") or ""), str(body["input"])
    model = str(body["model"])
    script = script_for(instructions, prompt, model)
    schema = _asked_schema(body)
    if schema in SCHEMAS[1:]:
        script["on_screen_text"] = " ".join(script["hook"].split()[:4])
        script["shots"] = [" ".join(beat.split()[:3]) for beat in script["beats"]]
    if schema in ("FactsFirstScript", "StepsScript"):
        script["hooks"] = ["x", script.pop("hook")]
        script["steps"] = [
            {"fact": beat, "say": beat, "show": shot}
            for beat, shot in zip(script.pop("beats"), script.pop("shots"), strict=True)
        ]
    written = text or json.dumps(script)
    taken, given = _tokens(instructions + prompt), _tokens(written)
    return {
        "id": "resp_" + hashlib.sha256(prompt.encode()).hexdigest()[:24],
        "object": "response",
        "created_at": 0,
        "model": model,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
        "output": [
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [
                    {"type": "output_text", "text": written, "annotations": []}
                ],
            }
        ],
        "usage": {
            "input_tokens": taken,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": given,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": taken + given,
        },
    }


def embeddings_answer(body: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a request for embeddings."""
    given = body["input"]
    texts = [given] if isinstance(given, str) else list(given)
    dimensions = int(body.get("dimensions") or 1536)
    as_bytes = body.get("encoding_format") == "base64"
    data = []
    for place, text in enumerate(texts):
        vector = vector_for(text, dimensions)
        encoded = base64.b64encode(vector.astype("<f4").tobytes()).decode()
        data.append(
            {
                "object": "embedding",
                "index": place,
                "embedding": encoded if as_bytes else [float(v) for v in vector],
            }
        )
    tokens = sum(map(_tokens, texts))
    return {
        "object": "list",
        "model": body["model"],
        "data": data,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    stand_in: OpenAIStandIn

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # else: the asker is gone


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "OpenAIStandIn"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        """The models, and the spend limits of projects, which an admin key reads."""
        stand_in = self.server.stand_in
        key = self.headers.get("authorization", "").removeprefix("Bearer ")
        fault = stand_in.arrived(self.path, {}, key)
        project = self.path.removeprefix(PROJECTS).removesuffix(LIMIT)
        if fault.status != 200:
            self._send(fault.status, _error(fault.message, fault.code), fault)
        elif self.path == MODELS:
            self._send(200, {"object": "list", "data": []}, fault)
        elif project in stand_in.spend_limits:
            self._send(200, _limit(stand_in.spend_limits[project]), fault)
        else:
            self._send(404, _error("there is none", "not_found"), fault)

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        content = self.rfile.read(length)
        if len(content) < length:  # the asker was killed before it had sent it all
            self.close_connection = True
            return
        body = json.loads(content or b"{}")
        key = self.headers.get("authorization", "").removeprefix("Bearer ")
        fault = self.server.stand_in.arrived(self.path, body, key)
        wait = self.server.stand_in.delay_s + fault.delay_s
        if wait:
            time.sleep(wait)
        self._answer(fault, body)

    def _answer(self, fault: Fault, body: dict[str, Any]) -> None:
        if fault.status != 200:
            self._send(fault.status, _error(fault.message, fault.code), fault)
        elif self.path == RESPONSES:
            if _asked_schema(body) not in SCHEMAS:
                told = _error("the stand-in only writes scripts", "bad_schema")
                self._send(400, told, fault)
            else:
                self._send(200, self._claim(_script_answer(body, fault.text)), fault)
        elif self.path == EMBEDDINGS:
            self._send(200, self._claim(embeddings_answer(body)), fault)
        else:
            told = _error("the stand-in has no such address", "unknown_url")
            self._send(404, told, fault)

    def _claim(self, answer: dict[str, Any]) -> dict[str, Any]:
        claims = self.server.stand_in.claims
        return answer if claims is None else answer | {"model": claims}

    def _send(self, status: int, answer: dict[str, Any], fault: Fault) -> None:
        payload = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        for name, value in fault.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload[: len(payload) // 2] if fault.cut else payload)
        if fault.cut:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""


def _limit(cents: int) -> dict[str, Any]:
    return {
        "object": "project.spend_limit",
        "currency": "USD",
        "interval": "month",
        "threshold_amount": cents,
        "enforcement": {"status": "inactive"},
    }


def _error(message: str, code: str | None) -> dict[str, Any]:
    kind = "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}
