"""The built-in trainers of numbers, texts and pictures: what they learn, leave, refuse, and do twice alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.workers.runtime.training import grounds
from workers.runtime.context import JobContext
from workers.runtime.preprocessor import Preprocessor, RecordError
from workers.runtime.serving.predictor import Estimate, Predictor

pytestmark = pytest.mark.xdist_group("training")
regressor = partial(import_module, "workers.runtime.training.tabular_regressor")
texts = partial(import_module, "workers.runtime.training.text_classifier")
classifying = partial(import_module, "workers.runtime.training.classifying")
images = partial(import_module, "workers.runtime.training.image_classifier")
loop = partial(import_module, "workers.runtime.training.loop")
torch = partial(import_module, "torch")
KINDS = ["tabular_regressor", "text_classifier", "image_classifier"]
LOAN = {"target": "Amount", "epochs": 12, "hidden": 32, "batch_size": 32, "learning_rate": 0.005}
SHORT = {"epochs": 6, "batch_size": 24, "learning_rate": 0.01}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told_after(looks: int) -> type[JobContext]:
    """The context of a job that is told to leave once it has looked so often whether it is."""
    asked = iter([False] * looks)

    class Told(JobContext):
        @property
        def should_stop(self) -> bool:
            return next(asked, True)

    return Told


def ran(module: Any, ctx: JobContext) -> int:
    status: int = module.run(ctx)
    ctx.close()
    return status


def test_what_a_loan_is_of_is_predicted_in_its_own_unit(folder: Path) -> None:
    grounds.write_credit(folder)
    ctx, _ = grounds.job(folder, "tabular_regressor", **LOAN)
    assert ran(regressor(), ctx) == 0
    found = grounds.result(folder)
    measured = found["evaluation"]["regression"]
    assert found["metrics"] == {f"test_{name}": measured[name] for name in ("r2", "mae", "rmse")}
    assert measured["r2"] > 0.6
    assert measured["mae"] < measured["rmse"] < 400
    assert (found["evaluation"]["rows"], sum(measured["residuals"]["counts"])) == (120, 120)
    assert len(measured["actual"]) == len(measured["predicted"]) == 120
    said = json.loads(grounds.path_of(folder, "preprocessor").read_text(encoding="utf-8"))
    assert said["outputs"] == [name for name in grounds.NUMBERS if name != "Amount"]
    assert (said["label"], said["target"]) == (None, {"column": "Amount"})
    predictor = Predictor(
        grounds.path_of(folder, "model"), Preprocessor.load(grounds.path_of(folder, "preprocessor")), threshold=0.5
    )
    record = dict.fromkeys(grounds.NUMBERS, 40) | {"Home": "rent"}
    (one,), (other,) = predictor.predict([record]), predictor.predict([record | {"Amount": 9e9, "Home": None}])
    assert isinstance(one, Estimate)
    assert one == other
    with pytest.raises(RecordError, match="record 0: Price is missing"):
        predictor.predict([{name: 40 for name in said["outputs"] if name != "Price"}])


def test_a_feature_that_is_made_of_the_target_is_left_out(folder: Path, capsys: Any) -> None:
    columns = ("Income", "Amount", "Ratio", "Income_missing", "Home=own")
    document = {
        "format": "bedplate-preprocessor/2",
        "inputs": [
            {"name": "Income", "type": "number"},
            {"name": "Amount", "type": "number"},
            {"name": "Home", "type": "category"},
        ],
        "ignored": ["Name"],
        "steps": [
            {
                "kind": "derive",
                "name": "Ratio",
                "expression": "Amount / Income",
                "types": {"Amount": "float64", "Income": "float64"},
                "type": "float64",
            },
            {"kind": "impute", "numbers": {"Income": 125.0, "Amount": 7.0}, "categories": {}, "indicators": ["Income"]},
            {"kind": "standardise", "columns": {"Income": [100.0, 10.0], "Amount": [5.0, 2.0]}},
            {"kind": "one_hot", "columns": {"Home": ["own"]}},
        ],
        "not_served": [],
        "outputs": list(columns),
        "label": {"column": "Status", "mapping": {"good": 0, "bad": 1}},
        "examples": [{"Income": 1, "Amount": 2, "Home": "own", "Status": "bad"}],
    }
    rows = 60
    grounds.write(folder, {name: [float(n % 7) for n in range(rows)] for name in (*columns, "Status")})
    (folder / "bedplate-local" / "data" / "preprocessor.json").write_text(json.dumps(document))
    ctx, _ = grounds.job(folder, "tabular_regressor", target="Amount", epochs=1)
    assert ran(regressor(), ctx) == 0
    assert "left out, as they are made of Amount: Ratio" in capsys.readouterr().out
    said = json.loads(grounds.path_of(folder, "preprocessor").read_text(encoding="utf-8"))
    assert said["outputs"] == ["Income", "Income_missing", "Home=own"]
    assert said["ignored"] == ["Amount", "Name", "Status"]
    assert said["examples"] == [{"Income": 1, "Home": "own"}]
    made = Preprocessor(said).transform([{"Income": 120, "Home": "own"}, {"Amount": 3, "Status": "bad"}])
    assert made.tolist() == [[2.0, 0.0, 1.0], [2.5, 1.0, 0.0]]


def test_messages_are_told_apart_by_their_words(folder: Path) -> None:
    grounds.write_texts(folder)
    ctx, _ = grounds.job(folder, "text_classifier", **SHORT)
    assert ran(texts(), ctx) == 0
    evaluation = grounds.result(folder)["evaluation"]
    assert evaluation["accuracy"] > 0.9
    assert [one["label"] for one in evaluation["classes"]] == ["complaint", "praise", "question"]
    assert np.array(evaluation["confusion_matrix"]).shape == (3, 3)
    assert sum(map(sum, evaluation["confusion_matrix"])) == evaluation["rows"] == 48
    stored = texts().TextClassifier.load(grounds.path_of(folder, "model"), grounds.path_of(folder, "preprocessor"))
    asked = stored.predict(["broken, refund!", "LOVELY and fast", "", "退货 太差"])
    assert [label for label, _ in asked][:2] == ["complaint", "praise"]
    assert asked[3][0] == "complaint"
    assert all(1 / 3 <= chance <= 1 for _, chance in asked)


def test_pictures_are_told_apart_and_what_is_none_is_left_out(folder: Path, capsys: Any) -> None:
    grounds.write_pictures(folder)
    ctx, _ = grounds.job(folder, "image_classifier", **{**SHORT, "epochs": 16}, side=24, channels=8, blocks=2)
    assert ran(images(), ctx) == 0
    evaluation = grounds.result(folder)["evaluation"]
    assert evaluation["accuracy"] > 0.6
    assert evaluation["auc"] > 0.75
    assert "1 of them cannot be decoded" in capsys.readouterr().out
    stored = images().ImageClassifier.load(grounds.path_of(folder, "model"), grounds.path_of(folder, "preprocessor"))
    shown = grounds.pictures(30, seed=9)
    said = [label for label, _ in stored.predict([picture for _, picture in shown])]
    assert sum(label == one for label, (one, _) in zip(said, shown, strict=True)) > 18
    with pytest.raises(ValueError, match="picture 1 cannot be decoded"):
        stored.predict([shown[0][1], b"nothing"])


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_file(folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    digests: list[str] = []
    for seed in (3, 3, 4):
        place = folder / f"{len(digests)}"
        place.mkdir()
        monkeypatch.chdir(place)
        write = {"tabular_regressor": grounds.write_credit, "text_classifier": grounds.write_texts}
        write.get(kind, lambda where: grounds.write_pictures(where, 60))(place)
        more: dict[str, dict[str, Any]] = {"tabular_regressor": LOAN, "text_classifier": SHORT}
        small: dict[str, Any] = {"side": 16, "channels": 4, "blocks": 1, "dropout": 0.2}
        given = {**more.get(kind, small), "epochs": 1, "seed": seed}
        ctx, _ = grounds.job(place, kind, **given)
        assert ran(import_module(f"workers.runtime.training.{kind}"), ctx) == 0
        digests.append(grounds.artifacts(place)["model"]["sha256"])
    assert digests[0] == digests[1] != digests[2]


def task_of(folder: Path, kind: str, **given: Any) -> tuple[JobContext, dict[str, Any], Callable[[], Any]]:
    """A job of a trainer with few rows, its parameters, and what makes its task with a new model, always the same."""
    if kind == "tabular_regressor":
        grounds.write_credit(folder, 60)
        given = {"target": "Amount", "hidden": 8, **given}
    elif kind == "text_classifier":
        grounds.write_texts(folder, 60)
    else:
        grounds.write_pictures(folder, 60)
        given = {"side": 16, "channels": 4, "blocks": 1, **given}
    ctx, parameters = grounds.job(folder, kind, batch_size=8, **given)
    module = import_module(f"workers.runtime.training.{kind}")
    data = module.load_data(ctx, parameters)

    def made() -> Any:
        torch().manual_seed(1)
        if kind == "tabular_regressor":
            return module.Regression(module.Network(data.rest, hidden=8, layers=1, dropout=0.1), data)
        rows, description = data
        return classifying().Classification(module.network_of(description), rows[0], rows[1])

    return ctx, parameters, made


@pytest.mark.parametrize("kind", KINDS)
def test_the_shorter_float_is_for_the_steps_alone_and_weights_stay_whole(folder: Path, kind: str) -> None:
    weights: dict[str, list[Any]] = {}
    for precision in ("float32", "bfloat16"):
        ctx, parameters, made = task_of(folder, kind, epochs=1, precision=precision)
        task = made()
        loop().Loop(ctx, task, loop().Plan.of(parameters)).run()
        weights[precision] = list(task.model.parameters())
        (folder / "bedplate-local" / "checkpoints.jsonl").unlink()
    assert {each.dtype for each in weights["bfloat16"]} == {torch().float32}
    assert all(torch().allclose(one, other, atol=0.05) for one, other in zip(*weights.values(), strict=True)), (
        "the steps go the same way"
    )
    assert not all(torch().equal(one, other) for one, other in zip(*weights.values(), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_what_gets_no_better_ends_early_with_the_best_weights(folder: Path, kind: str) -> None:
    ctx, parameters, made = task_of(folder, kind, epochs=50, patience=2)
    task = made()
    losses = iter([3.0, 1.0, 2.0, 2.0, 0.5])
    kept: list[dict[str, Any]] = []

    def watch() -> dict[str, float]:
        kept.append({name: value.clone() for name, value in task.model.state_dict().items()})
        return {task.goal: next(losses)}

    task.watch = watch
    loop().Loop(ctx, task, loop().Plan.of(parameters)).run()
    assert len(kept) == 4
    assert all(torch().equal(value, task.model.state_dict()[name]) for name, value in kept[1].items())


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_left_is_gone_on_with_and_the_best_is_not_forgotten(folder: Path, kind: str) -> None:
    ctx, parameters, made = task_of(folder, kind, epochs=3, patience=3)

    def weights(*attempts: int) -> dict[str, Any]:
        for looks in attempts:
            task, attempt = made(), told_after(looks)
            try:
                context = attempt(ctx.identity, ctx._link, folder)
                loop().Loop(context, task, loop().Plan.of(parameters)).run()
            except loop().Preempted:
                assert looks < attempts[-1]
        return dict(task.model.state_dict())

    whole = weights(1000)
    (folder / "bedplate-local" / "checkpoints.jsonl").unlink()
    resumed = weights(8, 3, 1000)
    assert all(torch().equal(whole[name], resumed[name]) for name in whole)


@pytest.mark.parametrize(
    ("kind", "given", "says"),
    [
        ("tabular_regressor", {"target": "Rent"}, "no column Rent to predict"),
        ("tabular_regressor", {"target": "Home"}, "must be numbers"),
        ("text_classifier", {"text_column": "Age", "label_column": "Home"}, "column Age holds double, not text"),
        ("text_classifier", {}, "no column text, label"),
        ("image_classifier", {"image_column": "Home", "label_column": "Home"}, "not encoded pictures"),
        ("text_classifier", {"text_column": "Home", "label_column": "one"}, "1 different labels"),
    ],
    ids=str,
)
def test_data_that_cannot_be_learned_from_is_named(folder: Path, kind: str, given: dict[str, Any], says: str) -> None:
    count = 40
    columns = {"Age": [float(n) for n in range(count)], "Home": ["own", "rent"] * (count // 2), "one": ["x"] * count}
    grounds.write(folder, columns)
    ctx, parameters = grounds.job(folder, kind, **given)
    with pytest.raises(ValueError, match=says):
        import_module(f"workers.runtime.training.{kind}").load_data(ctx, parameters)


def test_parts_that_a_recipe_made_are_taken_as_they_are(folder: Path) -> None:
    parts = ["train"] * 30 + ["validation"] * 10 + ["test"] * 20
    labels = ["a", "b"] * 30
    grounds.write(folder, {"text": [f"word{n}" for n in range(60)], "label": labels, "__split": parts})
    ctx, parameters = grounds.job(folder, "text_classifier")
    rows, description = texts().load_data(ctx, parameters)
    assert [len(each.labels) for each in rows] == [30, 10, 20]
    assert description["vocabulary"] == sorted(f"word{n}" for n in range(30)), "words of rows trained on alone"


def test_half_precision_without_a_gpu_is_refused_and_the_shorter_float_is_not() -> None:
    precision = import_module("workers.runtime.training.precision").Precision
    cpu = torch().device("cpu")
    with pytest.raises(ValueError, match="float16 needs a GPU"):
        precision("float16", cpu)
    assert [precision(kind, cpu).dtype for kind in ("auto", "float32", "bfloat16")] == [None, None, torch().bfloat16]
