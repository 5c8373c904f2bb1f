# SPDX-License-Identifier: Apache-2.0
"""How browsers come into mars-web: a token or a link, once, and then a cookie."""
import contextlib
import json
import re

import pytest
from by_hand import Daemon
from test_web import TOKEN, ask, daemons

OTHER = "another-token-of-these-tests"


@contextlib.contextmanager
def cluster(folder, token=TOKEN):
    """A scheduler with a token, and a mars-web that finds the same; its port."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "home"))
        monkeypatch.setenv("MARS_TOKEN", token)
        with daemons(folder) as port:
            yield port


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    with cluster(tmp_path_factory.mktemp("login")) as port:
        yield port


def sign_in(port, token=TOKEN):
    return ask(port, "POST", "/api/v1/login", Authorization=f"Bearer {token}")


def cookie_of(headers):
    return headers["Set-Cookie"].split(";")[0]


def new_link(port, **headers):
    status, _, text = ask(port, "POST", "/api/v1/link", **headers)
    return status, re.search(r"#/login/([0-9a-f]{32})", text)


def enter(port, code):
    return ask(port, "POST", "/api/v1/enter", body=code)


def origin(port):
    return {"Origin": f"http://127.0.0.1:{port}"}


def test_the_token_is_changed_for_a_cookie_that_no_script_and_no_other_site_gets(port):
    status, headers, text = sign_in(port)
    assert (status, text) == (204, "")
    assert re.fullmatch(rf"mars-{port}=\d+\.[0-9a-f]{{64}}; Max-Age=2592000; HttpOnly; SameSite=Strict",
                        headers["Set-Cookie"])
    assert TOKEN not in headers["Set-Cookie"]
    assert "Path" not in headers["Set-Cookie"]  # of /api/v1/login: so it goes to /api/v1/, wherever a proxy has that


def test_the_cookie_is_a_credential(port):
    cookie = cookie_of(sign_in(port)[1])
    assert new_link(port, Cookie=cookie, **origin(port))[0] == 200
    assert new_link(port, Cookie=f"other=1; {cookie}; another=2", **origin(port))[0] == 200


def test_with_a_cookie_nothing_changes_unless_the_page_that_asks_is_ours(port):
    cookie = cookie_of(sign_in(port)[1])
    assert new_link(port, Cookie=cookie)[0] == 403
    assert new_link(port, Cookie=cookie, Origin="http://evil.example")[0] == 403
    assert new_link(port, Cookie=cookie, Origin=f"http://127.0.0.1:{port + 1}")[0] == 403


def test_a_cookie_that_was_tampered_with_is_none(port):
    name, value = cookie_of(sign_in(port)[1]).split("=")
    until, proof = value.split(".")
    for wrong in (f"{int(until) + 1}.{proof}", f"{until}.{'0' * 64}", f"{until}.{proof[:-1]}", f"{until}.{proof}0",
                  f"0.{proof}", f"-1.{proof}", f"{until}", f"{until}.", ".", "", "%00", f"{until} .{proof}", TOKEN):
        assert new_link(port, Cookie=f"{name}={wrong}", **origin(port))[0] == 401, wrong
    assert new_link(port, Cookie=f"mars-1={value}", **origin(port))[0] == 401


def test_a_wrong_token_gets_no_cookie(port):
    for token in (OTHER, "", TOKEN + "x", TOKEN[:-1]):
        status, headers, _ = sign_in(port, token)
        assert status == 401 and "Set-Cookie" not in headers


def test_a_link_signs_in_once(port):
    status, found = new_link(port, Authorization=f"Bearer {TOKEN}")
    assert status == 200
    status, headers, _ = enter(port, found[1])
    assert status == 204
    assert new_link(port, Cookie=cookie_of(headers), **origin(port))[0] == 200
    status, headers, text = enter(port, found[1])
    assert status == 401 and "Set-Cookie" not in headers and "used" in json.loads(text).popitem()[1]


def test_a_new_link_ends_the_one_before_it_and_others_were_none(port):
    old, new = (new_link(port, Authorization=f"Bearer {TOKEN}")[1][1] for _ in range(2))
    for code in (old, "", "0" * 32, "0", new[:-1], new + "0", new.upper() if new != new.upper() else "F" * 32):
        assert enter(port, code)[0] == 401
    assert ask(port, "GET", "/api/v1/enter")[0] == 405
    assert enter(port, new)[0] == 204


def test_a_cookie_outlives_the_daemon_but_not_the_token_and_is_no_other_port_s(tmp_path, monkeypatch):
    def begin(port):
        return Daemon("mars-web", "--schedulers", f"unix:{tmp_path}/scheduler", "--port", port)

    with cluster(tmp_path) as port:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("MARS_TOKEN", TOKEN)
        web = begin("0")
        here = web.port()
        cookie = cookie_of(sign_in(here)[1])
        assert new_link(port, Cookie=cookie.replace(str(here), str(port)), **origin(port))[0] == 401
        for token, status in ((TOKEN, 200), (OTHER, 401)):
            assert web.stop() == 0
            monkeypatch.setenv("MARS_TOKEN", token)
            web = begin(str(here))
            assert web.port() == here
            assert new_link(here, Cookie=cookie, **origin(here))[0] == status
        assert web.stop() == 0


def test_a_link_is_printed_where_a_token_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MARS_TOKEN", TOKEN)
    web = Daemon("mars-web", "--schedulers", f"unix:{tmp_path}/nobody", "--port", "0")
    port = web.port()
    code = re.search(rf"http://127\.0\.0\.1:{port}/#/login/([0-9a-f]{{32}})", web.says("sign in").said)[1]
    assert enter(port, code)[0] == 204
    assert web.stop() == 0
