"""Who lies about what: the check that must catch it, how, and which others may notice.

One line in `LIES` for each lie; the tests and `trysquare selftest` read the same table.
"""

from __future__ import annotations

from dataclasses import dataclass

from trysquare.result import Check, Outcome, Symptom

CASES, VALUES, GRADIENTS = Check.CASES, Check.VALUES, Check.GRADIENTS
DEFAULTS, REDUCTIONS, INPLACE, RANDOMNESS = (
    Check.DEFAULTS,
    Check.REDUCTIONS,
    Check.INPLACE,
    Check.RANDOMNESS,
)
PROPERTIES = Check.PROPERTIES
SWEEP, HUNT = Check.SWEEP, Check.HUNT
INVARIANCE, EDGES, ERRORS = Check.INVARIANCE, Check.EDGES, Check.ERRORS
LIMITS, SECOND = Check.LIMITS, Check.SECOND


@dataclass(frozen=True)
class Lie:
    """A liar, the function and dtype it lies about, who catches it how, and who else may notice.

    `shows` is the symptom of a divergence, or the outcome of an accident, which may cost one case
    and no other.
    """

    liar: str
    function: str
    check: Check
    shows: Symptom | Outcome
    also: frozenset[Check] = frozenset()
    dtype: str = "float32"

    def __str__(self) -> str:
        return f"{self.liar}-{self.function}-{self.dtype}-{self.check}"


def lie(
    liar: str,
    function: str,
    check: Check,
    shows: Symptom | Outcome,
    *also: Check,
    dtype: str = "float32",
) -> Lie:
    """Return a lie; `also` are the checks that may notice it."""
    return Lie(liar, function, check, shows, frozenset(also), dtype)


LIES = (
    # one number among all
    lie("one_number_is_off", "sigmoid", SWEEP, Symptom.INACCURATE, HUNT),
    lie(
        "beyond_the_limit",
        "sigmoid",
        SWEEP,
        Symptom.INACCURATE,
        EDGES,
        CASES,
        VALUES,
        DEFAULTS,
        HUNT,
        PROPERTIES,
    ),
    lie("infinity_becomes_nan", "relu", SWEEP, Symptom.NAN, CASES, VALUES, INPLACE),
    # a few among endlessly many
    lie(
        "is_off_in_a_narrow_interval",
        "sigmoid",
        HUNT,
        Symptom.INACCURATE,
        VALUES,
        dtype="float64",
    ),
    lie(
        "beyond_the_limit",
        "elu",
        HUNT,
        Symptom.INACCURATE,
        EDGES,
        CASES,
        VALUES,
        DEFAULTS,
        INPLACE,
        PROPERTIES,
        LIMITS,
    ),
    # numbers
    lie(
        "off_by_one_ulp",
        "relu",
        VALUES,
        Symptom.INACCURATE,
        EDGES,
        CASES,
        DEFAULTS,
        INPLACE,
        PROPERTIES,
    ),
    lie(
        "off_by_one_ulp",
        "relu",
        VALUES,
        Symptom.INACCURATE,
        CASES,
        INPLACE,
        PROPERTIES,
        dtype="bfloat16",
    ),
    lie(
        "beyond_the_limit",
        "sigmoid",
        VALUES,
        Symptom.INACCURATE,
        EDGES,
        CASES,
        DEFAULTS,
        PROPERTIES,
    ),
    lie("beyond_the_limit", "elu", VALUES, Symptom.INACCURATE, CASES, PROPERTIES, dtype="float16"),
    lie("drops_negative_zero", "elu", CASES, Symptom.SIGN_OF_ZERO),
    lie("drops_negative_zero", "gelu", CASES, Symptom.SIGN_OF_ZERO),
    lie("drops_negative_zero", "softsign", CASES, Symptom.SIGN_OF_ZERO, dtype="float64"),
    lie("multiplies_by_a_mask", "relu", CASES, Symptom.SIGN_OF_ZERO, VALUES, INPLACE),
    lie("multiplies_by_a_mask", "relu", VALUES, Symptom.NAN, CASES, INPLACE),
    lie("nan_becomes_zero", "relu", CASES, Symptom.NAN, EDGES, VALUES, INPLACE),
    lie("nan_becomes_zero", "mse_loss", CASES, Symptom.NAN, EDGES, VALUES),
    lie("infinity_becomes_nan", "elu", CASES, Symptom.NAN, VALUES, LIMITS),
    lie("infinity_becomes_nan", "l1_loss", CASES, Symptom.NAN, VALUES, PROPERTIES),
    lie("infinity_becomes_nan", "mse_loss", CASES, Symptom.NAN, VALUES, PROPERTIES),
    lie("infinity_becomes_nan", "bce_loss", CASES, Symptom.NAN, EDGES, VALUES, PROPERTIES),
    lie("infinity_becomes_largest", "relu", CASES, Symptom.INFINITY, VALUES, INPLACE),
    lie("infinity_becomes_largest", "mse_loss", VALUES, Symptom.INFINITY, CASES),
    lie(
        "one_element_is_a_constant",
        "sigmoid",
        VALUES,
        Symptom.INACCURATE,
        PROPERTIES,
        dtype="float16",
    ),
    lie("flushes_and_denies_it", "sigmoid", CASES, Symptom.LOST, VALUES),
    lie("flushes_and_denies_it", "relu", VALUES, Symptom.LOST, CASES, PROPERTIES, dtype="bfloat16"),
    # who says that it flushes may lose what is subnormal, and no more
    lie("doubles_what_may_be_flushed", "silu", CASES, Symptom.INACCURATE, VALUES, PROPERTIES),
    lie("doubles_what_may_be_flushed", "mish", VALUES, Symptom.INACCURATE, CASES, PROPERTIES),
    lie("loses_the_tail", "sigmoid", VALUES, Symptom.LOST, CASES, DEFAULTS, PROPERTIES),
    lie("cancels_near_zero", "elu", VALUES, Symptom.LOST, CASES, DEFAULTS),
    lie("overflows_in_the_tail", "sigmoid", CASES, Symptom.LOST, VALUES),
    lie("adds_erf_to_one", "gelu", VALUES, Symptom.LOST, CASES),
    lie("adds_erf_to_one", "gelu", CASES, Symptom.LOST, VALUES, dtype="float64"),
    lie("takes_log_of_softmax", "log_softmax", VALUES, Symptom.INFINITY, CASES, DEFAULTS),
    lie("takes_log_of_softmax", "log_softmax", CASES, Symptom.LOST, VALUES, DEFAULTS),
    lie("clamps_the_logarithm", "bce_loss", CASES, Symptom.INFINITY, EDGES, VALUES),
    # its answer is that of the call before of this shape, and samples of properties share a shape
    lie(
        "remembers_too_much",
        "sigmoid",
        CASES,
        Symptom.INACCURATE,
        INVARIANCE,
        VALUES,
        DEFAULTS,
        PROPERTIES,
    ),
    # elementary functions
    lie("drops_negative_zero", "sqrt", CASES, Symptom.SIGN_OF_ZERO),
    lie("off_by_one_ulp", "sqrt", VALUES, Symptom.INACCURATE, EDGES, CASES, DEFAULTS, PROPERTIES),
    lie("flushes_and_denies_it", "exp", CASES, Symptom.LOST, VALUES, DEFAULTS, PROPERTIES),
    lie("flushes_and_denies_it", "erfc", CASES, Symptom.LOST, VALUES, dtype="float16"),
    lie("infinity_becomes_nan", "log", CASES, Symptom.NAN, VALUES),
    lie("nan_becomes_zero", "log1p", CASES, Symptom.NAN, EDGES, VALUES),
    lie("infinity_becomes_largest", "expm1", VALUES, Symptom.INFINITY, CASES),
    lie("beyond_the_limit", "log", VALUES, Symptom.INACCURATE, EDGES, CASES, DEFAULTS, PROPERTIES),
    lie("ignores_the_cotangent", "tanh", GRADIENTS, Symptom.INACCURATE),
    # sums
    lie(
        "divides_by_rows", "huber_loss", REDUCTIONS, Symptom.INACCURATE, CASES, DEFAULTS, PROPERTIES
    ),
    lie(
        "means_for_sums",
        "mse_loss",
        REDUCTIONS,
        Symptom.INACCURATE,
        EDGES,
        CASES,
        GRADIENTS,
        PROPERTIES,
    ),
    lie(
        "means_for_sums",
        "mse_loss",
        GRADIENTS,
        Symptom.INACCURATE,
        EDGES,
        CASES,
        REDUCTIONS,
        PROPERTIES,
    ),
    lie("misreads_old_arguments", "mse_loss", REDUCTIONS, Symptom.INACCURATE),
    lie("misreads_old_arguments", "l1_loss", REDUCTIONS, Symptom.SHAPE),
    lie("accumulates_in_float32", "mse_loss", REDUCTIONS, Symptom.INACCURATE, dtype="float64"),
    lie("accumulates_narrowly", "softmax", VALUES, Symptom.INACCURATE, EDGES, dtype="bfloat16"),
    lie("accumulates_narrowly", "softmax", VALUES, Symptom.INACCURATE, EDGES, dtype="float16"),
    # elsewhere
    lie("rounds_the_tail_otherwise", "sigmoid", INVARIANCE, Symptom.BITS),
    lie("rounds_the_tail_otherwise", "bce_loss", INVARIANCE, Symptom.BITS, CASES, dtype="bfloat16"),
    lie("walks_memory_otherwise", "softplus", INVARIANCE, Symptom.BITS),
    # one ULP at every other call is beyond an end of a range, and beyond the half of an ULP that a
    # subnormal huber_loss may be off
    lie("never_says_it_twice", "tanh", INVARIANCE, Symptom.BITS, PROPERTIES),
    lie("never_says_it_twice", "huber_loss", INVARIANCE, Symptom.BITS, VALUES, EDGES, PROPERTIES),
    lie("derives_rows_alone_otherwise", "log_softmax", INVARIANCE, Symptom.BITS),
    # edges
    lie("counts_in_its_own_format", "mse_loss", EDGES, Symptom.LOST, CASES, dtype="float16"),
    # a sum of a hundred is no longer that of its elements
    lie(
        "adds_up_narrowly",
        "l1_loss",
        EDGES,
        Symptom.INACCURATE,
        REDUCTIONS,
        PROPERTIES,
        dtype="bfloat16",
    ),
    lie("leaves_nothing_uninitialized", "huber_loss", EDGES, Symptom.NAN, CASES),
    lie("weighs_nothing_as_one", "bce_loss", EDGES, Symptom.INACCURATE, CASES),
    lie("spreads_a_nan", "sigmoid", EDGES, Symptom.NAN, VALUES, INVARIANCE),
    lie("multiplies_by_what_is_kept", "cross_entropy_loss", EDGES, Symptom.NAN, CASES, INVARIANCE),
    lie("fills_masks_with_nan", "softmax", EDGES, Symptom.NAN, CASES, LIMITS),
    lie("derives_ends_as_zero", "bce_loss", EDGES, Symptom.INFINITY, GRADIENTS),
    # errors
    lie("accepts_anything", "huber_loss", ERRORS, Symptom.ACCEPTED, CASES),
    lie("broadcasts_silently", "smooth_l1_loss", ERRORS, Symptom.ACCEPTED),
    lie("counts_classes_from_the_end", "cross_entropy_loss", ERRORS, Symptom.ACCEPTED, CASES),
    lie("wraps_the_axis", "softmax", ERRORS, Symptom.ACCEPTED, CASES),
    lie("refuses_only_forwards", "mse_loss", ERRORS, Symptom.ACCEPTED),
    # properties
    # where 1 is the nearest number but not the truth, the next number is more than two ULP away
    lie("exceeds_one", "sigmoid", PROPERTIES, Symptom.RANGE, VALUES),
    lie("has_a_dent", "sigmoid", PROPERTIES, Symptom.COURSE, VALUES),
    lie("rounds_the_left_otherwise", "tanh", PROPERTIES, Symptom.IDENTITY),
    lie(
        "depends_on_the_shift",
        "softmax",
        PROPERTIES,
        Symptom.IDENTITY,
        VALUES,
        CASES,
        DEFAULTS,
        LIMITS,
    ),
    lie(
        "divides_the_mean_by_one_less",
        "l1_loss",
        PROPERTIES,
        Symptom.IDENTITY,
        REDUCTIONS,
        CASES,
        DEFAULTS,
    ),
    # a masked element has no gradient
    lie("lifts_the_gradient", "softmax", PROPERTIES, Symptom.IDENTITY, GRADIENTS, LIMITS, EDGES),
    # form
    lie("returns_float64", "sigmoid", VALUES, Symptom.DTYPE, EDGES, CASES, DEFAULTS, PROPERTIES),
    lie(
        "adds_a_dimension",
        "elu",
        VALUES,
        Symptom.SHAPE,
        INVARIANCE,
        EDGES,
        CASES,
        DEFAULTS,
        PROPERTIES,
        LIMITS,
    ),
    lie("drops_a_dimension", "prelu", CASES, Symptom.SHAPE, INVARIANCE),
    lie(
        "overwrites_its_input",
        "relu",
        VALUES,
        Symptom.MUTATED,
        INVARIANCE,
        EDGES,
        CASES,
        DEFAULTS,
        PROPERTIES,
    ),
    lie(
        "overwrites_the_target",
        "mse_loss",
        VALUES,
        Symptom.MUTATED,
        INVARIANCE,
        EDGES,
        CASES,
        DEFAULTS,
        REDUCTIONS,
        PROPERTIES,
    ),
    lie("raises_on_nothing", "sigmoid", CASES, Symptom.RAISED, EDGES),
    lie("accepts_anything", "huber_loss", CASES, Symptom.ACCEPTED, ERRORS),
    # arguments
    lie("halves_the_default", "elu", DEFAULTS, Symptom.INACCURATE),
    lie("sums_by_default", "l1_loss", DEFAULTS, Symptom.INACCURATE),
    lie("first_axis_by_default", "softmax", DEFAULTS, Symptom.INACCURATE),
    lie("ignores_alpha", "elu", VALUES, Symptom.INACCURATE, CASES, GRADIENTS, PROPERTIES, LIMITS),
    lie(
        "ignores_the_approximation",
        "gelu",
        VALUES,
        Symptom.INACCURATE,
        ERRORS,
        CASES,
        GRADIENTS,
        LIMITS,
        SECOND,
    ),
    lie(
        "ignores_the_approximation",
        "gelu",
        CASES,
        Symptom.ACCEPTED,
        ERRORS,
        VALUES,
        GRADIENTS,
        LIMITS,
        SECOND,
    ),
    lie("ignores_the_threshold", "softplus", VALUES, Symptom.INACCURATE, CASES, GRADIENTS, LIMITS),
    lie(
        "ignores_the_axis",
        "log_softmax",
        CASES,
        Symptom.ACCEPTED,
        ERRORS,
        VALUES,
        GRADIENTS,
        PROPERTIES,
    ),
    lie(
        "ignores_the_weight",
        "bce_loss",
        REDUCTIONS,
        Symptom.INACCURATE,
        ERRORS,
        EDGES,
        CASES,
        GRADIENTS,
        VALUES,
        PROPERTIES,
    ),
    lie(
        "ignores_the_weight",
        "cross_entropy_loss",
        REDUCTIONS,
        Symptom.INACCURATE,
        ERRORS,
        EDGES,
        CASES,
        VALUES,
        GRADIENTS,
    ),
    # rows to be ignored are among the samples of all checks that have an index
    lie(
        "ignores_no_index",
        "cross_entropy_loss",
        CASES,
        Symptom.RAISED,
        EDGES,
        VALUES,
        GRADIENTS,
        PROPERTIES,
        DEFAULTS,
        INVARIANCE,
        REDUCTIONS,
    ),
    lie(
        "ignores_no_index",
        "cross_entropy_loss",
        VALUES,
        Symptom.INACCURATE,
        EDGES,
        CASES,
        GRADIENTS,
        PROPERTIES,
        DEFAULTS,
        INVARIANCE,
        REDUCTIONS,
    ),
    lie("speaks_celu", "elu", VALUES, Symptom.INACCURATE, CASES, PROPERTIES, LIMITS),
    lie("multiplies_infinity_by_zero", "gelu", CASES, Symptom.NAN, VALUES),
    lie("multiplies_infinity_by_zero", "silu", VALUES, Symptom.NAN, CASES),
    lie("multiplies_infinity_by_zero", "mish", CASES, Symptom.NAN, VALUES),
    lie("approximates_unasked", "gelu", CASES, Symptom.INACCURATE, EDGES, VALUES, DEFAULTS),
    lie("cuts_at_twenty", "softplus", VALUES, Symptom.INACCURATE, CASES, dtype="float64"),
    lie(
        "holds_constants_in_single_precision",
        "selu",
        VALUES,
        Symptom.INACCURATE,
        CASES,
        INPLACE,
        dtype="float64",
    ),
    # sums are asked with every value of beta that the spec names
    lie(
        "speaks_huber",
        "smooth_l1_loss",
        CASES,
        Symptom.INACCURATE,
        VALUES,
        PROPERTIES,
        LIMITS,
        REDUCTIONS,
    ),
    # gradients
    lie("two_at_the_kink", "relu", GRADIENTS, Symptom.INACCURATE),
    lie("two_at_the_kink", "selu", GRADIENTS, Symptom.INACCURATE),
    lie("ignores_the_cotangent", "sigmoid", GRADIENTS, Symptom.INACCURATE),
    lie("descends_upwards", "huber_loss", GRADIENTS, Symptom.INACCURATE, LIMITS),
    lie("gradient_in_float64", "elu", GRADIENTS, Symptom.DTYPE, EDGES, LIMITS),
    lie("sums_the_gradient", "elu", GRADIENTS, Symptom.SHAPE, EDGES, INVARIANCE, LIMITS),
    # limits, and second derivatives
    lie("derives_once_only", "sigmoid", SECOND, Symptom.LOST),
    lie("derives_infinity_as_nan", "hard_tanh", LIMITS, Symptom.NAN),
    lie("derives_infinity_as_one", "softsign", LIMITS, Symptom.INACCURATE),
    lie("derives_both_branches", "elu", LIMITS, Symptom.NAN, GRADIENTS),
    lie("clamps_the_parameter", "elu", LIMITS, Symptom.INACCURATE),
    # in place
    lie("copies_instead", "relu", INPLACE, Symptom.STORAGE, INVARIANCE),
    lie("returns_the_input", "relu", INPLACE, Symptom.INACCURATE, INVARIANCE),
    lie("spoils_a_saved_tensor", "relu", INPLACE, Symptom.ACCEPTED),
    lie("spoils_a_saved_tensor", "rrelu", INPLACE, Symptom.ACCEPTED),
    # draws
    lie("draws_out_of_bounds", "rrelu", RANDOMNESS, Symptom.DISTRIBUTION),
    lie("draws_unevenly", "rrelu", RANDOMNESS, Symptom.DISTRIBUTION),
    lie("draws_the_mean", "rrelu", RANDOMNESS, Symptom.DISTRIBUTION),
    lie("draws_once", "rrelu", RANDOMNESS, Symptom.DISTRIBUTION),
    lie("draws_in_pairs", "rrelu", RANDOMNESS, Symptom.DISTRIBUTION),
    lie("draws_in_order", "rrelu", RANDOMNESS, Symptom.DISTRIBUTION),
    # accidents: a process that ends, one that never answers, converters that change bits
    lie("segfaults", "relu", CASES, Outcome.CRASHED),
    lie("leaves", "relu", CASES, Outcome.CRASHED),
    lie("hangs", "relu", CASES, Outcome.TIMED_OUT),
    # whoever is unfit to be judged is told so by every check
    lie("has_one_nan", "relu", CASES, Outcome.ERRORED, *Check),
    lie("has_one_zero", "relu", CASES, Outcome.ERRORED, *Check),
    lie("counts_in_float64", "nll_loss", CASES, Outcome.ERRORED, *Check),
)

WITHIN_THE_LIMIT = (
    lie("almost_at_the_limit", "sigmoid", VALUES, Outcome.CONFORMS),
    lie("almost_at_the_limit", "elu", VALUES, Outcome.CONFORMS),
    lie("flushes_on_the_way", "silu", CASES, Outcome.CONFORMS),
    lie("flushes_on_the_way", "mish", VALUES, Outcome.CONFORMS),
    lie("almost_at_the_limit", "sigmoid", SWEEP, Outcome.CONFORMS),
    lie("almost_at_the_limit", "elu", HUNT, Outcome.CONFORMS),
)
"""What is allowed, and must pass."""
