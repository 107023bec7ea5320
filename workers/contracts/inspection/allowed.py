"""The published list of what a pickle may name: data and the estimators of known libraries, and nothing that runs code.

A pickle is a program: it imports names and calls them. Whoever loads one runs it. What it names is compared with this
list; one name outside it makes the file executable.
"""

from __future__ import annotations

import re
from typing import Final


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ALLOWED: Final[dict[str, frozenset[str]]] = {
    "builtins": words("bool bytearray bytes complex dict float frozenset int list object range set slice str tuple"),
    "_codecs": frozenset({"encode"}),
    "collections": frozenset({"Counter", "OrderedDict", "defaultdict", "deque"}),
    "copyreg": frozenset({"_reconstructor"}),
    "datetime": frozenset({"date", "datetime", "time", "timedelta", "timezone"}),
    "decimal": frozenset({"Decimal"}),
    "fractions": frozenset({"Fraction"}),
    "uuid": frozenset({"UUID"}),
    "numpy": words(
        "dtype ndarray bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64"
        " complex128 str_ bytes_ datetime64 timedelta64"
    ),
    "numpy.core.multiarray": frozenset({"_reconstruct", "scalar"}),
    "numpy._core.multiarray": frozenset({"_reconstruct", "scalar"}),
    "numpy.core.numeric": frozenset({"_frombuffer"}),
    "numpy._core.numeric": frozenset({"_frombuffer"}),
    "numpy.ma.core": frozenset({"MaskedArray", "_mareconstruct"}),
    "numpy.random._pickle": frozenset({"__bit_generator_ctor", "__generator_ctor", "__randomstate_ctor"}),
    "numpy.random._mt19937": frozenset({"MT19937"}),
    "numpy.random._pcg64": frozenset({"PCG64"}),
    "numpy.random.bit_generator": frozenset({"SeedSequence", "__pyx_unpickle_SeedSequence"}),
    "joblib.numpy_pickle": frozenset({"NumpyArrayWrapper"}),
    "scipy.sparse._csr": frozenset({"csr_array", "csr_matrix"}),
    "scipy.sparse._csc": frozenset({"csc_array", "csc_matrix"}),
    "scipy.sparse._coo": frozenset({"coo_array", "coo_matrix"}),
    "torch": words(
        "BFloat16Storage BoolStorage ByteStorage CharStorage DoubleStorage FloatStorage HalfStorage IntStorage"
        " LongStorage ShortStorage Size Tensor device dtype bfloat16 bool float16 float32 float64 int16 int32 int64"
        " int8 uint8 complex64 complex128 float8_e4m3fn float8_e5m2"
    ),
    "torch.storage": frozenset({"TypedStorage", "UntypedStorage"}),
    "torch.nn.parameter": frozenset({"Parameter"}),
    "torch._utils": words(
        "_rebuild_parameter _rebuild_parameter_with_state _rebuild_sparse_tensor _rebuild_tensor _rebuild_tensor_v2"
        " _rebuild_tensor_v3 _rebuild_qtensor"
    ),
    "torch.serialization": frozenset({"_get_layout"}),
    "torch.jit._pickle": words(
        "build_boollist build_doublelist build_intlist build_tensor_from_id build_tensorlist restore_type_tag"
    ),
    "xgboost.core": frozenset({"Booster"}),
    "xgboost.sklearn": frozenset({"XGBClassifier", "XGBRegressor", "XGBRanker", "XGBModel"}),
    "lightgbm.basic": frozenset({"Booster"}),
    "lightgbm.sklearn": frozenset({"LGBMClassifier", "LGBMModel", "LGBMRanker", "LGBMRegressor"}),
}
"""Module → names."""
OLD_NAMES: Final = {"__builtin__": "builtins", "copy_reg": "copyreg"}
"""Of Python 2, by which pickles of protocol 2 and below still say it."""
SKLEARN: Final = words(
    "_loss base calibration cluster compose covariance cross_decomposition decomposition discriminant_analysis dummy"
    " ensemble feature_extraction feature_selection gaussian_process impute isotonic kernel_approximation kernel_ridge"
    " linear_model manifold mixture multiclass multioutput naive_bayes neighbors neural_network pipeline preprocessing"
    " random_projection semi_supervised svm tree"
)
"""Packages of scikit-learn whose classes are allowed, also from their own inner modules."""
NOT_OF_SKLEARN: Final = words("ABC ABCMeta Memory MemorizedFunc Parallel Path ThreadPool ThreadPoolExecutor")
"""Classes that some of these modules import from elsewhere."""
TREES: Final = words("sklearn.neighbors._ball_tree sklearn.neighbors._kd_tree sklearn.metrics._dist_metrics")
"""What scikit-learn compiled, and pickles by functions: `newObj` makes an object of a class, empty."""
_DISTANCE: Final = re.compile(r"(?!PyFunc)[A-Z][A-Za-z]*Distance[0-9]*")
_LOSS: Final = re.compile(r"__pyx_unpickle_Cy[A-Za-z]+")
SCRIPT: Final = re.compile(r"__torch__(\.\w+)*")
"""Modules of TorchScript: names of its own types, which no Python module can have."""
_CLASS: Final = re.compile(r"_?[A-Z][A-Za-z0-9]*")


def is_allowed(module: str, name: str) -> bool:
    """Whether a pickle may name this. A name with a dot reaches into an object, and never may."""
    module = OLD_NAMES.get(module, module)
    if name in ALLOWED.get(module, frozenset()):
        return True
    if SCRIPT.fullmatch(module):
        return True
    if module in TREES and (name == "newObj" or _DISTANCE.fullmatch(name)):
        return True
    if module == "sklearn._loss._loss" and _LOSS.fullmatch(name):
        return True
    parts = module.split(".")
    is_sklearn = parts[0] == "sklearn" and len(parts) > 1 and parts[1] in SKLEARN and "tests" not in parts
    return is_sklearn and name not in NOT_OF_SKLEARN and _CLASS.fullmatch(name) is not None
