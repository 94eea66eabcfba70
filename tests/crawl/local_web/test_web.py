"""The sample web on loopback: hosts, statuses and headers of the archives."""

import http.client
import json
import re
import socket
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.crawl.local_web.web import Web, serve
from components.errors import InputError, SetupError

FILES = {"index.html": b"<p>front</p>", "img/crab.png": b"png bytes", "sub/index.html": b"sub", "a b.txt": b"blank"}
RESPONSES = {
    "/old.html": {"status": 301, "headers": {"Location": "/index.html"}},
    "/img/crab.png": {"status": 200, "headers": {"X-Robots-Tag": "noimageai"}},
    "/img/gone.png": {"status": 404, "headers": {}},
}


def archive(folder: Path, name: str, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(folder / f"{name}.zip", "w") as written:
        for path, data in files.items():
            written.writestr(path, data)
        meta = {"host": f"{name}.localhost", "responses": RESPONSES}
        written.writestr("_site.json", json.dumps(meta))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("web")
    archive(folder, "one", FILES)
    archive(folder, "two", {"index.html": b"another front"})
    return folder


@pytest.fixture(scope="module")
def web(folder: Path) -> Iterator[Web]:
    with serve(folder, 0) as web:
        yield web


def ask(
    web: Web, path: str, host: str = "one.localhost", method: str = "GET"
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=10)
    connection.request(method, path, headers={"Host": f"{host}:{web.port}", "User-Agent": "a test"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def test_sites_are_selected_by_host(web: Web) -> None:
    assert web.hosts == ["one.localhost", "two.localhost"]
    assert ask(web, "/")[1] == b"<p>front</p>"
    assert ask(web, "/", "TWO.localhost")[1] == b"another front"


@pytest.mark.parametrize("path", ["/index.html", "/", "/?query=1", "/index.html#part"])
def test_the_front_page_has_several_addresses(web: Web, path: str) -> None:
    answer, body = ask(web, path)
    assert (answer.status, body) == (200, b"<p>front</p>")
    assert answer.headers["Content-Type"] == "text/html"
    assert answer.headers["Content-Length"] == str(len(body))


def test_folders_and_quoted_characters_are_found(web: Web) -> None:
    assert ask(web, "/sub/")[1] == b"sub"
    assert ask(web, "/a%20b.txt")[1] == b"blank"


def test_statuses_and_headers_are_those_of_the_archive(web: Web) -> None:
    answer, _ = ask(web, "/old.html")
    assert (answer.status, answer.headers["Location"]) == (301, "/index.html")
    answer, body = ask(web, "/img/crab.png")
    assert (answer.status, body) == (200, b"png bytes")
    assert (answer.headers["X-Robots-Tag"], answer.headers["Content-Type"]) == ("noimageai", "image/png")
    assert ask(web, "/img/gone.png")[0].status == 404


@pytest.mark.parametrize(
    ("path", "host"),
    [("/no.html", "one.localhost"), ("/", "three.localhost"), ("/../index.html", "one.localhost"), ("//x/", "")],
)
def test_missing_files_are_404(web: Web, path: str, host: str) -> None:
    assert ask(web, path, host)[0].status == 404


def test_the_description_of_a_site_is_not_served(web: Web) -> None:
    assert ask(web, "/_site.json")[0].status == 404


def test_head_has_the_headers_and_no_body(web: Web) -> None:
    answer, body = ask(web, "/", method="HEAD")
    assert (answer.status, answer.headers["Content-Length"], body) == (200, "12", b"")


def test_other_methods_are_refused(web: Web) -> None:
    assert ask(web, "/", method="POST")[0].status == 501


def test_a_connection_is_kept_for_the_next_request(web: Web) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=10)
    for path, status in (("/", 200), ("/no.html", 404), ("/old.html", 301), ("/", 200)):
        connection.request("GET", path, headers={"Host": "one.localhost"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
        assert not answer.will_close
    connection.close()


def test_requests_are_logged(folder: Path) -> None:
    with serve(folder, 0) as web:
        ask(web, "/sub/")
        assert web.requests == [("one.localhost", "/sub/index.html", "a test")]


def test_only_loopback_is_served(web: Web) -> None:
    with socket.create_connection(("127.0.0.1", web.port)) as connection:
        assert connection.getpeername()[0] == "127.0.0.1"
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for other in others:
        with socket.socket() as connection:
            connection.settimeout(5)
            assert connection.connect_ex((other, web.port)) != 0 or other.startswith("127.")


def test_a_busy_port_is_named_with_the_fix(folder: Path, web: Web) -> None:
    with (
        pytest.raises(SetupError, match=rf"port {web.port} of 127\.0\.0\.1 is busy.*sample\.port"),
        serve(folder, web.port),
    ):
        pass


def test_the_port_is_free_again_afterwards(folder: Path) -> None:
    with serve(folder, 0) as first:
        ask(first, "/")
    with serve(folder, first.port) as second:
        assert ask(second, "/")[0].status == 200


def test_a_folder_without_sites_is_an_error_that_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="contains no site"):
        Web.load(tmp_path)


@pytest.mark.parametrize("damage", ["no zip", "no description", "cut"])
def test_an_archive_that_is_damaged_is_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "bad.zip"
    if damage == "no zip":
        path.write_bytes(b"nonsense")
    elif damage == "cut":
        archive(tmp_path, "bad", FILES)
        path.write_bytes(path.read_bytes()[:-40])
    else:
        with zipfile.ZipFile(path, "w") as written:
            written.writestr("index.html", b"")
    with pytest.raises(InputError, match=re.escape(str(path))):
        Web.load(tmp_path)
