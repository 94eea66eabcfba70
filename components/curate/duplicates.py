"""Exact duplicates: one picture of equal bytes stays, with the entities that most of its copies agree on."""

from collections import Counter

import numpy as np

from components.curate.format import CONTRADICTED, DUPLICATE
from components.curate.pictures import Pictures, Whole, starts_of


def drop_duplicates(pictures: Pictures) -> tuple[Pictures, Counter[str]]:
    """Keeps the first picture of equal bytes (by key); returns what stays, and what was dropped by reason.

    Its entities are those that more than half of the labelled copies have, most votes first, then as the first copies rank
    them. So a placeholder that a web shows under a thousand different alt texts is nobody's picture: if no entity has a
    majority, the picture is dropped as contradicted.
    """
    group, first = _groups(pictures)
    sizes = np.bincount(group, minlength=len(first))
    owners, entities = _majority(group[pictures.owners], pictures.entities, sizes)
    lengths = np.bincount(owners, minlength=len(first))
    agreed = lengths > 0
    chosen = first[agreed]
    kept = Pictures(
        pictures.shard[chosen], pictures.row[chosen], pictures.digest[chosen], starts_of(lengths[agreed]), entities
    )
    return kept, Counter({DUPLICATE: len(pictures) - len(first), CONTRADICTED: len(first) - len(chosen)})


def _groups(pictures: Pictures) -> tuple[Whole, Whole]:
    """Each picture's group of equal bytes, int64 [n], and each group's first picture, int64 [g]; groups by first picture."""
    count = len(pictures)
    order = np.lexsort((np.arange(count), *pictures.digest.T[::-1]))
    sorted_digests = pictures.digest[order]
    new = np.concatenate([[True], (sorted_digests[1:] != sorted_digests[:-1]).any(axis=1)])[:count]
    firsts = order[new]
    ranks = np.empty(len(firsts), dtype=np.int64)
    ranks[np.argsort(firsts)] = np.arange(len(firsts))
    group = np.empty(count, dtype=np.int64)
    group[order] = ranks[np.cumsum(new) - 1]
    return group, np.sort(firsts).astype(np.int64)


def _majority(groups: Whole, entities: Whole, sizes: Whole) -> tuple[Whole, Whole]:
    """Labels as (group, entity) pairs in key order and rank → the pairs with a majority: best first, group after group."""
    place = np.arange(len(groups))
    order = np.lexsort((place, entities, groups))
    sorted_groups, sorted_entities = groups[order], entities[order]
    changes = (sorted_groups[1:] != sorted_groups[:-1]) | (sorted_entities[1:] != sorted_entities[:-1])
    begins = np.flatnonzero(np.concatenate([[True], changes])[: len(order)])
    votes = np.diff(np.append(begins, len(order)))
    owner, entity, seen = sorted_groups[begins], sorted_entities[begins], order[begins]
    wins = 2 * votes > sizes[owner]
    owner, entity, seen, votes = owner[wins], entity[wins], seen[wins], votes[wins]
    best_first = np.lexsort((seen, -votes, owner))
    return owner[best_first], entity[best_first]
