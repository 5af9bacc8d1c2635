import pytest
import torch
from torch import Tensor

from trigforge.train.nae.replay import ReplayBuffer


def fresh(count: int, generator: torch.Generator) -> Tensor:
    return -torch.ones(count, 2)


def points(*values: float) -> Tensor:
    return torch.tensor([[v, v] for v in values])


def ages(*values: int) -> Tensor:
    return torch.tensor(values)


def test_an_empty_buffer_gives_fresh_points() -> None:
    start = ReplayBuffer(4, 1.0, fresh).draw(3, torch.Generator())
    assert torch.equal(start.points, -torch.ones(3, 2))
    assert start.ages.tolist() == [0, 0, 0]


def test_the_oldest_make_room() -> None:
    buffer = ReplayBuffer(3, 1.0, fresh)
    buffer.push(points(1, 2), ages(1, 1))
    assert len(buffer) == 2
    buffer.push(points(3, 4), ages(2, 3))
    assert len(buffer) == 3
    drawn = buffer.draw(500, torch.Generator().manual_seed(1))
    assert sorted(set(drawn.points[:, 0].tolist())) == [2, 3, 4]
    found = dict(zip(drawn.points[:, 0].tolist(), drawn.ages.tolist(), strict=True))
    assert found == {2.0: 1, 3.0: 2, 4.0: 3}
    assert buffer.mean_age == 2.0


def test_more_points_than_fit_keep_the_last() -> None:
    buffer = ReplayBuffer(2, 1.0, fresh)
    buffer.push(points(1, 2, 3), ages(1, 1, 1))
    drawn = buffer.draw(100, torch.Generator().manual_seed(1)).points[:, 0]
    assert sorted(set(drawn.tolist())) == [2, 3]


def test_the_fraction_of_replayed_points() -> None:
    buffer = ReplayBuffer(10, 0.95, fresh)
    buffer.push(points(*range(10)), torch.ones(10, dtype=torch.int64))
    drawn = buffer.draw(20_000, torch.Generator().manual_seed(1))
    replayed = drawn.points[:, 0] >= 0
    assert torch.equal(replayed, drawn.ages == 1)
    fraction = float(replayed.double().mean())
    assert abs(fraction - 0.95) < 5 * (0.95 * 0.05 / 20_000) ** 0.5
    counts = torch.bincount(drawn.points[replayed, 0].long(), minlength=10).double()
    assert float(((counts - counts.mean()) ** 2 / counts.mean()).sum()) < 40  # chi-squared, 9


def test_a_restored_buffer_goes_on_alike() -> None:
    buffer = ReplayBuffer(5, 0.9, fresh)
    buffer.push(points(1, 2, 3, 4), ages(1, 2, 3, 4))
    buffer.push(points(5, 6), ages(5, 6))
    other = ReplayBuffer(5, 0.9, fresh)
    other.load_state(buffer.state())
    for one in (buffer, other):
        one.push(points(7), ages(7))
    a, b = (one.draw(50, torch.Generator().manual_seed(3)) for one in (buffer, other))
    assert torch.equal(a.points, b.points) and torch.equal(a.ages, b.ages)
    empty = ReplayBuffer(5, 0.9, fresh)
    empty.load_state(ReplayBuffer(5, 0.9, fresh).state())
    assert len(empty) == 0 and empty.mean_age == 0


@pytest.mark.parametrize(("capacity", "replay"), [(0, 0.5), (1, 1.5)])
def test_wrong_sizes_are_refused(capacity: int, replay: float) -> None:
    with pytest.raises(ValueError, match="expected at least 1"):
        ReplayBuffer(capacity, replay, fresh)
