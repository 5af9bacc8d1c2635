from collections import Counter

import torch

from trigforge.train.augmentation import Augmentation, draw_augmentation, overlay


def test_roll_is_periodic_in_phi_and_flip_mirrors_eta() -> None:
    image = torch.arange(12).reshape(1, 4, 3)
    rolled = Augmentation(shift=1).apply(image)[0]
    assert rolled.tolist() == [[9, 10, 11], [0, 1, 2], [3, 4, 5], [6, 7, 8]]
    flipped = Augmentation(flip=True).apply(image)[0]
    assert flipped.tolist() == [[2, 1, 0], [5, 4, 3], [8, 7, 6], [11, 10, 9]]
    both = Augmentation(flip=True, shift=-1).apply(image)[0]
    assert both.tolist() == [[5, 4, 3], [8, 7, 6], [11, 10, 9], [2, 1, 0]]


def test_six_kinds_are_equally_likely_and_rolls_have_the_papers_range() -> None:
    generator = torch.Generator().manual_seed(1)
    drawn = [draw_augmentation(72, generator) for _ in range(3000)]
    kinds = Counter((a.flip, (a.shift > 0) - (a.shift < 0)) for a in drawn)
    assert len(kinds) == 6
    assert all(400 < count < 600 for count in kinds.values())
    rolls = {abs(a.shift) for a in drawn if a.shift}
    assert rolls == set(range(8, 57))


def test_the_generator_decides() -> None:
    first, again = (torch.Generator().manual_seed(5) for _ in range(2))
    assert [draw_augmentation(72, first) for _ in range(9)] == [
        draw_augmentation(72, again) for _ in range(9)
    ]


def test_overlays_are_unions_of_background_events() -> None:
    """Event i has pixel i to itself, so that the sum of an overlay counts its events."""
    masks = torch.eye(2000, dtype=torch.uint8).reshape(2000, 40, 50)
    busier = overlay(masks, torch.Generator().manual_seed(1))
    assert busier.dtype == torch.uint8
    assert bool((busier.flatten(1).diagonal() == 1).all())
    counts = Counter(busier.sum((1, 2), dtype=torch.int64).tolist())
    assert set(counts) == {1, 2, 3}
    assert abs(counts[1] - 1000) < 100 and abs(counts[3] - 500) < 80
