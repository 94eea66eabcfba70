"""The order of samples, and what a batch depends on."""

from collections import Counter

import numpy as np
import pytest
import torch

from components.errors import InputError
from components.pretrain.data.batch import Batch, BatchPartition
from components.pretrain.data.loader import Loader, SampleOrder
from components.pretrain.data.picture_cache import DecodedPictures
from components.pretrain.data.samples import Samples, select_samples
from components.pretrain.data.vocabulary import Vocabulary
from components.pretrain.parameters import TextParameters
from components.pretrain.recipe import make_recipe
from tests.pretrain.conftest import NAMES, MakeParameters

TEXT = TextParameters(name=0.4, name_and_description=0.4, alt_text=0.2)
VOCABULARY = Vocabulary([f"Q{n + 1}" for n in range(6)], NAMES[:6], [f"what {name} is" for name in NAMES[:6]])


def length_tokens(texts: list[str]) -> torch.Tensor:
    """Every text's characters as tokens: enough to tell texts apart."""
    return torch.tensor([[ord(c) for c in text.ljust(40)[:40]] for text in texts])


def words(batch: Batch) -> list[str]:
    assert batch.tokens is not None
    return ["".join(map(chr, row)).strip() for row in batch.tokens.tolist()]


@pytest.fixture
def samples(train_pictures: DecodedPictures, make_parameters: MakeParameters) -> Samples:
    return select_samples(train_pictures, make_recipe("contrastive", make_parameters()), VOCABULARY)


def loader(samples: Samples, partition: BatchPartition, seed: int = 1, text: TextParameters = TEXT) -> Loader:
    return Loader(samples, partition, seed, 2, text, length_tokens)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_every_epoch_holds_every_sample_once_over_any_number_of_workers(workers: int) -> None:
    order, partitions = SampleOrder(48, seed=1), [BatchPartition(16, rank, workers) for rank in range(workers)]
    for epoch in range(3):
        steps = range(3 * epoch, 3 * epoch + 3)
        seen = np.concatenate([order.at(partition.positions(step)) for step in steps for partition in partitions])
        assert sorted(seen) == list(range(48))


def test_epochs_differ_and_a_batch_may_span_two() -> None:
    order = SampleOrder(10, seed=1)
    stream = order.at(np.arange(30))
    assert all(sorted(stream[i : i + 10]) == list(range(10)) for i in (0, 10, 20))
    assert stream[:10].tolist() != stream[10:20].tolist()
    assert order.at(np.arange(8, 13)).tolist() == stream[8:13].tolist()


def test_a_data_set_smaller_than_a_batch_is_repeated() -> None:
    assert Counter(SampleOrder(3, seed=1).at(np.arange(12)).tolist()) == {0: 4, 1: 4, 2: 4}


def test_a_batch_depends_on_its_step_alone(samples: Samples) -> None:
    partition = BatchPartition(8)
    straight = list(loader(samples, partition).batches(0, 9))
    resumed = list(loader(samples, partition).batches(5, 9))
    assert [batch.step for batch in resumed] == [5, 6, 7, 8]
    for one, two in zip(straight[5:], resumed, strict=True):
        assert torch.equal(one.pictures, two.pictures)
        assert one.target is not None and two.target is not None
        assert torch.equal(one.target, two.target)
        assert words(one) == words(two)


def test_workers_together_have_what_one_worker_has(samples: Samples) -> None:
    whole = loader(samples, BatchPartition(8)).batch(3)
    parts = [loader(samples, BatchPartition(8, rank, 2)).batch(3) for rank in range(2)]
    assert torch.equal(torch.cat([part.pictures for part in parts]), whole.pictures)
    assert [word for part in parts for word in words(part)] == words(whole)


def test_another_seed_gives_another_order(samples: Samples) -> None:
    assert not torch.equal(
        loader(samples, BatchPartition(8)).batch(0).pictures, loader(samples, BatchPartition(8), 2).batch(0).pictures
    )


def test_a_batch_that_workers_cannot_share_evenly_is_an_error(samples: Samples) -> None:
    with pytest.raises(InputError, match=r"pretrain.batch is 8, which 3 workers"):
        loader(samples, BatchPartition(8, 0, 3))


@pytest.mark.parametrize(
    ("chances", "expected"),
    [
        ({"name": 1, "name_and_description": 0, "alt_text": 0}, "{name}"),
        ({"name": 0, "name_and_description": 1, "alt_text": 0}, "{name}, what {name} is"),
        ({"name": 0, "name_and_description": 0, "alt_text": 1}, "{name} "),
    ],
)
def test_a_text_is_made_of_what_its_chances_say(samples: Samples, chances: dict[str, float], expected: str) -> None:
    batch = loader(samples, BatchPartition(16), text=TextParameters(**chances)).batch(0)
    assert batch.target is not None
    for target, text in zip(batch.target.tolist(), words(batch), strict=True):
        wanted = expected.format(name=NAMES[target])
        assert text == wanted or (wanted.endswith(" ") and text.startswith(wanted))


def test_all_kinds_of_texts_come_up_in_their_shares(samples: Samples) -> None:
    kinds: Counter[str] = Counter()
    for batch in loader(samples, BatchPartition(48)).batches(0, 20):
        for text in words(batch):
            kinds["description" if "," in text else "alt" if text[-1].isdigit() else "name"] += 1
    frequencies = {kind: count / kinds.total() for kind, count in kinds.items()}
    assert frequencies == pytest.approx({"name": 0.4, "description": 0.4, "alt": 0.2}, abs=0.06)


def test_a_missing_description_or_alt_text_falls_back_to_the_name(train_pictures: DecodedPictures) -> None:
    vocabulary = Vocabulary(VOCABULARY.entity_ids, VOCABULARY.labels, [""] * 6)
    bare = Samples(train_pictures, np.arange(8), np.arange(8)[:, None] % 6, vocabulary, Counter())
    text = TextParameters(name=0, name_and_description=1, alt_text=0)
    assert set(words(loader(bare, BatchPartition(8), text=text).batch(0))) <= set(NAMES)


def test_each_of_a_picture_s_entities_is_drawn_as_often(train_pictures: DecodedPictures) -> None:
    classes = np.array([[0, 1, 2], [3, -1, -1]])
    two = Samples(train_pictures, np.arange(2), classes, VOCABULARY, Counter())
    drawn = Counter(
        int(t)
        for batch in loader(two, BatchPartition(2)).batches(0, 600)
        for t in (batch.target if batch.target is not None else [])
    )
    assert drawn[3] == 600
    assert [drawn[n] / 600 for n in range(3)] == pytest.approx([1 / 3] * 3, abs=0.08)


def test_the_thread_ends_when_the_reader_stops_early(samples: Samples) -> None:
    import threading

    batches = loader(samples, BatchPartition(8)).batches(0, 1000)
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]
