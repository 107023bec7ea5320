"""The parameters of the built-in trainers as JSON Schema (2020-12), in both languages; see `run_forms`."""

from __future__ import annotations

from typing import Any, NamedTuple

from apps.experiments.states import RunKind
from workers.contracts.trainers import TEXT_CHARACTERS_MOST, TRAINERS, Parameter, Text

Schema = dict[str, Any]


class Words(NamedTuple):
    title: str
    description: str
    title_zh: str
    description_zh: str

    def said(self) -> Schema:
        zh = {"title": self.title_zh, "description": self.description_zh}
        return {"title": self.title, "description": self.description, "x-zh-hans": zh}


TRAINER_WORDS: dict[str, Words] = {
    RunKind.TABULAR_CLASSIFIER: Words(
        "Classifier of tables",
        "A small neural network for a label of two classes. Takes a cleaned dataset version with a split.",
        "表格分类器",
        "用于二分类标签的小型神经网络。需要已清洗并划分好训练集与测试集的数据集版本。",
    ),
    RunKind.TABULAR_REGRESSOR: Words(
        "Regressor of tables",
        "A small neural network that predicts a number from the other numbers of a row.",
        "表格回归器",
        "根据一行中的其他数值预测某个数值的小型神经网络。",
    ),
    RunKind.TEXT_CLASSIFIER: Words(
        "Classifier of texts",
        "Says which class a text is of, by its words. Takes a dataset with a column of text and one of labels.",
        "文本分类器",
        "根据词语判断文本的类别。需要含文本列和标签列的数据集。",
    ),
    RunKind.IMAGE_CLASSIFIER: Words(
        "Classifier of pictures",
        "A small convolutional network. Takes a dataset of pictures with labels, as an archive of folders gives it.",
        "图像分类器",
        "小型卷积网络。需要带标签的图像数据集，例如由按文件夹分类的压缩包导入。",
    ),
}
_HIDDEN = Words("Hidden units", "Width of every hidden layer.", "隐藏单元数", "每个隐藏层的宽度。")
PARAMETERS: dict[str, Words] = {
    "target": Words("Target", "Column of numbers that is predicted.", "目标列", "要预测的数值列。"),
    "text_column": Words("Column of text", "What is read.", "文本列", "要读取的文本。"),
    "image_column": Words("Column of pictures", "What is looked at.", "图像列", "要查看的图像。"),
    "label_column": Words("Column of labels", "Which class a row is of.", "标签列", "每行所属的类别。"),
    "epochs": Words("Epochs", "How often the training rows are gone through.", "训练轮数", "遍历训练数据的次数。"),
    "batch_size": Words(
        "Batch size", "Rows a step, of all members together.", "批大小", "每一步使用的行数，所有成员合计。"
    ),
    "learning_rate": Words("Learning rate", "How far a step goes.", "学习率", "每一步更新的幅度。"),
    "words": Words("Words", "So many of the most frequent are known.", "词表大小", "保留的最常见词的数量。"),
    "words_a_text": Words(
        "Words of a text",
        "So many of a text are read, from its beginning.",
        "每段文本词数",
        "每段文本从开头读取的词数。",
    ),
    "dimensions": Words("Dimensions", "Numbers that stand for a word.", "词向量维数", "表示一个词的数值个数。"),
    "side": Words("Side", "Pixels to which a picture is made wide and high.", "边长", "图像缩放后的宽与高（像素）。"),
    "channels": Words(
        "Channels",
        "Of the first block; each that follows has twice as many.",
        "通道数",
        "首个卷积块的通道数，其后逐块翻倍。",
    ),
    "blocks": Words(
        "Blocks", "Convolutions, after each of which half is kept.", "卷积块数", "卷积块的数量，每块后尺寸减半。"
    ),
    "hidden": _HIDDEN,
    "layers": Words("Hidden layers", "How many there are.", "隐藏层数", "隐藏层的数量。"),
    "dropout": Words("Dropout", "Share of units left out at random in a step.", "丢弃率", "每一步随机忽略的单元比例。"),
    "weight_decay": Words(
        "Weight decay", "How strongly large weights are held back.", "权重衰减", "对过大权重的抑制强度。"
    ),
    "patience": Words(
        "Patience",
        "After so many epochs without a better result it ends, with the best weights; 0: it does not.",
        "提前停止轮数",
        "连续这么多轮没有改进即停止，并采用最佳权重；0 表示不提前停止。",
    ),
    "precision": Words(
        "Precision",
        "Of the numbers in a step; automatic: half where the device has it.",
        "数值精度",
        "每一步计算的数值精度；自动：设备支持时使用半精度。",
    ),
    "validation_ratio": Words(
        "Validation share",
        "Part of the training rows that is watched and not trained on.",
        "验证集比例",
        "从训练数据中留出、仅用于观察而不参与训练的比例。",
    ),
    "test_ratio": Words(
        "Test share",
        "Part of the rows that the model is measured by, where the dataset was not divided.",
        "测试集比例",
        "数据集未划分时，用于评估模型的行所占比例。",
    ),
    "threshold": Words(
        "Threshold",
        "A score of at least this counts as the second class in the evaluation.",
        "判定阈值",
        "评估时，分数不低于该值即判为第二个类别。",
    ),
    "seed": Words("Seed", "Equal seeds and data give equal models.", "随机种子", "种子与数据相同，得到的模型就相同。"),
}


def trainer_parameters(kind: str) -> tuple[Schema, list[str]]:
    """The properties of a trainer's parameters in the order of a form, and those without a default."""
    known = TRAINERS[kind]
    properties = {name: _property(one, PARAMETERS[name]) for name, one in known.items()}
    return properties, [name for name, one in known.items() if one.trouble(one.default)]


def _property(parameter: Parameter | Text, words: Words) -> Schema:
    if isinstance(parameter, Text):
        return {**words.said(), **_text(parameter)}
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


def _text(parameter: Text) -> Schema:
    default = {} if parameter.trouble(parameter.default) else {"default": parameter.default}
    if parameter.choices:
        return {"type": "string", "enum": list(parameter.choices), **default}
    least = 0 if parameter.may_be_empty else 1
    return {"type": "string", "minLength": least, "maxLength": TEXT_CHARACTERS_MOST, **default}
