import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad

from components.cli import parameters
from components.cli.label_weights import lines, replace_weights
from components.errors import InputError, ParameterError
from components.label.gold.file import read_gold
from components.label.gold.fit import FITTED, Examples, _loss, fit, minimise
from components.label.gold.linker import GoldLinker
from tests.label.gold.test_file import entry, label, write
from tests.label.gold.test_scores import invoke

PRESENT = np.array([0.5, 3.0, 3.0, 1.0, 0.0])


def examples(seed, mentions=40):
    """Random choices whose right ones follow a model of known weights."""
    rng = np.random.default_rng(seed)
    truth = np.array([1.0, 6.0, 2.0, 2.0, 1.0])
    blocks, starts, gold, row, none_is_right = [], [], [], 0, 0
    for _ in range(mentions):
        count = int(rng.integers(1, 5))
        block = np.zeros((count + 1, 5))
        block[:-1, 0] = np.log(rng.dirichlet(np.ones(count)))
        block[:-1, 1:3] = rng.uniform(-1, 1, size=(count, 2))
        block[:-1, 3] = -rng.integers(0, 2, count)
        block[-1, 4] = 1.0
        z = block @ truth
        chosen = int(rng.choice(count + 1, p=np.exp(z) / np.exp(z).sum()))
        blocks.append(block)
        starts.append(row)
        gold.append(row + chosen)
        none_is_right += chosen == count
        row += count + 1
    return Examples(np.concatenate(blocks), np.array(starts), np.array(gold), none_is_right)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_gradient_is_that_of_the_loss(seed):
    some = examples(seed, 10)
    assert check_grad(lambda w: _loss(some, w)[0], lambda w: _loss(some, w)[1], PRESENT) < 1e-4


def test_the_loss_is_the_negative_log_probability_of_the_right_choices():
    z = np.array([2.0, 1.0, 0.5])
    two = Examples(np.array([[2.0, 0, 0, 0, 0], [1.0, 0, 0, 0, 0], [0, 0, 0, 0, 0.5]]), np.array([0]), np.array([1]), 0)
    assert _loss(two, np.ones(5))[0] == pytest.approx(-np.log(np.exp(1.0) / np.exp(z).sum()))


def test_with_many_mentions_the_weights_of_the_model_are_found():
    found = minimise(examples(1, 4000), PRESENT, 1.0)
    np.testing.assert_allclose(found, [1.0, 6.0, 2.0, 2.0, 1.0], atol=0.35)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_fitted_weights_are_at_least_as_likely_as_the_current_ones(seed):
    some = examples(seed)
    assert _loss(some, minimise(some, PRESENT, 1.0))[0] <= _loss(some, PRESENT)[0] + 1e-6


def test_a_strong_penalty_keeps_the_current_weights():
    np.testing.assert_allclose(minimise(examples(1), PRESENT, 1e9), PRESENT, atol=1e-4)


def test_weights_stay_within_what_the_parameter_file_allows():
    against = examples(1)
    turned = Examples(against.features * [1, -1, -1, -1, 1], against.starts, against.gold, against.none_is_right)
    found = minimise(turned, PRESENT, 0.0)
    assert (found[:4] >= 0).all()


def test_none_keeps_its_weight_where_no_mention_means_none():
    some = examples(1)
    lone = Examples(some.features, some.starts, some.starts, 0)
    assert minimise(lone, PRESENT, 0.0)[FITTED.index("none")] == PRESENT[FITTED.index("none")]


BIRD = "a large farm bird, an animal with feathers: turkey number {}"
COUNTRY = "a country of the world in Asia and Europe: turkey number {}"


@pytest.fixture
def gold(tmp_path):
    """Forty texts in which the words around say which turkey is meant."""
    labelled = [(words.format(n), entity) for n in range(20) for words, entity in ((BIRD, "Q1"), (COUNTRY, "Q2"))]
    marked = [entry(text, [label(text.index("turkey"), text.index("turkey") + 6, entity)]) for text, entity in labelled]
    return write(tmp_path, *marked)


@pytest.fixture
def linker(knowledge, knobs):
    return GoldLinker(knowledge, knobs(text=0.5))


def test_texts_that_were_not_seen_become_likelier(gold, linker):
    learnt = fit(read_gold(gold, 0.0).texts, linker, 0.3, 1.0)
    held_out = learnt.figures["held_out"]
    assert held_out["mentions"] > 0 and learnt.better
    assert learnt.weights.text > 0.5
    assert held_out["log_loss_after"] < held_out["log_loss_before"]


def test_the_page_keeps_its_weight(gold, linker):
    assert fit(read_gold(gold, 0.0).texts, linker, 0.3, 1.0).weights.page == linker.parameters.weights.page


def test_the_split_of_a_text_does_not_depend_on_other_texts(gold, linker):
    texts = read_gold(gold, 0.0).texts
    whole = fit(texts, linker, 0.3, 1.0).figures["held_out"]["texts"]
    splits = [fit(part, linker, 0.3, 1.0).figures["held_out"]["texts"] for part in (texts[:20], texts[20:])]
    assert whole == sum(splits)


def test_the_order_of_the_texts_has_no_effect(gold, linker):
    texts = read_gold(gold, 0.0).texts
    assert fit(texts, linker, 0.3, 1.0) == fit(texts[::-1], linker, 0.3, 1.0)


def test_each_of_several_labels_of_a_span_is_a_gold_choice(tmp_path, linker):
    both = [entry("turkey", [label(0, 6, entity) for entity in pair]) for pair in (("Q9", "Q1"), ("Q1", "Q9"))]
    figures = fit(read_gold(write(tmp_path, *both), 0.0).texts, linker, 0.0, 1.0).figures["learnt_from"]
    assert (figures["mentions"], figures["none_is_right"]) == (2, 0)


def test_without_held_out_texts_nothing_is_called_better(gold, linker):
    learnt = fit(read_gold(gold, 0.0).texts, linker, 0.0, 1.0)
    assert not learnt.better and learnt.figures["held_out"]["accuracy_after"] is None


def test_a_file_without_a_known_name_cannot_be_learnt_from(tmp_path, linker):
    unknown = write(tmp_path, entry("a brachyuran", [label(2, 12, "Q3")]))
    with pytest.raises(InputError, match="none of the 1 texts to learn from has a mention with a candidate"):
        fit(read_gold(unknown, 0.0).texts, linker, 0.0, 1.0)


@pytest.fixture
def params(tmp_path):
    return shutil.copy("params.yaml", tmp_path / "params.yaml")


def test_writing_changes_the_weights_and_nothing_else(params):
    before, text = parameters.load(params), params.read_text()
    new = before.label.weights.model_copy(update={"text": 12.25, "none": -1.5})
    replace_weights(params, new)
    assert parameters.load(params) == before.model_copy(
        update={"label": before.label.model_copy(update={"weights": new})}
    )
    changed = [(a, b) for a, b in zip(text.split("\n"), params.read_text().split("\n"), strict=True) if a != b]
    assert [b.split("#")[0].split() for _, b in changed] == [["text:", "12.25"], ["none:", "-1.5"]]
    assert all(a.partition("#")[2] == b.partition("#")[2] for a, b in changed)


@pytest.mark.parametrize(
    "ends",
    [lambda n: b"\r\n", lambda n: b"\n", lambda n: (b"\r\n", b"\n")[n % 2]],
    ids=["CRLF", "LF", "mixed"],
)
@pytest.mark.parametrize("begin", [b"", b"\xef\xbb\xbf"], ids=["", "BOM"])
def test_line_ends_and_everything_else_stay_byte_for_byte(params, ends, begin):
    lines_before = params.read_bytes().split(b"\n")
    params.write_bytes(begin + b"".join(line + ends(n) for n, line in enumerate(lines_before)))
    replace_weights(params, parameters.load(params).label.weights.model_copy(update={"text": 12.25}))
    after = params.read_bytes()
    changed = next(line for line in lines_before if line.startswith(b"    text:") and b"#" in line)
    restored = after.replace(b"    text: 12.25", changed[: len(b"    text: 12.25")])
    assert b"12.25" in after
    assert restored == begin + b"".join(line + ends(n) for n, line in enumerate(lines_before))


def test_writing_the_current_weights_changes_nothing(params):
    text = params.read_text()
    replace_weights(params, parameters.load(params).label.weights)
    assert params.read_text() == text


def test_a_file_in_another_layout_is_left_as_it_was(params):
    text = params.read_text()
    weights = parameters.load(params).label.weights
    start, end = text.index("  weights:"), text.index("  named_smoothing:")
    flow = (
        text[:start]
        + "  weights: {prior: 0.5, text: 3.0, page: 6.0, coherence: 3.0, case: 1.5, none: 0.3}\n"
        + text[end:]
    )
    params.write_text(flow)
    with pytest.raises(ParameterError, match="by hand"):
        replace_weights(params, weights.model_copy(update={"text": 9.0}))
    assert params.read_text() == flow
    assert [path.name for path in params.parent.glob("*.part")] == []


def test_the_printed_lines_are_those_of_the_parameter_file(params):
    weights = parameters.load(params).label.weights
    assert lines(weights).splitlines()[:2] == ["  weights:", f"    prior: {weights.prior:g}"]


def test_the_command_writes_better_weights(gold, knowledge, params):
    before = parameters.load(params).label.weights
    replace_weights(params, before.model_copy(update={"text": 0.1}))
    result = invoke("fit", gold, "--knowledge", knowledge, "--params", params, "--write")
    assert result.exit_code == 0, result.output
    assert "held out" in result.output
    assert parameters.load(params).label.weights.text > 0.1


def test_the_command_does_not_write_without_the_option(gold, knowledge, params):
    text = params.read_text()
    invoke("fit", gold, "--knowledge", knowledge, "--params", params)
    assert params.read_text() == text


def test_the_command_keeps_the_current_weights_unless_the_new_ones_are_better(gold, knowledge, params):
    text = params.read_text()
    result = invoke("fit", gold, "--knowledge", knowledge, "--params", params, "--write", "--held-out", "0")
    assert result.exit_code == 1
    assert "the present ones are kept" in result.output
    assert params.read_text() == text
