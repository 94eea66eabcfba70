"""Files that a list names: the crawl's rules for addresses hold, by name, DNS and redirect."""

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest

from components.crawl.hosts.listed_files import check_listed, copy_listed
from components.crawl.source_files import SourceFile, find_files
from components.errors import InputError

PRIVATE = [
    "http://127.0.0.1/x.csv",
    "http://127.0.0.1:8080/x.csv",
    "HTTP://127.0.0.1/x.csv",
    "https://localhost/x.csv",
    "http://a.localhost/x.csv",
    "http://localhost./x.csv",
    "http://10.0.0.5/x.csv",
    "http://192.168.1.1/x.csv",
    "http://169.254.169.254/latest/meta-data/x.csv",
    "http://0.0.0.0/x.csv",
    "http://user:password@127.0.0.1/x.csv",
    "http://[::1]/x.csv",
    "http://[::ffff:127.0.0.1]/x.csv",
    "http:///x.csv",
]
# Names of addresses that only a resolver reads so.
ODD = ["http://2130706433/x.csv", "http://0x7f000001/x.csv", "http://127.1/x.csv", "http://0177.0.0.1/x.csv"]
ELSEWHERE = [
    "file:///etc/passwd",
    "s3://other/x.csv",
    "zip://x.csv::http://127.0.0.1/x.zip",
    "simplecache::file:///etc/passwd",
    "ftp://127.0.0.1/x.csv",
    "memory://x.csv",
    "data://text/plain,x.csv",
    "local:///etc/passwd",
    "github://a:b@main/x.csv",
    "reference://::file:///x.csv",
]


class Site(BaseHTTPRequestHandler):
    """A list, a redirect to a private address, and a file."""

    lines: ClassVar[list[str]] = []
    requested: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        type(self).requested.append(f"{self.headers['Host'].partition(':')[0]}{self.path}")
        if self.path == "/moved.csv":
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_address[1]}/secret.csv")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = "\n".join(type(self).lines).encode() if self.path == "/list" else b"url,text\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    Site.requested.clear()
    yield f"http://a.localhost:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """`*.localhost` leads here, as on most machines."""
    known = socket.getaddrinfo

    def lookup(host: str, *rest: object, **options: object) -> object:
        return known("127.0.0.1" if host.endswith("localhost") else host, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)


@pytest.mark.parametrize("line", PRIVATE)
def test_a_list_names_no_private_address(site: str, resolved: None, line: str) -> None:
    Site.lines = [line]
    with pytest.raises(InputError, match=r"private address|no plain path"):
        find_files([f"urls:@{site}/list"])
    assert {path.partition("/")[2] for path in Site.requested} == {"list"}


@pytest.mark.parametrize("line", ELSEWHERE)
def test_a_list_from_elsewhere_names_files_of_the_web_alone(site: str, resolved: None, line: str) -> None:
    Site.lines = [line]
    with pytest.raises(InputError, match="names"):
        find_files([f"urls:@{site}/list"])


@pytest.mark.parametrize("line", ["/etc/passwd.csv", "../../etc/passwd.csv", "x.csv", "//x.csv"])
def test_a_path_in_a_list_is_one_of_the_list_s_server(site: str, resolved: None, line: str) -> None:
    Site.lines = [line]
    (found,) = find_files([f"urls:@{site}/list"], ["*.localhost"])
    assert found.location.startswith(f"{site}/")
    assert found.is_listed


@pytest.mark.parametrize("line", [line for line in PRIVATE if "::" not in line])
def test_a_list_of_this_machine_names_no_private_address_either(tmp_path: Path, line: str) -> None:
    (tmp_path / "list").write_text(line)
    with pytest.raises(InputError, match="private address"):
        find_files([f"urls:@{tmp_path}/list"])


def test_what_the_crawl_allows_a_list_may_name(tmp_path: Path, site: str, resolved: None) -> None:
    (tmp_path / "list").write_text(f"{site}/x.csv")
    (found,) = find_files([f"urls:@{tmp_path}/list"], ["*.localhost"])
    with copy_listed(found.location, ["*.localhost"], tmp_path) as path:
        assert path.read_text() == "url,text\n"


def test_a_redirect_to_a_private_address_is_not_followed(tmp_path: Path, site: str, resolved: None) -> None:
    with (
        pytest.raises(InputError, match=r"127\.0\.0\.1 is a private address"),
        copy_listed(f"{site}/moved.csv", ["*.localhost"], tmp_path),
    ):
        pass
    assert [path.partition("/")[2] for path in Site.requested] == ["moved.csv"]


@pytest.mark.parametrize("location", ODD)
def test_a_name_that_resolves_to_a_private_address_is_refused_at_once(tmp_path: Path, location: str) -> None:
    check_listed(location, [])  # the name does not show it
    with (
        pytest.raises(InputError, match=r"after 1 attempt: .*(private|canonical|2130706433)"),
        copy_listed(location, [], tmp_path),
    ):
        pass


def test_what_the_user_names_may_be_anywhere(tmp_path: Path, site: str) -> None:
    (found,) = find_files([f"urls:{site}/x.csv"])
    assert found == SourceFile("urls", f"{site}/x.csv")
    assert not found.is_listed
