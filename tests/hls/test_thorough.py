"""The properties of formats, rounding and ranges once more, each with 2,000 examples.

The modules that state them run each with a few examples in the fast tier.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import test_correlated_ranges as correlated
import test_formats as formats
import test_fusion as fusion
import test_operations as operations
import test_ranges as ranges
import test_rounding as rounding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import SAMPLES

pytestmark = pytest.mark.slow

EXAMPLES = 2000
seeds = st.integers(0, 2**32 - 1)
values, fractions, fmt, mode = (
    rounding.integers,
    rounding.fractions,
    rounding.formats,
    rounding.roundings,
)

# property -> what to draw for it
PROPERTIES: dict[Callable[..., None], tuple[st.SearchStrategy[Any], ...]] = {
    formats.test_smallest_holds_the_range_and_one_bit_less_does_not: (
        formats.integers,
        formats.integers,
        st.integers(-8, 24),
    ),
    rounding.test_quantisers_round_and_saturate_as_fractions_do: (
        values,
        fractions,
        fmt,
        mode,
        st.booleans(),
    ),
    rounding.test_qonnx_gives_the_same_values: (values, st.integers(0, 12), fmt, mode),
    rounding.test_quantising_twice_is_quantising_once: (values, fractions, fmt, mode),
    rounding.test_order_is_kept: (st.lists(st.integers(-99999, 99999), min_size=2), fractions, fmt),
    rounding.test_half_a_step_in_the_bias_rounds_half_up: (values, st.integers(1, 10)),
    ranges.test_dense_accumulator_is_exactly_wide_enough: (seeds,),
    ranges.test_conv_accumulator_is_exactly_wide_enough: (seeds,),
    correlated.test_the_width_is_the_smallest: (st.sampled_from(correlated.EXACT), seeds),
    correlated.test_what_a_quantiser_drops_is_never_negative: (seeds,),
    correlated.test_no_value_of_a_random_expression_lies_outside: (seeds,),
    correlated.test_instance_norm_reaches_its_ends_and_a_scale_behind_them: (seeds,),
    correlated.test_the_energy_of_normalised_pixels_is_bounded_by_their_number: (seeds,),
    correlated.test_prototypes_on_the_sphere_are_bounded_by_their_length: (seeds,),
    operations.test_emulator_equals_python_integers_within_the_proven_range: (
        st.sampled_from(list(SAMPLES)),
        seeds,
    ),
    fusion.test_random_chains_give_the_same_integers: (seeds,),
}


@pytest.mark.parametrize("prop", PROPERTIES, ids=lambda prop: prop.__name__)
def test_two_thousand_examples(prop: Any) -> None:
    drawn = 0

    def counted(*arguments: Any) -> None:
        nonlocal drawn
        drawn += 1
        prop.hypothesis.inner_test(*arguments)

    thorough = settings(
        max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    strategies = PROPERTIES[prop]
    thorough(given(st.tuples(*strategies))(lambda drawing: counted(*drawing)))()
    assert drawn >= EXAMPLES
