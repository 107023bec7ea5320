"""What `POST /runs` takes as JSON Schema (2020-12), from which a dashboard builds its forms.

`title` and `description` are English; `x-zh-hans` beside them holds both in Simplified Chinese. `x-unit` says what a
number counts: `millicores`, `bytes`, `seconds`.
"""

from __future__ import annotations

from apps.common.tags import TAG_CHARACTERS_MOST, TAGS_MOST
from apps.experiments.api.trainer_forms import TRAINER_WORDS, Schema, Words, trainer_parameters
from apps.experiments.services.asked import BRINGS_CODE, RESOURCES_DEFAULT, SEED_MOST, TIME_LIMIT_DEFAULT_SECONDS
from apps.experiments.states import RunKind
from apps.quotas.services.requests import MEMBERS_MOST
from apps.quotas.services.retrying import ATTEMPTS_MOST, BACK_OFF_MOST_SECONDS, RETRIED
from workers.contracts.trainers import TRAINERS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DAYS_30 = 30 * 24 * 3600


KINDS: dict[str, Words] = {
    **TRAINER_WORDS,
    RunKind.SCRIPT: Words(
        "Your own script",
        "Python that you bring; it runs as `python train.py` and reads its parameters with `ctx.parameters`.",
        "自定义脚本",
        "由您提供的 Python 脚本，以 `python train.py` 运行，通过 `ctx.parameters` 读取参数。",
    ),
    RunKind.BUNDLE: Words(
        "Your own code",
        "A folder or a zip archive with a command; its packages by a lock, in an environment that is kept.",
        "自有代码",
        "文件夹或 zip 压缩包，外加启动命令；依赖由锁定文件安装，环境会缓存供下次使用。",
    ),
    RunKind.IMAGE: Words(
        "Container image",
        "A command in an image of yours. Runs in pools of Kubernetes clusters.",
        "容器镜像",
        "在您的镜像中执行命令，仅限 Kubernetes 集群的资源池。",
    ),
}
TAKES: dict[str, tuple[str, ...]] = {
    RunKind.SCRIPT: ("script",),
    RunKind.BUNDLE: ("bundle", "command", "requirements"),
    RunKind.IMAGE: ("image", "command"),
}
"""Fields of the request that say what the kind executes; a trainer takes none of them."""


def run_kinds() -> list[Schema]:
    """`[{"kind", "title", "description", "x-zh-hans", "takes_script", "takes", "needs_data", "parameters"}]`."""
    free = {"$schema": DIALECT, "type": "object", "additionalProperties": True, "properties": {}}
    forms = dict.fromkeys(TAKES, free) | {RunKind(kind): _object(*trainer_parameters(kind)) for kind in TRAINERS}
    return [
        {
            "kind": str(kind),
            **words.said(),
            "takes_script": kind == RunKind.SCRIPT,
            "takes": list(TAKES.get(kind, ())),
            "needs_data": kind not in BRINGS_CODE,
            "parameters": forms[RunKind(kind)],
        }
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
            "pool": {**_POOL.said(), "type": ["string", "null"], "maxLength": 60, "default": None},
            "seed": {**_SEED.said(), "type": ["integer", "null"], "minimum": 0, "maximum": SEED_MOST, "default": None},
            "environment": {**_VARIABLES.said(), "type": "object", "additionalProperties": text, "default": {}},
            "retries": {**_RETRIES.said(), **_retries()},
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
_POOL = Words("Where it runs", "This machine, or a cluster.", "运行位置", "本机或某个集群。")
_SEED = Words(
    "Seed",
    "The job finds it as `BEDPLATE_SEED` and `ctx.seed`.",
    "随机种子",
    "任务通过 `BEDPLATE_SEED` 和 `ctx.seed` 读取。",
)
_VARIABLES = Words(
    "Environment variables", "Texts by name. Secrets go as files.", "环境变量", "名称与文本；密钥以文件形式提供。"
)
_RETRIES = Words(
    "Retries",
    "After which ends another attempt follows, from the last checkpoint.",
    "重试规则",
    "以哪些原因结束后会从最近的检查点再次尝试。",
)
_RETRY_WORDS: dict[str, Words] = {
    "reasons": Words("Ends that are tried again", "Losses are in any case.", "重试的原因", "任务丢失总会重试。"),
    "max_attempts": Words("Attempts at most", "The first counted.", "尝试次数上限", "包含首次尝试。"),
    "backoff_seconds": Words(
        "Pause before the second", "Doubled for each further one.", "首次重试前的等待", "之后每次加倍。"
    ),
}
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


def _retries() -> Schema:
    whole = {"type": "integer"}
    shapes: dict[str, Schema] = {
        "reasons": {"type": "array", "items": {"enum": [str(reason) for reason in RETRIED]}, "default": []},
        "max_attempts": {**whole, "minimum": 1, "maximum": ATTEMPTS_MOST, "default": 3},
        "backoff_seconds": {
            **whole, "minimum": 0, "maximum": BACK_OFF_MOST_SECONDS, "default": 10, "x-unit": "seconds",
        },
    }  # fmt: skip
    return _object({name: {**_RETRY_WORDS[name].said(), **shape} for name, shape in shapes.items()})


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


def _object(properties: Schema, required: list[str] | None = None) -> Schema:
    return {
        "$schema": DIALECT,
        "type": "object",
        "additionalProperties": False,
        "required": required or [],
        "properties": properties,
    }
