"""Redirects of pages, which may opt out themselves."""

from pathlib import Path

from tests.crawl.sites.server import HOST, Server

# Paths of redirects to a page of their own, the headers of each, and why it leads nowhere.
REDIRECTS: dict[str, tuple[dict[str, str], str | None]] = {
    "plain": ({}, None),
    "others": ({"X-Robots-Tag": "other-bot: noindex"}, None),
    "search": ({"Content-Usage": "search=n"}, None),
    "noindex": ({"X-Robots-Tag": "noindex"}, "noindex"),
    "none": ({"X-Robots-Tag": "none;"}, "noindex"),
    "ours": ({"X-Robots-Tag": "test-crawl/2: noai"}, "noai"),
    "nofollow": ({"X-Robots-Tag": '"nofollow"'}, "nofollow"),
    "usage": ({"Content-Usage": "train-ai=n"}, "content-usage"),
    "signal": ({"Content-Signal": "ai-train=no"}, "content-usage"),
    "reserved": ({"TDM-Reservation": "1"}, "tdm-reservation"),
}
METAS: dict[str, tuple[str, str | None]] = {
    "meta-plain": ("", None),
    "meta-noindex": ('<meta name="robots" content="noindex">', "noindex"),
    "meta-nofollow": ('<meta name="test-crawl" content="nofollow">', "nofollow"),
    "meta-reserved": ('<meta name="tdm-reservation" content="1">', "tdm-reservation"),
}


def test_a_redirect_that_opts_out_leads_nowhere(tmp_path: Path) -> None:
    """Its target does not opt out, and no other page links it."""
    server = Server()
    expected: dict[str, str | None] = {}
    for name, (headers, reason) in REDIRECTS.items():
        for kind, status in (("moved", 301), ("found", 302), ("kept", 308)):
            expected[f"{name}-{kind}"] = reason
            moved = {"Location": f"/to-{name}-{kind}"} | headers
            server.answers[f"{HOST}/{name}-{kind}"] = (status, moved, b"")
        # The second of two.
        expected[f"{name}-twice"] = reason
        server.answers[f"{HOST}/{name}-twice"] = (302, {"Location": f"/again-{name}"}, b"")
        server.answers[f"{HOST}/again-{name}"] = (302, {"Location": f"/to-{name}-twice"} | headers, b"")
        expected[f"{name}-refresh"] = reason
        page = f'<!doctype html><meta http-equiv="refresh" content="0; url=/to-{name}-refresh">'.encode()
        server.answers[f"{HOST}/{name}-refresh"] = (200, headers, page)
    for name, (meta, reason) in METAS.items():
        expected[name] = reason
        page = f'<!doctype html><meta http-equiv="refresh" content="0; url=/to-{name}">{meta}'.encode()
        server.answers[f"{HOST}/{name}"] = (200, {}, page)
    for name in expected:
        server.answers[f"{HOST}/to-{name}"] = (200, {}, b"<!doctype html><p>here</p>")
    links = "".join(f'<a href="/{name}">x</a>' for name in expected)
    server.answers[f"{HOST}/"] = (200, {}, f"<!doctype html>{links}".encode())

    outcomes = server.crawl(tmp_path / "out")

    reached = {request.partition("/to-")[2] for request in server.requests if "/to-" in request}
    assert reached == {name for name, reason in expected.items() if reason is None}
    reasons = [reason for reason in expected.values() if reason is not None]
    counted = {f"refused.{reason}": reasons.count(reason) for reason in set(reasons)}
    assert outcomes == {"crawled": 1 + len(reached)} | counted
