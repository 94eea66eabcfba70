"""Exact duplicates: one picture of equal bytes stays, with the entities of most of its copies."""

from collections import Counter

import numpy as np

from components.curate.format import CONTRADICTED, DUPLICATE
from components.curate.pictures import Pictures, Whole, starts_of


def drop_duplicates(pictures: Pictures) -> tuple[Pictures, Counter[str]]:
    """Keeps the first picture (by key) of equal bytes; returns what stays, and drops by reason.

    Its entities are those of more than half of the labelled copies, sorted by votes, then as ranked
    by the first copies. If no entity has a majority, as with a placeholder image that appears under
    a thousand alt texts, the picture is dropped as contradicted.
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
    """Groups of equal bytes: each picture's group [n] and each group's first picture [g], int64.

    Groups are numbered in order of their first pictures.
    """
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
    """The (group, entity) pairs with a majority, by group, best first, of pairs by key and rank."""
    positions = np.arange(len(groups))
    order = np.lexsort((positions, entities, groups))
    sorted_groups, sorted_entities = groups[order], entities[order]
    changes = (sorted_groups[1:] != sorted_groups[:-1]) | (sorted_entities[1:] != sorted_entities[:-1])
    starts = np.flatnonzero(np.concatenate([[True], changes])[: len(order)])
    votes = np.diff(np.append(starts, len(order)))
    owner, entity, seen = sorted_groups[starts], sorted_entities[starts], order[starts]
    wins = 2 * votes > sizes[owner]
    owner, entity, seen, votes = owner[wins], entity[wins], seen[wins], votes[wins]
    best_first = np.lexsort((seen, -votes, owner))
    return owner[best_first], entity[best_first]
