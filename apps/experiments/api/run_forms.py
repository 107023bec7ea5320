"""What `POST /runs` takes as JSON Schema (2020-12), from which a dashboard builds its forms.

`title` and `description` are English; `x-zh-hans` beside them holds both in Simplified Chinese. `x-unit` says what a
number counts: `millicores`, `bytes`, `seconds`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from apps.common.tags import TAG_CHARACTERS_MOST, TAGS_MOST
from apps.experiments.services.runs import RESOURCES_DEFAULT, TIME_LIMIT_DEFAULT_SECONDS
from apps.experiments.states import RunKind
from apps.quotas.services.requests import MEMBERS_MOST
from workers.contracts.trainers import TABULAR_CLASSIFIER, Parameter

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]
DAYS_30 = 30 * 24 * 3600


class Words(NamedTuple):
    title: str
    description: str
    title_zh: str
    description_zh: str

    def said(self) -> Schema:
        zh = {"title": self.title_zh, "description": self.description_zh}
        return {"title": self.title, "description": self.description, "x-zh-hans": zh}


KINDS: dict[str, Words] = {
    RunKind.TABULAR_CLASSIFIER: Words(
        "Built-in trainer for tables",
        "A small neural network for a label of two classes. Takes a cleaned dataset version with a split.",
        "内置表格训练器",
        "用于二分类标签的小型神经网络。需要已清洗并划分好训练集与测试集的数据集版本。",
    ),
    RunKind.SCRIPT: Words(
        "Your own script",
        "Python that you bring; it runs as `python train.py` and reads its parameters with `ctx.parameters`.",
        "自定义脚本",
        "由您提供的 Python 脚本，以 `python train.py` 运行，通过 `ctx.parameters` 读取参数。",
    ),
}
PARAMETERS: dict[str, Words] = {
    "epochs": Words("Epochs", "How often the training rows are gone through.", "训练轮数", "遍历训练数据的次数。"),
    "batch_size": Words("Batch size", "Rows a step.", "批大小", "每一步使用的行数。"),
    "learning_rate": Words("Learning rate", "How far a step goes.", "学习率", "每一步更新的幅度。"),
    "hidden": Words("Hidden units", "Width of every hidden layer.", "隐藏单元数", "每个隐藏层的宽度。"),
    "layers": Words("Hidden layers", "How many there are.", "隐藏层数", "隐藏层的数量。"),
    "dropout": Words(
        "Dropout", "Share of hidden units left out at random in a step.", "丢弃率", "每一步随机忽略的隐藏单元比例。"
    ),
    "weight_decay": Words(
        "Weight decay", "How strongly large weights are held back.", "权重衰减", "对过大权重的抑制强度。"
    ),
    "validation_ratio": Words(
        "Validation share",
        "Part of the training rows that is watched and not trained on.",
        "验证集比例",
        "从训练数据中留出、仅用于观察而不参与训练的比例。",
    ),
    "threshold": Words(
        "Threshold",
        "A score of at least this counts as the second class in the evaluation.",
        "判定阈值",
        "评估时，分数不低于该值即判为第二个类别。",
    ),
    "seed": Words("Seed", "Equal seeds and data give equal models.", "随机种子", "种子与数据相同，得到的模型就相同。"),
}


def run_kinds() -> list[Schema]:
    """`[{"kind", "title", "description", "x-zh-hans", "takes_script", "parameters"}]`."""
    free = {"$schema": DIALECT, "type": "object", "additionalProperties": True, "properties": {}}
    tabular = _object({name: _number(TABULAR_CLASSIFIER[name], words) for name, words in PARAMETERS.items()})
    forms = {RunKind.TABULAR_CLASSIFIER: tabular, RunKind.SCRIPT: free}
    return [
        {"kind": str(kind), **words.said(), "takes_script": kind == RunKind.SCRIPT, "parameters": forms[RunKind(kind)]}
        for kind, words in KINDS.items()
    ]


def request_form() -> Schema:
    """What a run asks for beside its experiment, dataset version, script and parameters."""
    text = {"type": "string"}
    return _object(
        {
            "name": {**_NAME.said(), **text, "minLength": 1, "maxLength": 120},
            "resources": {**_RESOURCES.said(), **_resources()},
            "time_limit_seconds": {
                **_TIME.said(),
                "type": "integer",
                "minimum": 1,
                "maximum": DAYS_30,
                "default": TIME_LIMIT_DEFAULT_SECONDS,
                "x-unit": "seconds",
            },
            "count_min": {**_COUNT_MIN.said(), **_MEMBERS},
            "count_max": {**_COUNT_MAX.said(), **_MEMBERS},
            "priority_class": {**_PRIORITY.said(), "type": ["string", "null"], "maxLength": 60, "default": None},
            "secrets": {**_SECRETS.said(), "type": "array", "items": text, "maxItems": 50, "default": []},
            "tags": {
                **_TAGS.said(),
                "type": "array",
                "items": {**text, "minLength": 1, "maxLength": TAG_CHARACTERS_MOST},
                "maxItems": TAGS_MOST,
                "default": [],
            },
        },
        required=["name"],
    )


_NAME = Words("Name", "Each once in its experiment.", "名称", "在同一实验中唯一。")
_RESOURCES = Words("Resources", "What the run holds while it runs.", "资源", "运行期间占用的资源。")
_TIME = Words("Time limit", "An attempt that takes longer is ended.", "时间上限", "单次尝试超过该时长即被终止。")
_COUNT_MIN = Words("Members, at least", "So many start together.", "成员数下限", "至少这么多成员一起启动。")
_COUNT_MAX = Words(
    "Members, at most",
    "More than the least where there is room; it may have to go on with fewer from its checkpoint.",
    "成员数上限",
    "有空位时多于下限；之后可能需要以更少的成员从检查点继续。",
)
_MEMBERS: Schema = {"type": "integer", "minimum": 1, "maximum": MEMBERS_MOST, "default": 1}
_PRIORITY = Words(
    "Priority",
    "Higher is admitted first; above 0 it takes an administrator of the project.",
    "优先级",
    "数值高者先准入；高于 0 的须由项目管理员提交。",
)
_SECRETS = Words(
    "Secrets", "Of the project; the job finds them as files.", "密钥", "项目中的密钥，任务以文件形式读取。"
)
_TAGS = Words("Tags", "Words to find it by.", "标签", "用于查找的词。")
_RESOURCE_WORDS: dict[str, Words] = {
    "cpu_millis": Words("CPU", "Thousandths of a core.", "CPU", "千分之一核。"),
    "memory_bytes": Words("Memory", "At least 16 MiB.", "内存", "至少 16 MiB。"),
    "gpus": Words("GPUs", "Whole ones.", "GPU 数量", "整卡数量。"),
    "flavor": Words("Kind of GPU", "Left empty: any.", "GPU 型号", "留空表示任意型号。"),
}


def _resources() -> Schema:
    whole = {"type": "integer"}
    shapes: dict[str, Schema] = {
        "cpu_millis": {**whole, "minimum": 1, "maximum": 1_000_000, "x-unit": "millicores"},
        "memory_bytes": {**whole, "minimum": 16 << 20, "maximum": 1 << 50, "x-unit": "bytes"},
        "gpus": {**whole, "minimum": 0, "maximum": 1024},
        "flavor": {"type": "string", "maxLength": 60},
    }
    return _object(
        {
            name: {**_RESOURCE_WORDS[name].said(), **shape, "default": getattr(RESOURCES_DEFAULT, name)}
            for name, shape in shapes.items()
        }
    )


def _number(parameter: Parameter, words: Words) -> Schema:
    bounds = {
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
        "exclusiveMinimum": parameter.above,
        "exclusiveMaximum": parameter.below,
    }
    return {
        **words.said(),
        "type": "integer" if parameter.whole else "number",
        "default": parameter.default,
        **{name: limit for name, limit in bounds.items() if limit is not None},
    }


def _object(properties: Schema, required: list[str] | None = None) -> Schema:
    return {
        "$schema": DIALECT,
        "type": "object",
        "additionalProperties": False,
        "required": required or [],
        "properties": properties,
    }
