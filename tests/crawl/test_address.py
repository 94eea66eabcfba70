from urllib.parse import quote, urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.crawl.address import AddressFilter, host_of, is_localhost, origin_of, resolve, site_of

PAGE = "http://site.example:8080/animals/page-1.html"


@pytest.mark.parametrize(
    ("reference", "address"),
    [
        ("crab.png", "http://site.example:8080/animals/crab.png"),
        ("../img/crab.png", "http://site.example:8080/img/crab.png"),
        ("/img/crab.png", "http://site.example:8080/img/crab.png"),
        ("//cdn.example/crab.png", "http://cdn.example/crab.png"),
        ("https://cdn.example:443/crab.png#top", "https://cdn.example/crab.png"),
        ("HTTP://CDN.Example/Crab.png", "http://cdn.example/Crab.png"),
        ("  /a b.png\n", "http://site.example:8080/a%20b.png"),
        ("/café.png?größe=1", "http://site.example:8080/caf%C3%A9.png?gr%C3%B6%C3%9Fe=1"),
        ("http://example.org", "http://example.org/"),
        ("a%3Ab/crab.png", "http://site.example:8080/animals/a:b/crab.png"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
    ],
)
def test_a_reference_becomes_an_absolute_normalised_address(reference: str, address: str) -> None:
    assert resolve(PAGE, reference) == address


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "   ",
        "mailto:me@example.org",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "ftp://site.example/crab.png",
        "file:///etc/passwd",
        "http://user:secret@site.example/",
        "http://site.example:99999/",
        "http://a b/",
        "http://[:2q]:8000/",
        "/" + "x" * 3000,
    ],
)
def test_an_invalid_reference_has_no_url(reference: str) -> None:
    assert resolve(PAGE, reference) is None


@pytest.mark.parametrize(
    "host", ["8:1", ":81", "v1.ab", ":::::::", "1::2::3", "1:2:3:4:5:6:7:8:9", "::1%eth0", "::1.2.3"]
)
@pytest.mark.parametrize("port", ["", ":8000"])
@pytest.mark.parametrize("before", ["http://", "//", "\x01http://", "hTTps://"])
def test_brackets_hold_an_ipv6_address_alone(host: str, port: str, before: str) -> None:
    assert resolve(PAGE, f"{before}[{host}]{port}/crab.png") is None
    assert resolve(f"{before}[{host}]{port}/", "crab.png") is None


@pytest.mark.parametrize("authority", ["[::1]@", "[a]@", "a[::1]@", "]@", "[@", "[", "]", "[]", "@[", "[::1]@host"])
@pytest.mark.parametrize("before", ["http://", "//", "\x01https://"])
def test_brackets_anywhere_else_make_an_address_invalid(authority: str, before: str) -> None:
    assert resolve(PAGE, f"{before}{authority}/crab.png") is None
    assert resolve(f"{before}{authority}/", "crab.png") is None
    assert host_of(f"{before}{authority}/crab.png") == ""


@pytest.mark.parametrize(
    ("host", "short"), [("::1", "::1"), ("0:0::1", "::1"), ("::FFFF", "::ffff"), ("::ffff:1.2.3.4", "::ffff:102:304")]
)
def test_an_ipv6_address_keeps_its_brackets(host: str, short: str) -> None:
    address = f"http://[{short}]:8000/crab.png"
    assert resolve(PAGE, f"http://[{host}]:8000/crab.png") == address
    assert resolve(f"http://[{host}]:8000/", "crab.png") == address == resolve(address, address)


@given(
    st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=4), st.sampled_from(["crab.png", "../a/é.png", "?q"])
)
def test_a_reference_means_what_it_would_in_full(names: list[str], reference: str) -> None:
    page = "/".join(["https://site.example", *(quote(name, safe="") for name in names if name not in (".", ".."))])
    full = urljoin(page, quote(reference, safe="/?"))
    assert resolve(page, reference) == resolve(page, full)


@pytest.mark.parametrize("folder", ["%C3%A9t%C3%A9", "a%20b", "a%3Fb", "a%2Fb", "a%25b", "%3Ci%3E"])
def test_the_folders_of_a_page_stay_encoded(folder: str) -> None:
    assert resolve(f"https://site.example/{folder}/x.html", "crab.png") == f"https://site.example/{folder}/crab.png"


@given(st.text(), st.text())
def test_resolving_never_raises_and_is_idempotent(base: str, reference: str) -> None:
    for address in (resolve(PAGE, reference), resolve(base, reference)):
        if address is not None:
            assert resolve(address, address) == address
            assert host_of(address)


def test_a_host_with_and_without_www_is_one_site() -> None:
    assert site_of("https://www.example.org/a") == site_of("http://example.org:8080/b") == "example.org"


def test_the_origin_has_scheme_host_and_port() -> None:
    assert origin_of("http://example.org:8080/a?b#c") == "http://example.org:8080"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::10.0.0.1",
        "2002:7f00:1::",
        "no address",
    ],
)
def test_private_addresses_are_rejected(address: str) -> None:
    assert not AddressFilter().permits("example.org", address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::8.8.8.8"])
def test_public_addresses_are_permitted(address: str) -> None:
    assert AddressFilter().permits("example.org", address)


def test_an_allowed_host_may_have_a_private_address_and_no_other_host_may() -> None:
    guard = AddressFilter(["*.localhost", "intranet.example"])
    assert guard.permits("noto.localhost", "127.0.0.1")
    assert guard.permits("INTRANET.example.", "10.0.0.1")
    assert not guard.permits("localhost", "127.0.0.1")
    assert not guard.permits("localhost.example", "127.0.0.1")


def test_a_host_that_is_an_address_is_checked_without_dns() -> None:
    assert not AddressFilter(["*.localhost"]).permits_name("127.0.0.1")
    assert not AddressFilter().permits_name("noto.localhost")
    assert AddressFilter().permits_name("93.184.215.14")
    assert AddressFilter().permits_name("example.org")


def test_names_under_localhost_are_this_machine() -> None:
    assert is_localhost("noto.localhost.")
    assert is_localhost("LOCALHOST")
    assert not is_localhost("notlocalhost")


@pytest.mark.parametrize("host", ["bücher.example", "例え.テスト", "bücher。example", "x." * 60 + "bücher.example"])
def test_a_host_in_any_script_is_encoded(host: str) -> None:
    address = resolve(PAGE, f"//{host}/crab.png")
    assert address is not None
    assert host_of(address) == host.replace("。", ".").encode("idna").decode()


@pytest.mark.parametrize("letter", ["ä", "م", "😀", "a\u0301", "ä.", "中", "ä。", "\u00ad"])
@pytest.mark.parametrize("before", ["http://", "//", " https://", "http://user:pass@", "HTTP://ä@", "\x01http://"])
def test_a_host_that_is_too_long_for_a_name_is_never_encoded(
    monkeypatch: pytest.MonkeyPatch, letter: str, before: str
) -> None:
    def encode(*_: object) -> None:
        raise AssertionError("its time grows with the square of a label's length")

    monkeypatch.setattr("components.crawl.address.URL", encode)
    host = letter * (1900 // len(letter))
    assert resolve(PAGE, f"{before}{host}.example:80/crab.png") is None
    assert resolve(f"{before.strip()}{host}.example/", "/crab.png?ä") is None
