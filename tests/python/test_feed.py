# SPDX-License-Identifier: Apache-2.0
"""What mars-web shows of a cluster that works: every answer has the form that docs/openapi.json says, and is true."""
import concurrent.futures
import contextlib
import http.client
import io
import json
import operator
import pathlib
import re
import shutil
import subprocess
import threading
import time
import urllib.parse

import numpy as np
import pytest

import mars.tensor as mt
from mars.deploy.local import new_cluster
from mars.errors import Cancelled

SECONDS = 30  # after which a wait has failed
TOKEN = "a-token-of-these-tests"
ROOT = pathlib.Path(__file__).parents[2]
DOCUMENT = json.loads((ROOT / "docs/openapi.json").read_text())
SCHEMAS = DOCUMENT["components"]["schemas"]


def until(condition, what):
    deadline = time.monotonic() + SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return value


# ---- The form of answers --------------------------------------------------------------------------------------------

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float),
         "null": type(None)}


def mistakes(value, schema, at="answer"):
    """Where the value is not what the schema says: of JSON Schema those words that the document has."""
    known = {"$ref", "oneOf", "type", "properties", "required", "additionalProperties", "items", "enum", "minimum",
             "maximum", "maxItems", "description", "format"}
    assert set(schema) <= known, f"this test does not know {set(schema) - known}"
    if "$ref" in schema:
        return mistakes(value, SCHEMAS[schema["$ref"].rsplit("/", 1)[1]], at)
    if "oneOf" in schema:
        return [] if any(not mistakes(value, one, at) for one in schema["oneOf"]) else \
            mistakes(value, schema["oneOf"][0], at)
    types = schema.get("type", list(TYPES))
    types = types if isinstance(types, list) else [types]
    if not any(isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))
               for name in types):
        return [f"{at} is {value!r}, no {' or '.join(types)}"]
    found = []
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at} is {value!r}, none of {schema['enum']}")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value < schema.get("minimum", value) or value > schema.get("maximum", value):
            found.append(f"{at} is {value}")
    if isinstance(value, list):
        if len(value) > schema.get("maxItems", len(value)):
            found.append(f"{at} has {len(value)} items")
        for number, item in enumerate(value):
            found += mistakes(item, schema.get("items", {}), f"{at}[{number}]")
    if isinstance(value, dict):
        properties, more = schema.get("properties", {}), schema.get("additionalProperties", True)
        found += [f"{at} has no {name}" for name in schema.get("required", ()) if name not in value]
        for name, field in value.items():
            if name in properties:
                found += mistakes(field, properties[name], f"{at}.{name}")
            elif more is False:
                found.append(f"{at}.{name} is not in the document")
            elif more is not True:
                found += mistakes(field, more, f"{at}.{name}")
    return found


# ---- The cluster ----------------------------------------------------------------------------------------------------

class Server:
    def __init__(self, cluster, *options):
        self.cluster = cluster
        self.process = subprocess.Popen([shutil.which("mars-web"), "--config-dir", "none", "--schedulers",
                                         cluster.endpoint, "--port", "0", *options],
                                        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        said = ""
        while "listening at 127.0.0.1:" not in said:
            line = self.process.stderr.readline()
            assert line, said
            said += line
        self.port = int(said.split("listening at 127.0.0.1:")[1].split()[0])
        self.reader = threading.Thread(target=self.process.stderr.read)
        self.reader.start()

    def stop(self):
        self.process.terminate()
        status = self.process.wait(SECONDS)
        self.reader.join(SECONDS)
        self.process.stderr.close()
        return status

    def ask(self, path, method="GET", token=TOKEN):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        connection.request(method, path, headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, text

    def see(self, path):
        """The answer at a path below /api/v1, which must have the form that the document says."""
        status, text = self.ask(f"/api/v1/{path}")
        assert status == 200, (path, text)
        value, schema = json.loads(text), schema_of(f"/api/v1/{path}")
        assert not (found := mistakes(value, schema)), (path, found[:5])
        return value

    @contextlib.contextmanager
    def listen(self, *topics, changes=0):
        """Events, as an iterator of (name, data)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        connection.request("GET", f"/api/v1/events?topics={','.join(topics)}&changes={changes}",
                           headers={"Authorization": f"Bearer {TOKEN}"})
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream")

        def events():
            name = None
            while line := answer.readline().decode():
                if line.startswith("event: "):
                    name = line[7:].strip()
                elif line.startswith("data: "):
                    yield name, json.loads(line[6:])

        try:
            yield events()
        finally:
            connection.close()


def schema_of(path):
    path = path.partition("?")[0]
    for pattern, methods in DOCUMENT["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path) and "get" in methods:
            content = methods["get"]["responses"]["200"]["content"]
            return content["application/json"]["schema"]
    raise AssertionError(f"{path} is not in the document")


@pytest.fixture(scope="module")
def cluster():
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("MARS_TOKEN", TOKEN)
        with new_cluster(n_worker=2, n_cpu=2, shared_memory="256m") as made:
            yield made


@pytest.fixture(scope="module")
def web(cluster):
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("MARS_TOKEN", TOKEN)
        server = Server(cluster)
        yield server
        assert server.stop() == 0


@contextlib.contextmanager
def long_request(web):
    """A request that would take a minute; yields its row, and what becomes of it."""
    outcome = []

    def work():
        try:
            web.cluster.session.run(mt.random.RandomState(3).normal(size=(100_000, 40_000), chunk_size=1000).sum())
        except Exception as error:  # whatever it is, the test looks at it
            outcome.append(error)

    def running():
        return [row for row in web.see("requests") if row["state"] == "running" and row["tasks_done"] > 0]

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield until(running, "the request does not appear")[0], thread, outcome
    finally:
        for row in running():
            web.ask(f"/api/v1/requests/{row['request']}/cancel", "POST")
        thread.join(SECONDS)


# ---- The document and the server ------------------------------------------------------------------------------------

def test_the_document_that_is_served_is_the_one_in_docs(web):
    status, text = web.ask("/api/v1/openapi.json", token=None)
    assert status == 200 and json.loads(text) == DOCUMENT


def test_every_route_is_in_the_document_and_the_other_way_round():
    rows = re.findall(r'\{ "(\w+)", "([^"]+)", RIGHT_\w+, OF_\w+, (\w+) \}',
                      (ROOT / "daemons/web/routes.c").read_text())
    others = {"api_pages", "api_wire", "api_wire_worker"}  # files, and connections that are handed over
    served = {(method, path) for method, path, answer in rows if answer not in others}
    written = {(method.upper(), re.sub(r"\{\w+\}", "{}", path))
               for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert served == written


def test_every_answer_has_the_form_that_the_document_says(web):
    web.cluster.session.run(mt.ones((100, 100), chunk_size=50).sum())
    with long_request(web) as (row, _, _):
        for pattern in DOCUMENT["paths"]:
            if not pattern.startswith("/api/v1/") or "get" not in DOCUMENT["paths"][pattern]:
                continue
            path = pattern.removeprefix("/api/v1/").format(session=row["session"], request=row["request"], worker=0,
                                                           name="nothing")
            if path not in ("events", "openapi.json", "tensors/nothing/npy"):
                web.see(path)
        for path in ("logs?level=4&worker=0&since=1", "requests?session=1", "timeline?worker=1",
                     "workers/1/log?level=3"):
            web.see(path)


def test_nothing_is_shown_without_a_credential(web):
    for pattern, methods in DOCUMENT["paths"].items():
        for method, about in methods.items():
            if about.get("security") == []:
                continue
            path = re.sub(r"\{\w+\}", "0", pattern)
            for token in (None, "another-token-that-is-none"):
                assert web.ask(path, method.upper(), token)[0] == 401, (method, path)


def test_what_is_not_there_or_not_meant_is_refused_in_words(web):
    for path, status in (("sessions/999999", 404), ("requests/999999", 404), ("requests/999999/graph", 404),
                         ("workers/999", 404), ("workers/999/history", 404), ("workers/x", 404),
                         ("workers/99999999999999999999", 404), ("logs?level=-1", 400), ("logs?since=nan", 400),
                         ("timeline?worker=1%26x=2", 400), ("events", 400), ("events?topics=nothing", 404),
                         ("events?topics=" + ",".join(["overview"] * 9), 400),
                         ("events?topics=logs%3Flevel=-1", 400), ("events?topics=logs%3Flevel=1e300", 400),
                         ("events?topics=logs%3Fwords=1", 400), ("events?topics=logs%3Flevel", 400),
                         ("events?topics=overview&changes=2", 400), ("events?topics=overview&changes=", 400)):
        said, text = web.ask(f"/api/v1/{path}")
        assert said == status, (path, text)
        assert not mistakes(json.loads(text), SCHEMAS["Error"])
    for path in ("requests/999999/cancel", "sessions/999999/end", "workers/999/drain", "names/nothing/drop"):
        assert web.ask(f"/api/v1/{path}", "POST")[0] == 404, path


# ---- What is shown is true ------------------------------------------------------------------------------------------

def test_progress_is_told_by_operator_and_cancel_cancels(web):
    with long_request(web) as (row, thread, outcome):
        before = web.see(f"requests/{row['request']}")
        assert before["state"] == "running" and before["plan"] is not None and before["seconds_left"] > 0
        assert sum(op["tasks"] for op in before["operators"]) == before["tasks"]
        assert any("random_normal" in op["label"] for op in before["operators"])
        later = until(lambda: [now for now in [web.see(f"requests/{row['request']}")]
                               if now["tasks_done"] > before["tasks_done"]], "nothing moves")[0]
        assert sum(op["done"] for op in later["operators"]) >= before["tasks_done"]
        assert all(op["done"] + op["given"] <= op["tasks"] for op in later["operators"])
        graph = web.see(f"requests/{row['request']}/graph")
        assert {edge["to"] for edge in graph["edges"]} <= {node["node"] for node in graph["nodes"]}
        assert len(graph["nodes"]) == len(later["operators"]) and graph["edges"]
        spans = until(lambda: [span for span in web.see("timeline")["spans"] if span["plan"] == row["plan"]],
                      "the timeline does not fill")
        assert spans[0]["kind"] == "compute" and "random" in spans[0]["label"]
        doing = until(lambda: web.see("workers/0")["tasks"], "the worker does nothing")
        assert doing[0]["plan"] == row["plan"]
        assert web.ask(f"/api/v1/requests/{row['request']}/cancel", "POST") == (204, b"")
        thread.join(SECONDS)
        assert isinstance(outcome[0], Cancelled)
    assert web.see(f"requests/{row['request']}")["state"] == "canceled"


def test_spans_of_one_lane_do_not_overlap_and_none_is_of_the_future(web):
    web.cluster.session.run((mt.ones((3000, 3000), chunk_size=300) + 1).sum())
    timeline = web.see("timeline")
    kinds = {lane["lane"]: lane["kind"] for lane in timeline["lanes"]}
    assert len(kinds) == len(timeline["lanes"]) == 2 * 5 and timeline["workers_shown"] == 2
    for lane, kind in kinds.items():
        spans = [span for span in timeline["spans"] if span["lane"] == lane]
        assert all((span["kind"] == "compute") == (kind == "thread") for span in spans)
        ends = [0] + [span["start"] + span["seconds"] for span in spans]
        assert all(span["start"] >= end - 1e-5 for span, end in zip(spans, ends))
        assert ends[-1] <= timeline["time"] + 1e-3
    newest = max(span["start"] + span["seconds"] for span in timeline["spans"])
    assert not web.see(f"timeline?since={newest + 0.001:.6f}")["spans"]


def test_what_a_request_made_is_in_storage_with_who_holds_it(web):
    kept = mt.random.RandomState(1).rand(1000, 1000, chunk_size=250)
    kept.execute(session=web.cluster.session)

    def found():
        return [t for t in web.see("storage")["tensors"] if t["shape"] == [1000, 1000] and t["dtype"] == "float64"]

    tensor = until(found, "it is not shown")[0]
    assert (tensor["bytes"], tensor["chunks"], tensor["lost"], tensor["recipe"]) == (8_000_000, 16, 0, True)
    assert sum(place["chunks"] for place in tensor["places"]) == 16 and tensor["sessions"] == 1
    done = until(lambda: [row for row in web.see("requests") if row["result_bytes"] == 8_000_000], "it is not done")[0]
    assert done["state"] == "succeeded"
    until(lambda: web.see(f"sessions/{done['session']}")["result_bytes"] >= 8_000_000, "the session does not have it")
    del kept
    until(lambda: not found(), "it stays")


def test_a_request_that_fails_says_why_and_the_log_has_it(web):
    with pytest.raises(Exception, match="(?i)singular"):
        web.cluster.session.run(mt.linalg.inv(mt.zeros((4, 4))))
    failed = until(lambda: [row for row in web.see("requests") if row["state"] == "failed"], "it is not shown")[0]
    assert "singular" in failed["error"].lower()
    lines = web.see(f"logs?request={failed['request']}")["lines"]
    assert len(lines) == 1 and lines[0]["text"] == failed["error"] and lines[0]["level"] == 4
    assert any(line["request"] == failed["request"] for line in web.see("overview")["errors"])


def test_a_stream_has_of_the_log_what_was_asked_for_and_what_is_new(web):
    with pytest.raises(Exception, match="(?i)singular"):
        web.cluster.session.run(mt.linalg.inv(mt.zeros((4, 4))))
    failed = until(lambda: [row for row in web.see("requests") if row["state"] == "failed"], "it is not shown")[0]
    topics = f"logs?request={failed['request']}", "logs?level=4"
    with web.listen(*(topic.replace("?", "%3F").replace("=", "%3D") for topic in topics)) as events:
        said = {}
        while len(said) < len(topics):
            said.update([next(events)])
        assert [line["text"] for line in said[topics[0]]["lines"]] == [failed["error"]]
        assert all(line["level"] <= 4 for line in said[topics[1]]["lines"])
        before = len(said[topics[1]]["lines"])
        with pytest.raises(Exception, match="(?i)singular"):
            web.cluster.session.run(mt.linalg.inv(mt.zeros((5, 5))))
        ends = time.monotonic() + SECONDS
        while len((news := next(events))[1]["lines"]) <= before or news[0] != topics[1]:
            assert time.monotonic() < ends, "nothing new is said"


def test_configurations_say_where_each_value_came_from(web):
    programs = {made["program"]: {row["name"]: row for row in made["values"]}
                for made in web.see("about")["configurations"]}
    assert set(programs) == {"mars-scheduler", "mars-web"}
    assert programs["mars-web"]["port"] == {"name": "port", "value": "0", "origin": "--port"}
    assert programs["mars-web"]["ui_port"]["origin"] == "default"
    worker = {row["name"]: row for row in web.see("workers/0/configuration")["values"]}
    assert worker["threads"]["value"] == "1" and worker["threads"]["origin"].startswith("--")


def test_figures_over_time_are_columns_of_equal_length(web):
    for path in ("history", "workers/0/history"):
        columns = until(lambda: [now for now in [web.see(path)] if len(now["time"]) > 1], "nothing is sampled")[0]
        assert {len(column) for name, column in columns.items() if name != "interval_seconds"} == {len(columns["time"])}


# ---- Events ---------------------------------------------------------------------------------------------------------

def test_topics_come_at_once_and_again_as_they_change_and_have_the_form_of_their_paths(web):
    wanted = {"overview", "workers", "workers/0", "history"}
    with long_request(web) as (row, _, _), web.listen(*wanted, f"requests/{row['request']}") as events:
        seen, done = {}, set()
        for name, data in events:
            assert not mistakes(data, schema_of(f"/api/v1/{name}")), name
            seen[name] = seen.get(name, 0) + 1
            if name.startswith("requests/"):
                done.add(data["tasks_done"])
            if set(seen) >= wanted and min(seen.values()) >= 3 and len(done) >= 3:
                break


def applied(value, change):
    """The value after the change, as the document says."""
    if "now" in change:
        return change["now"]
    if isinstance(value, dict):
        assert set(change) <= {"set", "in", "key"} and set(change.get("set", {})) <= set(value)
        return value | change.get("set", {}) | {name: applied(value[name], inner)
                                                for name, inner in change.get("in", {}).items()}
    if "shift" in change or "append" in change:
        return value[change.get("shift", 0):] + change.get("append", [])
    rows = {next(iter(row.values())): row for row in value}
    assert len(rows) == len(value)
    for key in change.get("drop", []):
        del rows[key]
    for row in change.get("rows", []):
        rows[row["key"]] = applied(rows[row["key"]], row)
    rows = list(rows.values())
    for added in change.get("add", []):
        rows.insert(added["at"], added["row"])
    return rows


def test_who_applies_the_changes_has_what_others_are_sent_as_a_whole(web):
    """The same answers, over two streams: what changes have made of each is found on the other stream, to the number.
    A session, a request and tensors come and go meanwhile."""
    topics = ("overview", "history", "workers", "workers/0", "sessions", "requests", "storage", "logs")
    sent, state = {"whole": 0, "changes": 0}, {}
    seen = {topic: [] for topic in topics}
    enough = threading.Event()

    def whole(events):
        for name, data in events:
            seen[name].append(data)
            if enough.is_set():
                return

    def work():
        from mars.session import new_session
        while not enough.is_set():
            with new_session(web.cluster.endpoint) as session:
                kept = mt.random.RandomState(1).rand(300, 300, chunk_size=100)
                kept.execute(session=session)
                session.run((kept + 1).sum())

    reached = {topic: [] for topic in topics}
    with web.listen(*topics) as others, web.listen(*topics, changes=1) as events, \
            concurrent.futures.ThreadPoolExecutor(2) as threads:
        running = [threads.submit(whole, others), threads.submit(work)]
        try:
            for name, data in events:
                if name == "changes":
                    assert not mistakes(data, SCHEMAS["ChangeEvent"])
                    name, data = data["topic"], applied(state.pop(data["topic"]), data["change"])
                    sent["changes"] += 1
                else:
                    sent["whole"] += 1
                assert not mistakes(data, schema_of(f"/api/v1/{name}")), name
                state[name] = data
                reached[name].append(data)
                if min(map(len, reached.values())) >= 6:
                    break
        finally:
            enough.set()
        for thread in running:
            thread.result(SECONDS)
    assert sent["changes"] > sent["whole"] >= len(topics)
    for name, states in reached.items():
        found = [data in seen[name] for data in states[1:-1]]  # the first and the last may be one stream's alone
        assert all(found), (name, found)


def test_a_stream_has_of_the_timeline_each_span_once_and_only_what_is_new(web):
    """Of what workers do meanwhile; whoever asks for all of it afterwards finds the same spans, and no others. What
    they did while nobody looked may have been too much to be kept."""
    lost = web.see("timeline")["dropped"]
    begun, enough = time.time(), threading.Event()

    def work():
        while not enough.is_set():
            web.cluster.session.run((mt.ones((2000, 2000), chunk_size=200) + 1).sum())

    state, told = None, []
    with web.listen("timeline", changes=1) as events, concurrent.futures.ThreadPoolExecutor(1) as threads:
        running = threads.submit(work)
        try:
            for name, data in events:
                if name == "changes":
                    assert not mistakes(data, SCHEMAS["ChangeEvent"])
                    assert set(data["change"]["in"]) == {"spans"}, "told as a whole"
                    told.append(data["change"]["in"]["spans"].get("append", []))
                    state = applied(state, data["change"])
                else:
                    assert name == "timeline" and state is None
                    state = data
                assert not mistakes(state, SCHEMAS["Timeline"])
                if sum(map(len, told)) > 50 and len(told) > 3:
                    break
        finally:
            enough.set()
        running.result(SECONDS)
    key = operator.itemgetter("lane", "number")
    for lane in {lane["lane"] for lane in state["lanes"]}:
        numbers = [span["number"] for span in state["spans"] if span["lane"] == lane and span["start"] > begun]
        assert numbers == [numbers[0] + k for k in range(len(numbers))], numbers
    everything = {key(span): span for span in web.see(f"timeline?since={begun:.3f}")["spans"]}
    for span in state["spans"]:
        if span["start"] > begun:
            other = everything[key(span)]
            assert abs(other.pop("start") - span.pop("start")) < 0.01 and other == span
    assert web.see("timeline")["dropped"] == lost


def test_the_scheduler_is_asked_as_often_for_many_pages_as_for_one(web):
    def asked():
        text = web.ask("/metrics")[1].decode()
        return int(re.search(r"^mars_web_questions_total (\d+)$", text, re.M)[1])

    with contextlib.ExitStack() as pages:
        streams = [pages.enter_context(web.listen("overview", "workers")) for _ in range(20)]
        for events in streams:
            next(events)
        before, since = asked(), time.monotonic()
        for _ in range(8):
            next(streams[0])
        per_second = (asked() - before) / (time.monotonic() - since)
    assert per_second <= 2 * 2 + 4  # two topics, twice a second, and what asked() asks


def test_a_topic_that_cannot_be_had_is_told_so(web):
    with web.listen("requests/999999", "overview") as events:
        got = dict([next(events), next(events)])
    assert got["gone"]["topic"] == "requests/999999" and got["gone"]["status"] == 404


# ---- Results --------------------------------------------------------------------------------------------------------

def test_a_named_tensor_or_a_part_of_it_is_a_file_that_numpy_reads(web):
    made = mt.random.RandomState(5).rand(700, 300, 4, chunk_size=(64, 300, 3))
    made.save_as("a result of ours", session=web.cluster.session)
    wanted = web.cluster.session.run(made)
    name = urllib.parse.quote("a result of ours", safe="")
    for text, part in (("", np.s_[:]), ("10:20", np.s_[10:20]), ("::-1,-1", np.s_[::-1, -1]),
                       (":,3:1000:7,2", np.s_[:, 3:1000:7, 2]), ("5,5,0", np.s_[5, 5, 0]),
                       ("600:,:0", np.s_[600:, :0])):
        status, file = web.ask(f"/api/v1/tensors/{name}/npy?slice={urllib.parse.quote(text)}")
        assert status == 200, file
        got = np.load(io.BytesIO(file))
        np.testing.assert_array_equal(got, wanted[part])
    for text, status in (("x", 400), ("1:2:0", 400), ("700", 400), (":,:,:,:", 400)):
        assert web.ask(f"/api/v1/tensors/{name}/npy?slice={text}")[0] == status, text
    assert web.ask("/api/v1/tensors/nothing/npy")[0] == 404
    assert any(tensor["names"] == ["a result of ours"] for tensor in web.see("storage")["tensors"])
    assert web.ask(f"/api/v1/names/{name}/drop", "POST")[0] == 204
    assert web.ask(f"/api/v1/tensors/{name}/npy")[0] == 404


def test_who_leaves_in_the_middle_of_a_download_leaves_nothing_behind(web):
    mt.ones((4000, 1000), chunk_size=500).save_as("large", session=web.cluster.session)
    before = len(web.see("sessions"))
    for _ in range(6):
        connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=SECONDS)
        connection.request("GET", "/api/v1/tensors/large/npy", headers={"Authorization": f"Bearer {TOKEN}"})
        assert connection.getresponse().read(1000)
        connection.close()
    until(lambda: len(web.see("sessions")) == before, "sessions of downloads stay")
    assert web.ask("/api/v1/names/large/drop", "POST")[0] == 204


# ---- Other programs -------------------------------------------------------------------------------------------------

def test_the_timeline_can_be_opened_by_other_programs(web):
    web.cluster.session.run(mt.ones((1000, 1000), chunk_size=100).sum())
    status, text = web.ask("/api/v1/timeline/trace")
    events = json.loads(text)["traceEvents"]
    assert status == 200 and {event["ph"] for event in events} == {"M", "X"}
    assert all(event["dur"] >= 0 and event["ts"] > 0 for event in events if event["ph"] == "X")


def test_paths_of_the_original_answer_with_their_meaning(web):
    web.cluster.session.run(mt.ones(10).sum())
    assert json.loads(web.ask("/api")[1]) == {"msg": "Mars API Entry"}
    assert json.loads(web.ask("/api/worker")[1]) == 2
    sessions = json.loads(web.ask("/api/session")[1])
    assert sessions and all(row["session_id"] == number for number, row in sessions.items())
    graphs = json.loads(web.ask(f"/api/session/{min(sessions)}/graph")[1])
    assert {graph["state"] for graph in graphs.values()} <= {"running", "success", "failed", "cancelled"}
    assert all(set(graph) == {"id", "state", "start_time", "end_time", "graph_size"} for graph in graphs.values())


def test_a_script_of_the_original_sees_the_state_of_a_graph_and_cancels_it(web):
    from mars.session import new_session
    with new_session(web.cluster.endpoint) as session, new_session(web.cluster.endpoint) as other:
        other.run(mt.ones(3))
        future = mt.random.RandomState(3).normal(size=(100_000, 400_000), chunk_size=1000).sum().execute(
            session=session, wait=False)
        until(lambda: future.progress() > 0, "it does not begin")
        graph = next(row for row in web.see("requests") if row["state"] == "running")
        other_session = next(row["session"] for row in web.see("sessions") if row["session"] != graph["session"])
        path = f"/api/session/{graph['session']}/graph/{graph['request']}"
        assert json.loads(web.ask(path)[1]) == {"state": "running"}
        for wrong in (f"/api/session/{other_session}/graph/{graph['request']}", f"{path}0",
                      f"/api/session/{graph['session']}/graph/x"):
            assert web.ask(wrong)[0] == web.ask(wrong, "DELETE")[0] == 404, wrong
        assert web.ask(path, "DELETE")[0] == 204
        with pytest.raises(concurrent.futures.CancelledError):
            future.result()
        until(lambda: json.loads(web.ask(path)[1]) == {"state": "cancelled"}, "it is not canceled")


def test_a_worker_can_be_drained_and_given_work_again(web):
    assert web.ask("/api/v1/workers/1/drain", "POST")[0] == 204
    until(lambda: web.see("workers")[1]["state"] == "empty", "it is not empty")
    assert web.ask("/api/v1/workers/1/undrain", "POST")[0] == 204
    until(lambda: web.see("workers")[1]["state"] == "works", "it does not work")


def test_a_session_can_be_ended(web):
    from mars.session import new_session
    session = new_session(web.cluster.endpoint)
    number = max(row["session"] for row in web.see("sessions"))
    assert web.ask(f"/api/session/{number}", "DELETE")[0] == 204
    assert web.ask(f"/api/v1/sessions/{number}")[0] == 404
    with pytest.raises(Exception):
        session.run(mt.ones(10).sum())
    session.close()
